"""Training speed: the guide's stock recipe and ours, each in its own process, in one run on one GPU or (--toy) a CPU.

A model of random weights is trained by scripts/distill/training, which hands it to TRL's SFTTrainer, on synthetic traces as long as R1's
(median 5k tokens, at most 16k). For each of EXPERIMENTS this prints a column of a table: tokens per second, MFU, peak memory, and the loss
on the same sequences before the first step, which must be equal for all of one model and length. The goals are docs/benchmarks.md's.

    python bench/sft_throughput.py                          # all, on an H100 or H200: under six minutes
    python bench/sft_throughput.py --only stock ours        # some of them
    python bench/sft_throughput.py --toy                    # a toy size on a CPU, in a minute

MFU = tokens/s * FLOPs per token / peak FLOP/s of the device (scripts/distill/training/speed.py; of a CPU: what a large product of matrices
reaches). What gradient checkpointing computes twice counts once; padding is no token.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

# config.json of Qwen/Qwen2.5-Math-1.5B and of HuggingFaceTB/SmolLM2-135M-Instruct
QWEN = {
    "model_type": "qwen2",
    "hidden_size": 1536,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "intermediate_size": 8960,
    "vocab_size": 151936,
    "rope_theta": 300000.0,
    "tie_word_embeddings": True,
}
SMOLLM2 = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
TOY = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 3, "intermediate_size": 256}
TOY |= {"vocab_size": 512}
TOY_SCALE = 32  # sequences and traces of the toy are this many times shorter
SPREAD, LONGEST, SHORTEST = 0.65, 16384, 60  # of the log-normal lengths of traces, in tokens
WARM_UP = 3  # steps before the clock starts
LOSS_ROWS = 4  # sequences whose loss is compared


@dataclass(frozen=True)
class Experiment:
    """A training to measure. `stock`: TRL's own loss and log, sdpa, no Liger, unfused AdamW. `median`: tokens of a trace."""

    sequences: int
    max_length: int
    recipe: dict[str, Any] = field(default_factory=lambda: {"packing": "bfd_split"})
    runtime: dict[str, Any] = field(default_factory=dict)
    stock: bool = False
    shape: str = "qwen"
    median: int = 5000


