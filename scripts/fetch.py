"""Fetch a source from a hub, a URL, or a local file or folder, into a folder with a manifest of its digests.

python scripts/fetch.py --path ~/traces/bespoke.parquet --output results/sources/datasets/bespoke
python scripts/fetch.py --spec '{"hub": "Qwen/Qwen2.5-Math-1.5B"}' --output results/sources/models/base
python scripts/fetch.py --update --config config/tutorial.yaml    # update config/sources.lock; options as for tools/lock_sources.py
"""

import os
import sys
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.paths import PROJECT
from distill.sources.fetch import SPEC, fetch_source


def main() -> None:
    options = parser(__doc__)
    options.add_argument(
        "--spec", default="{}", help="JSON of the source: hub, modelscope, or url and sha256; repo_type, files, ..., optional"
    )
    options.add_argument("--path", default="", help="local file or folder, instead of a download")
    options.add_argument("--output", type=Path, help="folder to put the files in")
    options.add_argument("--work", type=Path, default=Path("work/fetch"), help="folder of partial downloads")
    options.add_argument("--update", action="store_true", help="lock the current commits of a configuration's sources, and fetch nothing")
    args, others = options.parse_known_args()
    if args.update:
        # A separate program: it imports distill.config, which must not be part of the code digest of fetch.py.
        program = PROJECT / "tools" / "lock_sources.py"
        os.execv(sys.executable, [sys.executable, str(program), "--work", str(args.work), *others])
    if others:
        options.error(f"unrecognized arguments: {' '.join(others)}")
    if args.output is None:
        raise InputError("--output: missing; name the folder to put the files in, or use --update")
    made = fetch_source(SPEC.read(spec(args.spec)), args.output, args.work, args.path)
    if "unavailable" in made:
        print(f"{args.output}: optional and not available. {made['unavailable']}")
        return
    commit = f", commit {made['commit'][:12]}" if "commit" in made else ""
    print(f"{len(made['files'])} files, digest {made['digest'][:12]}{commit}")


if __name__ == "__main__":
    run(main)
