"""Generate files from the pins: the conda files of `--sdm conda`, the Containerfile, and the requirements that MetaX's images lack.

python envs/generate.py            # after a change in a requirements file; then commit what it wrote
"""

import re
from pathlib import Path

ENVS = Path(__file__).resolve().parent
MADE = "# Printed by `python envs/generate.py` from the requirements files next to it. Do not edit.\n"
PYTHON = "3.11"
# Packages that a vendor builds for its own devices; envs/metax/install.py finds them in the image.
VENDORS = ("torch", "deepspeed", "ninja")


def pins(name: str) -> list[str]:
    """The requirements of a file, without comments."""
    lines = (re.sub(r"\s*#.*", "", line) for line in (ENVS / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def conda(*files: str) -> str:
    """Snakemake copies a conda file away from its folder, so it must name each package itself."""
    packages = "".join(f"      - {pin}\n" for file in files for pin in pins(file))
    first = ["channels:", "  - conda-forge", "  - nodefaults", "dependencies:", f"  - python={PYTHON}", "  - pip", "  - gxx_linux-64"]
    return MADE + "\n".join(first) + f"\n  - pip:\n{packages}"


def containerfile() -> str:
    packages = {file: " \\\n".join(f"    '{pin}'" for pin in pins(file)) for file in ("requirements.txt", "requirements-cuda.txt")}
    torch = next(pin for pin in pins("requirements.txt") if pin.startswith("torch=="))
    return f"""{MADE}#
#   podman build --target cpu --tag distill:cpu - <envs/Containerfile       (docker build takes the same)
#   podman build --target cuda --tag distill:cuda - <envs/Containerfile
#
# The project itself is not in it: it is mounted, and every result with it. docs/hardware.md has the commands.
FROM docker.io/library/python:{PYTHON}-slim-bookworm AS cpu
RUN apt-get update && apt-get install --yes --no-install-recommends g++ git make && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir --upgrade pip && pip install --no-cache-dir '{torch}' && pip install --no-cache-dir \\
{packages["requirements.txt"]}
WORKDIR /distill
ENTRYPOINT ["snakemake"]

FROM cpu AS cuda
RUN pip install --no-cache-dir '{torch}' \\
{packages["requirements-cuda.txt"]}
"""


def metax() -> str:
    rest = (pin for pin in pins("requirements.txt") if re.split(r"[=\[<>]", pin)[0] not in VENDORS)
    return MADE + "".join(f"{pin}\n" for pin in rest)


def made() -> dict[str, str]:
    """The text of each file by its path under envs/."""
    return {
        "environment.yaml": conda("requirements.txt"),
        "environment-cuda.yaml": conda("requirements.txt", "requirements-cuda.txt"),
        "Containerfile": containerfile(),
        "metax/requirements.txt": metax(),
    }


if __name__ == "__main__":
    for name, text in made().items():
        (ENVS / name).write_text(text, encoding="utf-8")
        print(f"envs/{name}")