EXPERIMENTS = {
    # The guide: packing as TRL had it (documents see each other), checkpointing, its batch of 4.
    "stock": Experiment(4, 4096, {"packing": "wrapped", "gradient_checkpointing": True}, stock=True),
    "ours": Experiment(8, 4096),
    "compiled": Experiment(8, 4096, runtime={"compile_layers": True}),
    "80 GB": Experiment(4, 4096),
    "32k": Experiment(1, 32768),
    "135M": Experiment(8, 1024, shape="smollm2", median=200),
    "135M compiled": Experiment(8, 1024, runtime={"compile_layers": True}, shape="smollm2", median=200),
}
ROWS = (
    ("model", "model", "{}"),
    ("packing", "packing", "{}"),
    ("sequences x tokens", "batch", "{}"),
    ("attention", "attention", "{}"),
    ("layers", "layers", "{}"),
    ("gradient checkpointing", "checkpointing", "{}"),
    ("tokens/s", "tokens_per_s", "{:,.0f}"),
    ("MFU, %", "mfu", "{:.1f}"),
    ("peak memory, GiB", "peak_gib", "{:.1f}"),
    ("padding, %", "waste", "{:.2f}"),
    ("tokens that a token attends to", "attended", "{:,.0f}"),
    ("compiled graphs", "graphs", "{}"),
    ("loss on the same sequences", "loss", "{:.6f}"),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", choices=EXPERIMENTS, help="experiments to run (default: all; --toy: the eager ones)")
    options.add_argument("--toy", action="store_true", help="a toy model and toy lengths, for a CPU")
    options.add_argument("--steps", type=int, default=10, help="steps on the clock (default: %(default)s)")
    options.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, where config/known.yaml does not have it")
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # (name, work folder): a single measurement, in a separate process
    args = options.parse_args()
    if args.one:
        return print(json.dumps(measure(args.one[0], Path(args.one[1]), args)))
    names = args.only or [name for name, one in EXPERIMENTS.items() if not (args.toy and one.runtime)]
    with tempfile.TemporaryDirectory() as work:
        for shape in dict.fromkeys(EXPERIMENTS[name].shape for name in names):
            make_model(Path(work, shape), {"qwen": QWEN, "smollm2": SMOLLM2}[shape] | (TOY if args.toy else {}))
        print_table({name: measure_apart(name, work) for name in names})


def measure_apart(name: str, work: str) -> dict[str, Any] | None:
    """One measurement in its own process, so that none affects the memory of another; None where it failed."""
    done = subprocess.run([sys.executable, *sys.argv, "--one", name, work], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name} failed (exit code {done.returncode}); see above", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def print_table(found: dict[str, dict[str, Any] | None]) -> None:
    """A Markdown table with a column for each experiment, and what the goals are about."""
    first = next((one for one in found.values() if one), None)
    print(f"\n{first['device']}, torch {first['torch']}\n" if first else "nothing was measured")
    print("| | " + " | ".join(found) + " |")
    print("|---" * (1 + len(found)) + "|")
    for label, key, form in ROWS:
        cells = ["failed" if one is None else "–" if one[key] is None else form.format(one[key]) for one in found.values()]
        print(f"| {label} | " + " | ".join(cells) + " |")
    speeds = {name: one["tokens_per_s"] for name, one in found.items() if one}
    if "stock" in speeds:
        ratios = [f"{name} {speed / speeds['stock']:.2f}" for name, speed in speeds.items() if EXPERIMENTS[name].shape == "qwen"]
        print(f"\ntokens/s as multiples of stock: {', '.join(ratios)}")
    losses = [one["loss"] for name, one in found.items() if one and EXPERIMENTS[name].max_length == 4096]
    if losses:
        print(f"largest difference of the losses at 4096 tokens: {max(losses) - min(losses):.1e}", flush=True)


def make_model(folder: Path, shape: dict[str, Any]) -> None:
    """Random weights, with the miniature's tokenizer: its 512 tokens are among the model's."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from distill.base import manifest
    from distill.miniature import tokenizer

    torch.manual_seed(0)
    config = AutoConfig.for_model(**shape, max_position_embeddings=32768, bos_token_id=None)
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(0, folder)
    manifest.write(folder, made_by="bench")


def traces(count: int, median: int, scale: int) -> list[dict[str, Any]]:
    """Rows of prompt and completion in which a character is a token: the tokenizer merges none of them."""
    draw = random.Random(0)

    def words(tokens: int) -> str:
        return "".join(draw.choice("0123456789" if at % 2 else "%&~@") for at in range(tokens))

    rows = []
    for _ in range(count):
        length = min(max(round(draw.lognormvariate(math.log(median), SPREAD)), SHORTEST), LONGEST) // scale
        prompt = min(150 // math.isqrt(scale), length // 3)
        messages = [[{"role": "user", "content": words(prompt)}], [{"role": "assistant", "content": words(length - prompt)}]]
        rows.append(dict(zip(("prompt", "completion"), messages, strict=True)))
    return rows


def measure(name: str, work: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Train for some steps and measure them."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTTrainer

    from distill.training import kernels, sft
    from distill.training.recipe import RECIPE, RUNTIME
    from distill.training.resumable import train_to_end
    from distill.training.speed import flops_per_token, peak_flops

    one, steps, toy = EXPERIMENTS[name], args.steps, args.toy
    scale = TOY_SCALE if toy else 1
    fixed = {"max_steps": WARM_UP + steps, "learning_rate": 1e-5, "lr_scheduler_type": "constant", "eos_token": "<|im_end|>", "seed": 0}
    fixed |= {"max_length": one.max_length // scale, "global_batch": one.sequences, "dtype": "float32" if toy else "bfloat16"}
    recipe = RECIPE.read(one.recipe | fixed)
    runtime = RUNTIME.read({"device": "cpu" if toy else "auto", "micro_batch": one.sequences, **one.runtime}, "--runtime")
    needed = (WARM_UP + steps + 2) * one.sequences * one.max_length
    rows = Dataset.from_list(traces(max(200, 2 * needed // one.median), one.median, scale))
    run = work / name.replace(" ", "-")
    arguments = sft.arguments(recipe, run, runtime, 1)
    arguments.save_strategy = "no"
    if one.stock:
        arguments.use_liger_kernel, arguments.optim = False, "adamw_torch"
    sys.stdout, out = sys.stderr, sys.stdout  # the training prints to stdout too
    trainer = sft.build(work / one.shape, rows, recipe, None, arguments, runtime)
    if one.stock:
        trainer.model.set_attn_implementation("sdpa")
        trainer.rows_at_once = 1
        trainer.compute_loss = SFTTrainer.compute_loss.__get__(trainer)
    loss = loss_alone(trainer, recipe["max_length"])
    trainer._reset_sums()
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
    train_to_end(trainer, run, [clock])
    sys.stdout = out
    tokens_per_s, attended = batches.tokens / (clock.ended - clock.started), batches.attended / batches.tokens
    config, device = trainer.model.config, torch.cuda.get_device_name() if on_gpu else "CPU"
    peak = peak_flops(device, {"tflops": args.peak_tflops}) if on_gpu else reached_flops()
    layers, recomputing = kernels.decoder_layers(trainer.model), runtime["checkpoint_layers"]
    graphs = kernels.compiled_graphs()
    return {
        "device": device,
        "torch": torch.__version__,
        "model": "toy" if toy else {"qwen": "1.5B", "smollm2": "135M"}[one.shape],
        "packing": recipe["packing"],
        "batch": f"{one.sequences} x {recipe['max_length']}",
        "attention": config._attn_implementation,
        "layers": "compiled" if graphs and one.runtime else "Liger" if arguments.use_liger_kernel else "PyTorch",
        "checkpointing": f"{recomputing} of {len(layers)}" if recomputing else "all" if recipe["gradient_checkpointing"] else "none",
        "tokens_per_s": tokens_per_s,
        "mfu": 100 * tokens_per_s * flops_per_token(trainer.model, attended) / peak if peak else None,
        "peak_gib": (torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) / 2**30,
        "waste": 100 * (1 - batches.tokens / batches.slots),
        "attended": attended,
        "graphs": graphs if one.runtime else None,
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


def reached_flops(size: int = 1024) -> float:
    """FLOP/s of a product of float32 matrices on this CPU: the best of ten."""
    import torch

    one, other = torch.ones(size, size), torch.ones(size, size)
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


if __name__ == "__main__":
    main()
