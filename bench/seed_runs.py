"""The miniature, run once for each seed: what beyond_seeds.py and miniature_seeds.py share."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.paths import PROJECT, SNAKEFILE


def arguments(doc: str | None, work: Path) -> argparse.Namespace:
    """--seeds, --cores and --work of a bench; `work` is the default of the last."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="values of miniature.seed")
    parser.add_argument("--cores", type=int, default=2, help="cores for each run")
    parser.add_argument("--work", type=Path, default=work, help="folder of the runs, one a seed")
    return parser.parse_args()


def run_seed(args: argparse.Namespace, seed: int, configfiles: Sequence[str], target: str) -> Path:
    """Make `target` in a folder of the seed, from files of config/; return the folder of its results. A run that fails ends the bench."""
    folder = args.work / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    # An overlay, since --config makes every value inside braces a string (snakemake 9.27).
    overlay = folder / "seed.yaml"
    overlay.write_text(f"miniature: {{seed: {seed}}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--directory", str(folder), "--cores", str(args.cores)]
    command += ["--configfile", *(str(PROJECT / "config" / name) for name in configfiles), str(overlay), "--", target]
    with open(folder / "run.log", "w", encoding="utf-8") as log:
        if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode:
            sys.exit(f"seed {seed}: the run failed: see {log.name}")
    return folder / "results"
