"""Install what this project needs into an image of MetaX's, and leave alone what the vendor built: torch, vLLM, DeepSpeed and their like.

    python envs/metax/install.py --check    # only say what would be installed, or what stands in the way
    python envs/metax/install.py

What the image has of the vendor's becomes constraints for pip; before anything is installed, pip's own plan is searched for any of it.
Ends with 1, and nothing installed, where the plan would touch one. Needs nothing but Python and pip. Not run on a MetaX machine.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

# Built by the vendor, or tied to what it builds. Anything else with a local version that names MetaX's stack counts too.
VENDORS = {"torch", "torchvision", "torchaudio", "vllm", "deepspeed", "triton", "flash-attn", "xformers", "apex", "flashinfer-python"}
LOCAL = re.compile(r"\+.*(metax|maca)", re.IGNORECASE)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def vendors_own() -> dict[str, str]:
    """Name and version of what the image brings and nothing may replace."""
    there = {canonical(each.metadata["Name"]): each.version for each in distributions()}
    return {name: version for name, version in sorted(there.items()) if name in VENDORS or LOCAL.search(version)}


def touched(plan: dict, own: dict[str, str]) -> list[str]:
    """What pip's plan (its --report) would do to the vendor's packages."""
    planned = {canonical(each["metadata"]["name"]): each["metadata"]["version"] for each in plan["install"]}
    return [f"{name} {version} would become {planned[name]}" for name, version in own.items() if name in planned]


def pip(*args: str) -> int:
    return subprocess.run([sys.executable, "-m", "pip", "install", *args], check=False).returncode


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="install nothing")
    options.add_argument("--requirements", type=Path, default=Path(__file__).with_name("requirements.txt"), help="what to install")
    args, more = options.parse_known_args()
    own = vendors_own()
    if "torch" not in own:
        print("error: this Python has no torch: run this in the vendor's image, with the Python that the vendor installed torch for")
        return 1
    print("the vendor's: " + ", ".join(f"{name} {version}" for name, version in own.items()))
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        constraints.write_text("".join(f"{name}==={version}\n" for name, version in own.items()), encoding="utf-8")
        pip_options = ["--requirement", str(args.requirements), "--constraint", str(constraints), *more]
        if pip("--dry-run", "--quiet", "--report", str(report), *pip_options):
            print("error: pip finds no set that leaves the vendor's packages as they are; its message above names the two that disagree")
            return 1
        plan = json.loads(report.read_bytes())
        harm = touched(plan, own)
        if harm:
            print("error: the vendor's packages would be replaced, so nothing was installed: " + "; ".join(harm))
            return 1
        print(f"{len(plan['install'])} packages to install, none of them the vendor's")
        if args.check:
            return 0
        return pip(*pip_options)


if __name__ == "__main__":
    sys.exit(main())
