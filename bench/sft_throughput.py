"""Training speed: the guide's stock recipe and ours, in one run, on one GPU or (--toy) a CPU.

A random-weight Qwen2.5-1.5B is trained by scripts/distill/training, which hands it to TRL's SFTTrainer, on synthetic traces as long as
R1's (median 5k tokens, tail to 16k). Printed for each recipe: tokens per second, MFU, peak memory, padding waste, and the loss of both on
the same sequences before the first step, which must agree. docs/benchmarks.md has the goals and what has been measured.

    python bench/sft_throughput.py                          # an H100 or H200: 4096 tokens and 32k
    python bench/sft_throughput.py --toy                    # a toy size on a CPU, in a minute
    python bench/sft_throughput.py --max-length 4096 --micro-batch 16 --ours-checkpointing

MFU = tokens/s * FLOPs per token / peak FLOP/s of the device (of a CPU: what a large product of matrices reaches). FLOPs per token =
6 * N + 12 * layers * hidden * c: N the weights that multiply (all but the input embedding; a tied output head counts), c the mean number of
tokens that a token attends to, itself included. What gradient checkpointing computes twice counts once. Padding is no token.
"""

import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

# Qwen/Qwen2.5-Math-1.5B, config.json
QWEN = {
    "hidden_size": 1536,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "intermediate_size": 8960,
    "vocab_size": 151936,
    "rope_theta": 300000.0,
    "tie_word_embeddings": True,
}
TOY = QWEN | {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 256}
TOY |= {"vocab_size": 512}
TOY_SCALE = 32  # a toy trace is so many times shorter
MEDIAN, SPREAD, LONGEST, SHORTEST = 5000, 0.65, 16384, 400  # tokens of R1's traces; log-normal
# Dense bfloat16 in FLOP/s, from NVIDIA's data sheets.
PEAK = {"H200": 989e12, "H100": 989e12, "H800": 989e12, "A100": 312e12, "A800": 312e12}
WARM_UP = 3  # steps before the clock starts
LOSS_ROWS = 4  # sequences on which both recipes' loss is compared

