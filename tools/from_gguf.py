"""Turn a GGUF file into a model folder that from_pretrained, vLLM and `source: {path: ...}` load.

The weights are those of the file: where it holds four bits a weight, so does the folder, written out in --dtype. Needs `pip install
gguf==0.19.0`. transformers 5.19 reads GGUF; corrected here are the pre-tokenizer that the file names, the tokenizer's context, a config
with quantization_config, numbers that float32 has rounded, and the generation config.

    python tools/from_gguf.py SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2-135m-instruct
"""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError

# `tokenizer.ggml.pre` of files that transformers 5.19 gives the pre-tokenizer of their architecture.
RIGHT_IN_TRANSFORMERS = {"default", "qwen2", "llama-bpe"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("gguf", type=Path, help="the file")
    options.add_argument("output", type=Path, help="folder of the model; must not exist")
    options.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float16", "float32"], help="default: %(default)s")
    args = options.parse_args()
    if not args.gguf.is_file():
        raise InputError(f"{args.gguf}: not a file; name a .gguf")
    if args.output.exists():
        raise InputError(f"{args.output}: exists already; remove it or name another folder")
    if find_spec("gguf") is None:
        raise InputError("gguf is not installed; pip install gguf==0.19.0")
    part = args.output.with_name(f".{args.output.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    convert(args.gguf, part, args.dtype)
    os.replace(part, args.output)
    print(f"{args.output}: a model folder")


def convert(gguf: Path, folder: Path, dtype: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    named = {"pretrained_model_name_or_path": str(gguf.resolve().parent), "gguf_file": gguf.name}
    read = AutoModelForCausalLM.from_pretrained(**named, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(**named)
    about = metadata(gguf)

    config = type(read.config)(**clean_config(read.config.to_dict()))
    tokens = {name: about.get(f"tokenizer.ggml.{key}_token_id") for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))}
    for name, number in tokens.items():
        setattr(config, f"{name}_token_id", number)
    model = type(read)(config)
    model.load_state_dict(read.state_dict())
    model.generation_config = GenerationConfig(**{f"{name}_token_id": number for name, number in tokens.items()})
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    set_pre_tokenizer(tokenizer, about.get("tokenizer.ggml.pre", "default"))
    tokenizer.model_max_length = config.max_position_embeddings
    tokenizer.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):
        weights.chmod((folder / "config.json").stat().st_mode)  # safetensors 0.8 writes files that only their owner can read


def metadata(gguf: Path) -> dict[str, Any]:
    """The numbers and texts of the file's header."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    return {name: field.contents() for name, field in fields.items() if len(field.types) == 1}


def clean_config(config: dict[str, Any]) -> dict[str, Any]:
    """Without traces of the file, and with numbers as people write them: 9.999999747378752e-06 is float32's 1e-05."""
    of_the_file = {"quantization_config", "transformers_version", "dtype"}
    return rounded({key: value for key, value in config.items() if key not in of_the_file and not key.startswith("_")})


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return float(f"{value:.7g}") if isinstance(value, float) else value


def set_pre_tokenizer(tokenizer: Any, name: str) -> None:
    """The pre-tokenizer that llama.cpp knows by `name`, which decides how text is cut before its tokens are found."""
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    if name == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    elif name not in RIGHT_IN_TRANSFORMERS:
        print(f"warning: pre-tokenizer {name!r} is unknown here: compare the tokens with those of the original model", file=sys.stderr)


if __name__ == "__main__":
    run(main)
