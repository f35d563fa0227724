"""Lock the downloads of a configuration: write the current commit and digest of each source to config/sources.lock.

python tools/lock_sources.py --config config/tutorial.yaml
python scripts/fetch.py --update --config config/tutorial.yaml    # the same
"""

import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from distill.base.cli import parser, run
from distill.base.errors import InputError
from distill.base.paths import PROJECT
from distill.config.load import load, overlay
from distill.config.plan import Plan
from distill.sources import lock as sources_lock
from distill.sources.lock import resolve_revision


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[PROJECT / "config" / "config.yaml"],
        help="later files override earlier ones",
    )
    options.add_argument("--lock", type=Path, default=PROJECT / "config" / "sources.lock", help="lock file to write; commit it")
    options.add_argument("--work", type=Path, default=Path("work/fetch"), help="folder of partial downloads")
    args = options.parse_args()
    plan, lock = Plan(load(merged(args.config))), sources_lock.read(args.lock)
    sources = {name: plan.fetch(name) for name in plan.fetched()}
    sources = {name: source for name, source in sources.items() if source.keys() & {"hub", "modelscope"}}
    if not sources:
        print(f"{args.config[-1]}: no source is downloaded from a hub, so there is nothing to lock")
        return
    for name, source in sources.items():
        before = sources_lock.locked_version(lock, name, source)
        commit, digest = resolve_revision(source, args.work)
        lock = sources_lock.update_entry(lock, name, source, commit, digest)
        was = "unchanged" if before.get("digest") == digest else f"was {before['digest'][:12]}" if before else "new"
        print(f"{name}: commit {(commit or 'unknown')[:12]}, digest {digest[:12]} ({was})", flush=True)
    sources_lock.write(args.lock, lock)


def merged(files: list[Path]) -> dict[str, Any]:
    """Merge configuration files as Snakemake does: mappings merge, other values replace."""
    config: dict[str, Any] = {}
    for file in files:
        try:
            config = overlay(config, yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
            raise InputError(f"{file}: not a configuration ({str(error).splitlines()[0]}): check the path given as --config") from None
    return config


if __name__ == "__main__":
    run(main)