# The guide: packing as TRL had it (documents see each other), checkpointing, its batch of 4; the default kernel.
STOCK = {"packing": "wrapped", "gradient_checkpointing": True}
OURS = {"packing": "bfd_split"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--toy", action="store_true", help="a toy model and toy lengths, for a CPU")
    options.add_argument("--max-length", type=int, nargs="+", default=[4096, 32768], help="tokens of a training sequence")
    options.add_argument("--micro-batch", type=int, help="sequences at once in our recipe; tokens of 8 x 4096 if absent")
    options.add_argument("--stock-micro-batch", type=int, help="in the stock recipe; tokens of 4 x 4096 if absent")
    options.add_argument("--ours-checkpointing", action="store_true", help="gradient checkpointing in our recipe too")
    options.add_argument("--steps", type=int, default=20, help="steps on the clock")
    options.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, where this does not know it")
    options.add_argument("--one", help=argparse.SUPPRESS)  # a single measurement, in a separate process
    args = options.parse_args()
    if args.one:
        return print(json.dumps(measured(**json.loads(args.one))), file=sys.stdout)
    with tempfile.TemporaryDirectory() as work:
        make_model(Path(work), TOY if args.toy else QWEN, max(args.max_length))
        for max_length in args.max_length:
            compare(args, Path(work), max_length)


def compare(args: argparse.Namespace, work: Path, max_length: int) -> None:
    """Measure both recipes at one length, in separate processes, so that neither affects the other's memory."""
    length = max_length // TOY_SCALE if args.toy else max_length
    found = {}
    for name, recipe, micro, tokens in (("stock", STOCK, args.stock_micro_batch, 4), ("ours", OURS, args.micro_batch, 8)):
        micro = micro or max(1, tokens * 4096 // max_length)
        checkpointing = {"gradient_checkpointing": True} if name == "ours" and args.ours_checkpointing else {}
        recipe = {**recipe, **checkpointing, "max_length": length, "dtype": "float32" if args.toy else "bfloat16", "global_batch": micro}
        one = {"work": str(work), "name": name, "recipe": recipe, "steps": args.steps, "toy": args.toy, "peak_tflops": args.peak_tflops}
        command = [sys.executable, __file__, "--one", json.dumps(one)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name} at {length} tokens failed (exit code {done.returncode}); see above")
        found[name] = json.loads(done.stdout.splitlines()[-1])
    show(length, found)


def show(length: int, found: dict[str, dict[str, Any]]) -> None:
    stock, ours = found["stock"], found["ours"]
    print(f"\nmax_length {length}, {ours['device']}, torch {ours['torch']}")
    print(f"{'':<34}{'stock':>16}{'ours':>16}")
    for label, key, form in (
        ("packing", "packing", "{}"),
        ("attention", "attention", "{}"),
        ("layers", "layers", "{}"),
        ("gradient checkpointing", "checkpointing", "{}"),
        ("sequences a step", "micro_batch", "{}"),
        ("tokens/s", "tokens_per_s", "{:,.0f}"),
        ("MFU, %", "mfu", "{:.1f}"),
        ("peak memory, GiB", "peak_gib", "{:.2f}"),
        ("padding waste, %", "waste", "{:.2f}"),
        ("tokens that a token attends to", "attended", "{:,.0f}"),
        ("loss on the same sequences", "loss", "{:.6f}"),
    ):
        cells = ["not known" if one[key] is None else form.format(one[key]) for one in (stock, ours)]
        print(f"{label:<34}{cells[0]:>16}{cells[1]:>16}")
    print(f"{'ours / stock, tokens/s':<34}{ours['tokens_per_s'] / stock['tokens_per_s']:>32.2f}")
    print(f"{'difference of the losses':<34}{abs(ours['loss'] - stock['loss']):>32.1e}", flush=True)


def make_model(work: Path, shape: dict[str, Any], max_length: int) -> None:
    """Write a model with random weights and the miniature's tokenizer, whose 512 tokens are among the model's 151,936."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    from distill.base import manifest
    from distill.miniature import tokenizer

    torch.manual_seed(0)
    config = Qwen2Config(**shape, max_position_embeddings=max(max_length, LONGEST), bos_token_id=None)
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(work / "base")
    tokenizer.save(0, work / "base")
    manifest.write(work / "base", made_by="bench")


def traces(count: int, scale: int) -> list[dict[str, Any]]:
    """Rows of prompt and completion in which a character is a token: the tokenizer merges none of them."""
    draw = random.Random(0)

    def words(tokens: int) -> str:
        return "".join(draw.choice("0123456789" if at % 2 else "%&~@") for at in range(tokens))

    rows = []
    for _ in range(count):
        length = min(max(round(draw.lognormvariate(math.log(MEDIAN), SPREAD)), SHORTEST), LONGEST) // scale
        prompt = min(150 // math.isqrt(scale), length // 3)
        messages = [[{"role": "user", "content": words(prompt)}], [{"role": "assistant", "content": words(length - prompt)}]]
        rows.append(dict(zip(("prompt", "completion"), messages, strict=True)))
    return rows


def measured(work: str, name: str, recipe: dict[str, Any], steps: int, toy: bool, peak_tflops: float | None) -> dict[str, Any]:
    """Train for some steps and measure them."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback

    from distill.training import sft
    from distill.training.recipe import RECIPE

    scale = TOY_SCALE if toy else 1
    fixed = {"max_steps": WARM_UP + steps, "learning_rate": 1e-5, "lr_scheduler_type": "constant", "eos_token": "<|im_end|>", "seed": 0}
    settings = RECIPE.read(recipe | fixed)
    needed = (WARM_UP + steps + 2) * settings["global_batch"] * settings["max_length"]
    rows = Dataset.from_list(traces(max(200, 2 * needed * scale // MEDIAN), scale))
    run = Path(work) / f"{name}-{settings['max_length']}"
    arguments = sft.arguments(settings, run, "cpu" if toy else "auto", settings["global_batch"], 10**9, 1)
    arguments.save_strategy = "no"
    if name == "stock":
        arguments.use_liger_kernel = False
    sys.stdout, out = sys.stderr, sys.stdout  # the training prints to stdout too
    trainer = sft.build(Path(work) / "base", rows, settings, None, arguments)
    if name == "stock":
        trainer.model.set_attn_implementation("sdpa")
    loss = loss_alone(trainer, settings["max_length"])
    batches = Batches(trainer.data_collator)
    trainer.data_collator = batches
    on_gpu = torch.cuda.is_available() and not toy

    class Clock(TrainerCallback):
        started = ended = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step in (WARM_UP, WARM_UP + steps):
                if on_gpu:
                    torch.cuda.synchronize()
                if state.global_step == WARM_UP:
                    self.started, batches.tokens, batches.slots, batches.attended = time.perf_counter(), 0, 0, 0
                    torch.cuda.reset_peak_memory_stats() if on_gpu else None
                else:
                    self.ended = time.perf_counter()

    clock = Clock()
    sft.finetune(trainer, run, [clock])
    sys.stdout = out
    tokens_per_s = batches.tokens / (clock.ended - clock.started)
    attended = batches.attended / batches.tokens
    config, device = trainer.model.config, torch.cuda.get_device_name() if on_gpu else "CPU"
    known = next((flops for name, flops in PEAK.items() if name in device), None if on_gpu else reached())
    peak = peak_tflops * 1e12 if peak_tflops else known
    flops = 6 * multiplied(trainer.model) + 12 * config.num_hidden_layers * config.hidden_size * attended
    return {
        "device": device,
        "torch": torch.__version__,
        "packing": settings["packing"],
        "attention": config._attn_implementation,
        "layers": "Liger" if arguments.use_liger_kernel else "PyTorch",
        "checkpointing": "on" if settings["gradient_checkpointing"] else "off",
        "micro_batch": settings["global_batch"],
        "tokens_per_s": tokens_per_s,
        "mfu": 100 * tokens_per_s * flops / peak if peak else None,
        "peak_gib": (torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) / 2**30,
        "waste": 100 * (1 - batches.tokens / batches.slots),
        "attended": attended,
        "loss": loss,
    }


class Batches:
    """A collator that counts places, tokens, and the tokens that each token attends to."""

    def __init__(self, collator: Any) -> None:
        self.collator, self.slots, self.tokens, self.attended = collator, 0, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.collator, name)

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self.collator(examples)
        ids, mask = batch["input_ids"], batch.get("attention_mask")
        places = (
            batch["position_ids"] if "position_ids" in batch else (mask.cumsum(-1) if mask is not None else (ids * 0 + 1).cumsum(-1)) - 1
        )
        real = mask.bool() if mask is not None else ids == ids
        self.slots += ids.numel()
        self.tokens += int(real.sum())
        self.attended += int((places + 1)[real].sum())
        return batch


def loss_alone(trainer: Any, max_length: int) -> float:
    """The mean loss of the untrained model on some sequences, each a document by itself, as the recipe computes it."""
    import torch

    draw, device, losses = torch.Generator().manual_seed(1), trainer.args.device, []
    model = trainer.model.to(device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=trainer.args.bf16):
        for _ in range(LOSS_ROWS):
            ids = torch.randint(3, 256, (max_length,), generator=draw).tolist()
            batch = trainer.data_collator([{"input_ids": ids, "labels": ids, "seq_lengths": [max_length]}])
            batch = {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
            losses.append(float(trainer.compute_loss(model, batch)))
    return sum(losses) / len(losses)


def reached(size: int = 1024) -> float:
    """FLOP/s of a product of float32 matrices on this CPU: the best of ten."""
    import torch

    one, other = torch.ones(size, size), torch.ones(size, size)
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def multiplied(model: Any) -> int:
    """Number of weights that a token is multiplied with: all matrices, a tied embedding included as the output head."""
    embedding = model.get_input_embeddings().weight
    return sum(
        weight.numel()
        for weight in model.parameters()
        if weight.dim() > 1 and (weight is not embedding or model.config.tie_word_embeddings)
    )


if __name__ == "__main__":
    main()
