"""Bring a source here: from a file or folder to a folder of copies with, last, a manifest of their digests.

python scripts/fetch.py --path ~/traces/bespoke.parquet --output results/sources/datasets/bespoke
"""

import fnmatch
import os
import shutil
from pathlib import Path

from distill import manifest
from distill.cli import parser, run, spec
from distill.errors import InputError


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--spec", default="{}", help="JSON of the source: files (patterns to take), hub, revision")
    options.add_argument("--path", default="", help="file or folder on this machine")
    options.add_argument("--output", required=True, type=Path, help="folder to put the files in")
    args = options.parse_args()
    source = spec(args.spec)
    if not args.path:
        raise InputError(
            f"{args.output.name}: downloads from the hub ({source.get('hub')}) are not built yet; "
            "download it yourself and give its folder as source: {path: ...}"
        )
    path = Path(args.path)
    if not path.exists():
        raise InputError(f"{path}: does not exist; mend source.path of {args.output.name}")
    part = args.output.with_name(f".{args.output.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in wanted(path, source.get("files", ["*"])):
        place = part / (file.relative_to(path) if path.is_dir() else file.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    made = manifest.write(part, made_by="fetch")
    if not made["files"]:
        raise InputError(f"{path}: holds none of the files wanted ({', '.join(source.get('files', ['*']))})")
    shutil.rmtree(args.output, ignore_errors=True)
    os.replace(part, args.output)
    print(f"{len(made['files'])} files, digest {made['digest'][:12]}")


def wanted(path: Path, patterns: list[str]) -> list[Path]:
    """The files to take: visible ones whose name, or path below the folder, matches a pattern."""
    if path.is_file():
        return [path]
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    names = {file: file.relative_to(path).as_posix() for file in files}
    visible = [file for file in files if not any(part.startswith(".") for part in names[file].split("/")) and names[file] != manifest.NAME]
    return [file for file in visible if any(fnmatch.fnmatch(names[file], pattern) for pattern in patterns)]


if __name__ == "__main__":
    run(main)
