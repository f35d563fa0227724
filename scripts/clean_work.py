"""List the work folders that the configuration cannot resume, and with --remove remove them.

From work/ and the trainings, evaluations, teachers and downloads of the configuration to a list on the terminal. A folder that a process is
using is not removed.

    snakemake --cores 1 clean_work
    snakemake --cores 1 clean_work --config remove=True
    python scripts/clean_work.py --spec clean.json --work work
"""

import shutil
from pathlib import Path

from distill.base.cli import parser, run, spec
from distill.base.errors import InputError
from distill.base.work import locked
from distill.workflow.clean_work import SPEC, patterns, unused_folders, unused_rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--spec", required=True, help="JSON (or a file of it): the trainings, evaluations, teachers and downloads")
    options.add_argument("--work", default=Path("work"), type=Path, help="folder of all work folders")
    options.add_argument("--remove", action="store_true", help="remove them; without it they are listed only")
    args = options.parse_args()
    planned = SPEC.read(spec(args.spec))
    found = [*unused_folders(args.work, patterns(planned)), *unused_rows(args.work, planned)]
    for leftover in found:
        print(f"{leftover.size / 1e6:10,.1f} MB  {leftover.folder}  {leftover.what}{remove(leftover.folder) if args.remove else ''}")
    total = sum(leftover.size for leftover in found)
    what = f"{len(found)} work folders, {total / 1e6:,.1f} MB, that this configuration cannot resume"
    if not found:
        print("no work folder that this configuration cannot resume")
    elif not args.remove:
        print(f"{what}; to remove them: snakemake --cores 1 clean_work --config remove=True (and the --directory of this run)")


def remove(folder: Path) -> str:
    try:
        with locked(folder):
            shutil.rmtree(folder)
    except InputError:
        return ": in use, not removed"
    return ": removed"


if __name__ == "__main__":
    run(main)
