"""Training speed: the guide's stock recipe and ours, each in its own process, in one run on one GPU or (--toy) a CPU.

A model of random weights is trained by scripts/distill/training, which hands it to TRL's SFTTrainer, on synthetic traces as long as R1's
(median 5k tokens, at most 16k). For each of EXPERIMENTS this prints a column of a table: tokens per second, MFU, peak memory, and the loss
on the same sequences before the first step, which must be equal for all of one model and length. Below it are the goals of
docs/benchmarks.md. An experiment that fails, runs out of memory or takes longer than --limit is a column that says so; the others stay.

    python bench/sft_throughput.py                          # all, on an H100 or H200: meant to take under six minutes
    python bench/sft_throughput.py --only stock ours        # some of them
    python bench/sft_throughput.py --profile work/profiles       # and where the time of two further steps goes, a file each
    python bench/sft_throughput.py --toy                    # a toy size on a CPU, in a minute

MFU = tokens/s * FLOPs per token / peak FLOP/s of the device (scripts/distill/training/speed.py; of a CPU: what a large product of matrices
reaches). What gradient checkpointing computes twice counts once; padding is no token. The clock starts after WARM_UP steps and stops after
the last, each time once the GPU has finished.
"""

import argparse
import json
import math
import os
import random
import resource
import signal
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
PROFILED = 2  # steps that --profile looks at, after the clock has stopped
LOSS_ROWS = 4  # sequences whose loss is compared


@dataclass(frozen=True)
class Experiment:
    """A training to measure. `stock`: TRL's own loss and log, sdpa, no Liger, unfused AdamW. `median`: tokens of a trace. `times`: as many
    times --steps, where steps are short. `within_gib`: the most of a GPU's memory that PyTorch may use."""

    sequences: int
    max_length: int
    recipe: dict[str, Any] = field(default_factory=lambda: {"packing": "bfd_split"})
    runtime: dict[str, Any] = field(default_factory=dict)
    stock: bool = False
    shape: str = "qwen"
    median: int = 5000
    times: int = 1
    within_gib: float | None = None


