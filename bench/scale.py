"""Time and memory of each data stage at the size of R1's own set, on synthetic short rows.

    python bench/scale.py                       # 20,000 and 1,000,000 rows; docs/scale.md has what it printed
    python bench/scale.py --rows 2000 20000

Prints a line a stage: seconds, rows a second, peak memory of its processes. The rows are short (20 words of thought, one in a hundred with
an answer for math-verify): this measures what grows with the number of rows. bench/data_stage.py measures what grows with their length, as
--words does here. `packing` is distill/data/packing.py alone on the lengths of all rows; audit includes it too.
"""

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from data_stage import make_tokenizer, run_all, traces

from distill.base.files import write_jsonl
from distill.base.paths import KNOWN, SCRIPTS
from distill.base.settings import find

MAX_LENGTH = 4096


def stages(folder: Path, rows: int, workers: int) -> dict[str, list[str]]:
    """{stage: its command}, in order."""
    spec = {"ngram": 8, "max_tokens": 100_000, "benchmarks": {"one": {"columns": {"question": "question"}}}}
    made = {
        "normalise": ["normalise.py", "--format", "table", "--input", folder / "raw.jsonl", "--output", folder / "traces.jsonl"],
        "filter": ["filter.py", "--traces", folder / "traces.jsonl", "--tokenizer", folder / "tokenizer", "--spec", json.dumps(spec)],
        "audit": ["audit.py", "--sft", folder / "sft.jsonl", "--tokenizer", folder / "tokenizer", "--output", folder / "audit.json"],
        "seal": ["seal.py", "--output", folder / "digests.json", f"synthetic={folder / 'sft.jsonl'}"],
    }
    made["filter"] += ["--benchmark", f"one={folder / 'one.jsonl'}", "--workers", workers, "--output", folder / "sft.jsonl"]
    made["filter"] += ["--dropped", folder / "dropped.jsonl", "--funnel", folder / "funnel.json"]
    made["audit"] += ["--spec", json.dumps({"max_length": MAX_LENGTH, "packing": "bfd_split"})]
    strategies = find("$defs/recipe/packing")["enum"]
    commands = {name: [sys.executable, str(SCRIPTS / program), *map(str, rest)] for name, (program, *rest) in made.items()}
    return commands | {f"packing {name}": [sys.executable, __file__, "--pack", name, str(rows)] for name in strategies if name != "none"}


def pack(strategy: str, rows: int) -> None:
    """Pack documents of 500 to 20,000 tokens, the lengths of R1's traces."""
    from distill.data.packing import sequences

    rng = random.Random(0)
    sequences([rng.randint(500, 20_000) for _ in range(rows)], MAX_LENGTH, strategy)


def measure(rows: int, workers: int, words: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        make_tokenizer(folder / "tokenizer")
        write_jsonl(folder / "one.jsonl", ({"question": row["question"]} for row in traces(500, 1, 500, seed=100)))
        write_jsonl(folder / "raw.jsonl", traces(rows, words, hard_every=100))
        print(
            f"{rows:,} rows of {(folder / 'raw.jsonl').stat().st_size / rows:.0f} bytes, {workers} workers; load {os.getloadavg()[0]:.1f}"
        )
        for stage, command in stages(folder, rows, workers).items():
            took = run_all([command], memory=True)
            speed = f"{took.wall:.1f} s, {took.processor:.1f} s of processor, {rows / took.wall:,.0f} rows/s"
            print(f"  {stage}: {speed}, {took.megabytes:,.0f} MB")
        kept = json.loads((folder / "funnel.json").read_bytes())["kept"]
        tokens = json.loads((folder / "audit.json").read_bytes())["tokens"]["mean"]
        print(
            f"  {kept:,} rows kept of {tokens:,.0f} tokens, {(folder / 'sft.jsonl').stat().st_size / 1e6:,.0f} MB of sft.jsonl", flush=True
        )


def paper(rows: int = 800_000, tokens_a_row: int = 5_000, max_length: int = 16_384) -> None:
    """One epoch over R1's own 800k traces by preflight's formulas: memory of a device, and hours that are estimated, not measured."""
    import yaml

    from distill.preflight import memory, speed
    from distill.preflight.arch import Arch

    known = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
    sources = speed.Sources({}, [], known["rates"], known["assumed"], known["devices"]["unknown"])
    print(f"{rows:,} traces of {tokens_a_row:,} tokens, max_length {max_length:,}, bfd_split, ZeRO-3 over 8 devices, micro batch 1")
    for name in ("Qwen/Qwen2.5-Math-1.5B", "Qwen/Qwen2.5-Math-7B"):
        arch = Arch.of(known["models"][name])
        batch = memory.Batch(1, max_length, bfloat16=True, gradient_checkpointing=True)
        needed = memory.training(arch, memory.Launch("zero3", 8), batch)["total"]
        for device in ("A100-80GB", "H100-80GB"):
            rate = speed.training(arch, speed.Device("gpu", 8, device, **known["devices"][device]), batch, max_length, sources)
            hours = rows * tokens_a_row / rate.tokens_per_s / 3600
            print(f"  {name} on 8 x {device}: {memory.gb(needed)} GB, {rate.tokens_per_s:,.0f} tokens/s a device", end="")
            print(f" ({rate.how}), {hours:,.0f} device hours, {hours / 8 / 24:.1f} days")


def main() -> None:
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 1_000_000], help="numbers of rows")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of filter")
    parser.add_argument("--words", type=int, default=20, help="words of a thought; 2,300 are some 3,400 tokens")
    parser.add_argument("--paper", action="store_true", help="only print the estimate for training on 800,000 traces")
    parser.add_argument("--pack", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.pack:
        return pack(args.pack[0], int(args.pack[1]))
    if args.paper:
        return paper()
    for rows in args.rows:
        measure(rows, args.workers, args.words)


if __name__ == "__main__":
    main()
