"""All that docs/benchmarks.md wants from a GPU, in one go, what matters most first. Each part's output is kept, whatever comes after.

    python bench/on_a_gpu.py                                                          # config/gsm8k.yaml from the hub
    python bench/on_a_gpu.py --configfile config/gsm8k.yaml config/gsm8k_local.yaml   # from local files
    python bench/on_a_gpu.py --only throughput invariance                             # some parts, once the experiment is there

| part | what runs |
|---|---|
| training | bench/sft_throughput.py |
| experiment | data, training and answers of the configuration; once it was interrupted, the same command goes on with it |
| throughput | bench/respond_throughput.py with the trained model |
| invariance, invariant | bench/batch_invariance.py with it, without and with --batch-invariant |

To be run in the folder of the Snakefile. A part that fails is noted, and the next one begins. The output folder gets PART.out and PART.log,
parts.tsv (seconds and exit code of each), machine.json, and results.tar: results/ and .snakemake/ without weights. Elsewhere the report is
made of it without a GPU:

    mkdir -p runs/gsm8k && tar -xf results.tar -C runs/gsm8k       # in a checkout of the same commit
    snakemake --cores all results/report.md --directory runs/gsm8k --configfile ...      # the same files
"""

import io
import json
import shlex
import subprocess
import sys
import tarfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.files import write_json
from distill.base.machine import this_machine
from distill.report.compute import shapes_of
from distill.report.estimates import WEIGHTS, weights_of

BENCH = Path(__file__).resolve().parent
PARTS = ("training", "experiment", "throughput", "invariance", "invariant")
TASKS = ("gsm8k@greedy", "gsm8k@sampled", "math_500@greedy", "math_500@sampled")
ANSWERS = [f"results/responses/{model}/{task}.jsonl" for model in ("base", "ours") for task in TASKS]
NOT_PACKED = (".safetensors", "/.snakemake/locks", "/.snakemake/conda", "/.snakemake/log", "/.snakemake/shadow")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", nargs="+", choices=PARTS, help="parts to run (default: all)")
    options.add_argument("--directory", type=Path, default=Path("runs/gsm8k"), help="folder of the experiment (default: %(default)s)")
    options.add_argument("--configfile", nargs="+", default=["config/gsm8k.yaml"], help="configuration files (default: config/gsm8k.yaml)")
    options.add_argument("--output", type=Path, default=Path("runs/on_a_gpu"), help="folder for what is measured (default: %(default)s)")
    options.add_argument("--training", default="", help="further options of bench/sft_throughput.py, in one string")
    options.add_argument("--generation", default="--rounds 3", help="of bench/respond_throughput.py (default: %(default)s)")
    options.add_argument("--batches", default="", help="of bench/batch_invariance.py")
    args = options.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    args.directory.mkdir(parents=True, exist_ok=True)
    write_json(args.output / "machine.json", this_machine())

    model, prompts = args.directory / "results/models/ours", args.directory / "results/benchmarks/gsm8k@greedy/prompts.jsonl"
    snakemake = ["-m", "snakemake", "--cores", "all", *ANSWERS, "--directory", args.directory]
    answering = ["--model", model, "--prompts", prompts]
    invariance = [BENCH / "batch_invariance.py", *answering, *shlex.split(args.batches)]
    parts = {
        "training": [BENCH / "sft_throughput.py", "--profile", args.output / "profiles", *shlex.split(args.training)],
        "experiment": [*snakemake, "--rerun-incomplete", "--configfile", *args.configfile],
        "throughput": [BENCH / "respond_throughput.py", *answering, *shlex.split(args.generation)],
        "invariance": invariance,
        "invariant": [*invariance, "--batch-invariant"],
    }
    failed = False
    try:
        for name in args.only or PARTS:
            if name == "experiment":  # a killed one leaves Snakemake's lock
                unlock = [sys.executable, BENCH.parent / "tools/unlock.py", "--directory", args.directory]
                subprocess.run(unlock, stdout=subprocess.DEVNULL, check=False)
            failed |= run_part(name, [str(word) for word in parts[name]], args.output)
    finally:
        pack(args.directory, args.output / "results.tar")
    sys.exit(failed)


def run_part(name: str, words: list[str], output: Path) -> bool:
    """Run `python WORDS`, print what it printed, and add its line to parts.tsv. Returns whether it failed."""
    print(f"\n== {name}: python {shlex.join(words)}", flush=True)
    started = time.monotonic()
    with open(output / f"{name}.out", "w") as out, open(output / f"{name}.log", "w") as log:
        code = subprocess.run([sys.executable, *words], stdout=out, stderr=log, check=False).returncode
    seconds = time.monotonic() - started
    with open(output / "parts.tsv", "a", encoding="utf-8") as table:
        table.write(f"{name}\t{seconds:.0f}\t{code}\n")
    print((output / f"{name}.out").read_text(encoding="utf-8", errors="replace"), end="")
    if code:
        print("\n".join((output / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()[-5:]))
    print(f"== {name}: exit code {code} after {seconds:.0f} s", flush=True)
    return code != 0


def pack(directory: Path, tar: Path) -> None:
    """What the report is made from, and what Snakemake remembers of it. In place of weights their shapes, which the report counts with."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if any(part in f"/{member.name}" for part in NOT_PACKED) else member

    with tarfile.open(tar, "w") as file:
        for name in ("results", ".snakemake"):
            if (directory / name).exists():
                file.add(directory / name, name, filter=kept)
        for model in {path.parent for path in (directory / "results/models").glob("*/*.safetensors")}:
            recorded = json.dumps({**(weights_of(model) or {}), "shapes": shapes_of(model)}).encode()
            member = tarfile.TarInfo(f"results/models/{model.name}/{WEIGHTS}")
            member.size = len(recorded)
            file.addfile(member, io.BytesIO(recorded))
    print(f"\n{tar}: {tar.stat().st_size / 1e6:.0f} MB to continue with elsewhere")


if __name__ == "__main__":
    run(main)
