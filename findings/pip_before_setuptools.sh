#!/usr/bin/env bash
# setuptools 78.1.1 cannot be imported in a Python 3.11 process that has imported pip, and neither can what imports setuptools.
#
# One would expect two installed packages to be importable in either order. setuptools puts a finder into every process (its .pth file), which
# answers `import distutils` with a copy of its own. Once pip is looked up, that finder steps aside for the rest of the process, and setuptools
# then meets the standard library's distutils and ends with an AssertionError. Looking up importlib.util.find_spec("pip") is enough, without
# importing anything. It reaches far: torch.utils.cpp_extension imports setuptools, so vLLM and TRL's trainers fail in such a process.
# importlib.metadata finds pip's files and leaves the finder alone.
#
# Seen with setuptools 78.1.1 under CPython 3.11.7. From Python 3.12 on there is no distutils, and the finder stays.
set -euo pipefail
python="${PYTHON:-python3.11}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check setuptools==78.1.1

imports() { "$folder/venv/bin/python" -c "$1" >"$folder/out" 2>&1; }

imports "import setuptools; import pip" || { echo "changed: setuptools before pip fails"; cat "$folder/out"; exit 1; }
imports "import importlib.metadata as m; m.distribution('pip').locate_file('pip'); import setuptools" ||
    { echo "changed: importlib.metadata disturbs setuptools"; exit 1; }
for first in "import pip" "import importlib.util; importlib.util.find_spec('pip')"; do
    if imports "$first; import setuptools"; then
        echo "changed: setuptools can be imported after: $first"
        exit 1
    fi
    tail -1 "$folder/out" | grep -q "AssertionError: .*distutils/core.py" || { echo "changed: another error"; cat "$folder/out"; exit 1; }
done
echo "as described: AssertionError on importing setuptools after pip, none the other way round"