# In the order in which they are needed most, should there be no time for all.
EXPERIMENTS = {
    # The guide: packing as TRL had it (documents see each other), checkpointing, its batch of 4.
    "stock": Experiment(4, 4096, {"packing": "wrapped", "gradient_checkpointing": True}, stock=True),
    "ours": Experiment(8, 4096),
    "compiled": Experiment(8, 4096, runtime={"compile_layers": True}),
    "80 GB": Experiment(4, 4096, within_gib=78),  # an H100 has 79.1 GiB, of which CUDA takes some 0.5
    "135M": Experiment(8, 1024, shape="smollm2", median=200, times=10),
    "135M compiled": Experiment(8, 1024, runtime={"compile_layers": True}, shape="smollm2", median=200, times=10),
    "32k": Experiment(1, 32768),
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
    ("of them while timed", "graphs_timed", "{}"),
    ("loss on the same sequences", "loss", "{:.6f}"),
    ("seconds on the clock", "timed_s", "{:.1f}"),
    ("seconds in all", "seconds", "{:.0f}"),
)
Found = dict[str, dict[str, Any]]  # of an experiment, by name: what was measured, or {"failed": why}
# docs/benchmarks.md: experiments of which the best counts, what of it, the least that is wanted
GOALS = {
    "(a) tokens/s as a multiple of stock": (("ours", "compiled"), "multiple", 1.9),
    "(b) MFU, %": (("ours", "compiled"), "mfu", 50),
    "(c) MFU within 80 GB, %": (("80 GB",), "mfu", 45),
    "(d) tokens/s of 135M": (("135M", "135M compiled"), "tokens_per_s", 165_000),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", choices=EXPERIMENTS, help="experiments to run (default: all; --toy: the eager ones)")
    options.add_argument("--toy", action="store_true", help="a toy model and toy lengths, for a CPU")
    options.add_argument("--steps", type=int, default=10, help="steps on the clock (default: %(default)s; of 135M ten times as many)")
    options.add_argument("--limit", type=float, default=150, help="seconds that an experiment may take (default: %(default)s)")
    options.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, where config/known.yaml does not have it")
    options.add_argument("--profile", type=Path, metavar="FOLDER", help="profile two further steps of each experiment into FOLDER/NAME.txt")
    options.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # (name, work folder): a single measurement, in a separate process
    args = options.parse_args()
    if args.one:
        name, work = args.one[0], Path(args.one[1])
        result_file(work, name).write_text(json.dumps(measure(name, work, args)), encoding="utf-8")
        return
    found: Found = {}
    with tempfile.TemporaryDirectory() as work:
        try:
            for name in args.only or [name for name, one in EXPERIMENTS.items() if not (args.toy and one.runtime)]:
                found[name] = measure_apart(name, Path(work), args.limit)
                told = found[name].get("failed") or f"{found[name]['tokens_per_s']:,.0f} tokens/s"
                print(f"{name}: {told}, {found[name]['seconds']:.0f} s", flush=True)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
        print_table(found, args.toy)
    sys.exit(not found or any("failed" in one for one in found.values()))


def result_file(work: Path, name: str) -> Path:
    return work / f"{name}.json"


def measure_apart(name: str, work: Path, limit: float) -> dict[str, Any]:
    """One measurement in its own process, so that none affects the memory of another, and none is lost with another."""
    started = time.monotonic()
    command = [sys.executable, *sys.argv, "--one", name, str(work)]
    child = subprocess.Popen(command, stdout=sys.stderr, start_new_session=True)
    try:
        code = child.wait(limit)
        found = json.loads(result_file(work, name).read_text(encoding="utf-8")) if code == 0 else {"failed": f"exit code {code}"}
    except subprocess.TimeoutExpired:
        found = {"failed": f"took more than {limit:g} s"}
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # with the processes that compile for it
            child.wait()
    return found | {"seconds": time.monotonic() - started}


def print_table(found: Found, toy: bool) -> None:
    """A Markdown table with a column for each experiment, and how the goals were met."""
    measured = {name: one for name, one in found.items() if "failed" not in one}
    first = next(iter(measured.values()), None)
    print(f"\n{first['device']}, {first['versions']}\n" if first else "\nnothing was measured\n")
    print("| | " + " | ".join(found) + " |")
    print("|---" * (1 + len(found)) + "|")
    for label, key, form in ROWS:
        without = {name: one.get("failed", "–") if key == "tokens_per_s" else "–" for name, one in found.items()}
        cells = [without[name] if one.get(key) is None else form.format(one[key]) for name, one in found.items()]
        print(f"| {label} | " + " | ".join(cells) + " |")
    if "stock" in measured:
        for name, one in measured.items():
            if EXPERIMENTS[name].shape == "qwen":
                one["multiple"] = one["tokens_per_s"] / measured["stock"]["tokens_per_s"]
        ratios = [f"{name} {one['multiple']:.2f}" for name, one in measured.items() if "multiple" in one]
        print(f"\ntokens/s as multiples of stock: {', '.join(ratios)}")
    losses = [one["loss"] for name, one in measured.items() if EXPERIMENTS[name].max_length == 4096]
    if losses:
        print(f"largest difference of the losses at 4096 tokens: {max(losses) - min(losses):.1e}")
    if not toy:
        print("".join(f"\ngoal {line}" for line in goals(measured)))


def goals(measured: Found) -> list[str]:
    """A line for each goal: the best of what counts for it, and whether that is enough."""
    lines = []
    for goal, (names, key, least) in GOALS.items():
        values = [measured[name][key] for name in names if measured.get(name, {}).get(key) is not None]
        told = f"{max(values):,.2f}, {'met' if max(values) >= least else 'not met'}" if values else "not measured"
        lines.append(f"{goal}, at least {least:,}: {told}")
    return lines


def make_model(folder: Path, shape: dict[str, Any]) -> None:
    """Random weights, with the miniature's tokenizer: its 512 tokens are among the model's. Made on the GPU, if there is one, which takes
    seconds there and half a minute on a CPU."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from distill.base import manifest
    from distill.miniature import tokenizer

    torch.manual_seed(0)
    config = AutoConfig.for_model(**shape, max_position_embeddings=32768, bos_token_id=None)
    part = folder.with_name(f"{folder.name}.part")
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(part)
    tokenizer.save(0, part)
    manifest.write(part, made_by="bench")
    part.rename(folder)


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

    try:
        return train(name, work, args)
    except torch.OutOfMemoryError as error:
        print(error, file=sys.stderr)
        return {"failed": "out of memory"}


def train(name: str, work: Path, args: argparse.Namespace) -> dict[str, Any]:
    import torch
    import transformers
    import trl
    from datasets import Dataset

    from distill.training import kernels, sft
    from distill.training.recipe import RECIPE, RUNTIME
    from distill.training.resumable import train_to_end
    from distill.training.speed import flops_per_token, peak_flops

    one, toy = EXPERIMENTS[name], args.toy
    steps, scale = args.steps * (1 if toy else one.times), TOY_SCALE if toy else 1
    on_gpu = torch.cuda.is_available() and not toy
    if not (work / one.shape).exists():
        make_model(work / one.shape, {"qwen": QWEN, "smollm2": SMOLLM2}[one.shape] | (TOY if toy else {}))
        torch.cuda.empty_cache()
    if on_gpu and one.within_gib:
        total = torch.cuda.get_device_properties(0).total_memory / 2**30
        torch.cuda.set_per_process_memory_fraction(min(1.0, one.within_gib / total))
    last = WARM_UP + steps + (PROFILED if args.profile else 0)
    fixed = {"max_steps": last, "learning_rate": 1e-5, "lr_scheduler_type": "constant", "eos_token": "<|im_end|>", "seed": 0}
    fixed |= {"max_length": one.max_length // scale, "global_batch": one.sequences, "dtype": "float32" if toy else "bfloat16"}
    recipe = RECIPE.read(one.recipe | fixed)
    runtime = RUNTIME.read({"device": "cpu" if toy else "auto", "micro_batch": one.sequences, **one.runtime}, "--runtime")
    # The mean of a trace is 1.2 medians; one epoch is enough.
    rows = Dataset.from_list(traces(50 + (last + 1) * one.sequences * one.max_length // one.median, one.median, scale))
    run = work / f"run-{name}"
    arguments = sft.arguments(recipe, run, runtime, 1)
    arguments.save_strategy = "no"
    if one.stock:
        arguments.use_liger_kernel, arguments.optim = False, "adamw_torch"
    trainer = sft.build(work / one.shape, rows, recipe, None, arguments, runtime)
    if one.stock:
        trainer.model.set_attn_implementation("sdpa")
        trainer.rows_at_once = 1
        trainer.compute_loss = trl.SFTTrainer.compute_loss.__get__(trainer)
    loss = loss_alone(trainer, recipe["max_length"])
    trainer._reset_sums()
    batches = trainer.data_collator = Batches(trainer.data_collator)
    clock = clock_of(batches, WARM_UP + steps, args.profile and args.profile / f"{name.replace(' ', '-')}.txt")
    train_to_end(trainer, run, [clock])
    tokens_per_s, attended = clock.tokens / clock.seconds, clock.attended / clock.tokens
    config, device = trainer.model.config, torch.cuda.get_device_name() if on_gpu else "CPU"
    peak = peak_flops(device, {"tflops": args.peak_tflops}) if on_gpu else reached_flops()
    layers, recomputing = kernels.decoder_layers(trainer.model), runtime["checkpoint_layers"]
    return {
        "device": device,
        "versions": ", ".join(f"{module.__name__} {module.__version__}" for module in (torch, transformers, trl)),
        "model": "toy" if toy else {"qwen": "1.5B", "smollm2": "135M"}[one.shape],
        "packing": recipe["packing"],
        "batch": f"{one.sequences} x {recipe['max_length']}",
        "attention": config._attn_implementation,
        "layers": "compiled" if layers[0]._compiled_call_impl else "Liger" if arguments.use_liger_kernel else "PyTorch",
        "checkpointing": f"{recomputing} of {len(layers)}" if recomputing else "all" if recipe["gradient_checkpointing"] else "none",
        "tokens_per_s": tokens_per_s,
        "mfu": 100 * tokens_per_s * flops_per_token(trainer.model, attended) / peak if peak else None,
        "peak_gib": clock.peak_gib,
        "waste": 100 * (1 - clock.tokens / clock.slots),
        "attended": attended,
        "graphs": clock.graphs,
        "graphs_timed": clock.graphs - clock.graphs_before,
        "loss": loss,
        "timed_s": clock.seconds,
    }


def clock_of(batches: "Batches", end: int, profile: Path | None) -> Any:
    """A callback that measures the steps from WARM_UP to `end`, and profiles those that follow.

    accelerate collates a batch ahead, so what is counted is as many batches as were timed, each the one after.
    """
    import torch
    from transformers import TrainerCallback

    from distill.training import kernels

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            on_gpu, step = args.device.type == "cuda", state.global_step
            if step in (WARM_UP, end) and on_gpu:
                torch.cuda.synchronize()
            if step == WARM_UP:
                batches.tokens = batches.slots = batches.attended = 0
                self.graphs_before = kernels.compiled_graphs()
                if on_gpu:
                    torch.cuda.reset_peak_memory_stats()
                self.started = time.perf_counter()
            if step == end:
                self.seconds = time.perf_counter() - self.started
                self.tokens, self.slots, self.attended = batches.tokens, batches.slots, batches.attended
                self.graphs = kernels.compiled_graphs()
                used = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
                self.peak_gib = used / 2**30
                if profile:
                    self.profiler = torch.profiler.profile()
                    self.profiler.start()
            if profile and step == end + PROFILED:
                write_profile(self.profiler, "self_device_time_total" if on_gpu else "self_cpu_time_total", profile)

    return Clock()


def write_profile(profiler: Any, order: str, file: Path) -> None:
    """Stop the profiler and write its table. What goes wrong with it is printed: the measurement is there."""
    try:
        profiler.stop()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(profiler.key_averages().table(sort_by=order, row_limit=40), encoding="utf-8")
    except Exception as error:
        print(f"no profile: {error}", file=sys.stderr)


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
