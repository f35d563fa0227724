"""A trained model as a folder that from_pretrained and vLLM load: the same files whichever way the training was launched."""

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from distill.base.files import read_json, write_json
from distill.models.tokenizer_files import write_for_older_transformers
from distill.training import lora
from distill.training.resumable import Resumable, report_full_disk


def save(trainer: Resumable, folder: Path) -> None:
    """Write the model, its tokenizer and a generation config with the end of turn that was trained. All processes must call this."""
    model, tokenizer = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class
    dtype = torch.bfloat16 if trainer.args.bf16 else torch.float32
    model.config.use_cache = True  # for whoever loads it
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    with report_full_disk(folder, "the trained model; all its checkpoints are still good"):
        if lora.is_adapted(model):
            weights = trainer.accelerator.get_state_dict(trainer.deepspeed if trainer.is_deepspeed_enabled else trainer.model)
            if trainer.args.should_save:
                model.get_base_model().save_pretrained(folder, state_dict=lora.merged(weights, lora.scale(model), dtype))
        elif trainer.is_fsdp_enabled:  # where checkpoints are sharded, transformers 5.19 silently writes no weights
            weights = trainer.accelerator.get_state_dict(trainer.model)
            if trainer.args.should_save:
                trainer._save(str(folder), state_dict=weights)
        else:
            trainer.save_model(str(folder))
    model.config.use_cache = False  # the training may continue
    if trainer.args.should_save:
        normalise_weights(folder, dtype, tied=model.all_tied_weights_keys)
        tokenizer.save_pretrained(folder)
        write_for_older_transformers(folder)
        (folder / "training_args.bin").unlink(missing_ok=True)


def normalise_weights(folder: Path, dtype: torch.dtype, tied: Collection[str]) -> None:
    """Rewrite the weights in `folder` so that they do not depend on the launcher: in the recipe's precision, and each tied weight once.

    DeepSpeed exports bfloat16, the others the float32 that they train in; under ZeRO-2 it stores weights that are `tied` to others again.
    """
    for path in sorted(folder.glob("*.safetensors")):
        tensors = load_file(path)
        kept = {name: tensor.to(dtype) for name, tensor in tensors.items() if name not in tied}
        if kept.keys() != tensors.keys() or any(tensor.dtype != dtype for tensor in tensors.values()):
            save_file(kept, path, metadata={"format": "pt"})
        path.chmod((folder / "config.json").stat().st_mode)  # safetensors 0.8 writes files that only their owner can read
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", {**config, "dtype": str(dtype).removeprefix("torch.")})
