"""List the work folders that the configuration cannot go on from, and with --remove remove them.

From work/ and what the configuration trains, answers, writes by a teacher and fetches, to a list on the terminal. A folder that a process
works in stays.

    snakemake --cores 1 clean_work
    snakemake --cores 1 clean_work --config remove=True
    python scripts/clean_work.py --spec clean.json --work work
"""

import shutil
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.work import locked
from distill.workflow.clean_work import patterns, unused_folders, unused_rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--spec", required=True, help="JSON (or a file of it): what is trained, answered, taught and fetched")
    options.add_argument("--work", default=Path("work"), type=Path, help="folder of all work folders")
    options.add_argument("--remove", action="store_true", help="remove them; without it they are listed only")
    args = options.parse_args()
    asked = spec(args.spec)
    found = [*unused_folders(args.work, patterns(asked)), *unused_rows(args.work, asked)]
    for leftover in found:
        print(f"{leftover.size / 1e6:10,.1f} MB  {leftover.folder}  {leftover.what}{remove(leftover.folder) if args.remove else ''}")
    total = sum(leftover.size for leftover in found)
    what = f"{len(found)} work folders, {total / 1e6:,.1f} MB, that this configuration cannot go on from"
    if not found:
        print("no work folder that this configuration cannot go on from")
    elif not args.remove:
        print(f"{what}; to remove them: snakemake --cores 1 clean_work --config remove=True (and the --configfile of this run, if any)")


def remove(folder: Path) -> str:
    try:
        with locked(folder):
            shutil.rmtree(folder)
    except InputError:
        return ": in use, stays"
    return ": removed"


if __name__ == "__main__":
    run(main)
