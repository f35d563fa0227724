"""The environments follow from one set of pins, and what a vendor built for its accelerators is never replaced."""

import importlib.metadata
import importlib.util
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ENVS = Path(__file__).resolve().parents[2] / "envs"


def module(path):
    spec = importlib.util.spec_from_file_location(f"envs_{path.stem}", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


generate, install = module(ENVS / "generate.py"), module(ENVS / "metax" / "install.py")


@pytest.mark.parametrize("name", generate.made())
def test_what_follows_from_the_pins_is_printed_from_them(name):
    written = (ENVS / name).read_text(encoding="utf-8")
    assert written == generate.made()[name], f"envs/{name} is not what the requirements files say: run python envs/generate.py"


@pytest.mark.parametrize("file", sorted(path.name for path in ENVS.glob("requirements*.txt")))
def test_every_package_is_pinned(file):
    assert generate.pins(file)
    assert not [pin for pin in generate.pins(file) if "==" not in pin]


def test_no_package_has_two_pins():
    names = [pin.split("==")[0] for path in ENVS.glob("requirements*.txt") for pin in generate.pins(path.name)]
    assert len(names) == len(set(names))


def test_every_conda_file_that_a_rule_names_exists():
    rules = "".join(path.read_text(encoding="utf-8") for path in (ENVS.parent / "rules").glob("*.smk"))
    assert '"../envs/environment.yaml"' in rules and 'conda_file(config["runtime"]["train_gpus"])' in rules
    assert (ENVS / "environment.yaml").exists() and (ENVS / "environment-cuda.yaml").exists()


def wheel(folder, name, version, requires=()):
    """A package that is nothing but its metadata."""
    info = f"{name}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", "\n".join(["Metadata-Version: 2.1", *metadata, ""]))
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A pretended image of a vendor: a Python with its own torch and vLLM, and an index that has others of the same names."""
    folder = tmp_path_factory.mktemp("image")
    wheels = folder / "wheels"
    wheels.mkdir()
    wheel(wheels, "torch", "2.6.0+metax3.1.0")
    wheel(wheels, "vllm", "0.11.0+maca3.1")
    wheel(wheels, "maca_kernels", "1.0+metax3")
    venv.create(folder / "python")
    site = next((folder / "python" / "lib").glob("python*/site-packages"))
    # pip is not imported: setuptools cannot be imported after it (findings/pip_before_setuptools.sh), and TRL's trainers need that.
    (site / "pip").symlink_to(importlib.metadata.distribution("pip").locate_file("pip"))
    for vendors in wheels.iterdir():
        zipfile.ZipFile(vendors).extractall(site)
    wheel(wheels, "torch", "2.13.0")
    wheel(wheels, "maca_kernels", "2.0")
    wheel(wheels, "good", "1.0", ["torch>=2.0"])
    wheel(wheels, "newer", "1.0", ["torch>=2.7"])
    return folder


def installer(image, tmp_path, *pins):
    """Exit code and words of an installation, and what is there after it."""
    (tmp_path / "wanted.txt").write_text("\n".join(pins), encoding="utf-8")
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(image / "wheels"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [image / "python" / "bin" / "python", ENVS / "metax" / "install.py", "--requirements", tmp_path / "wanted.txt"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, there(image)


def there(image):
    return {path.name.removesuffix(".dist-info") for path in (image / "python" / "lib").glob("python*/site-packages/*.dist-info")}


def test_the_vendors_packages_stay_and_what_goes_with_them_is_installed(image, tmp_path):
    code, said, after = installer(image, tmp_path, "good==1.0")
    assert code == 0, said
    assert "maca-kernels 1.0+metax3, torch 2.6.0+metax3.1.0, vllm 0.11.0+maca3.1" in said
    assert after == {"good-1.0", "torch-2.6.0+metax3.1.0", "vllm-0.11.0+maca3.1", "maca_kernels-1.0+metax3"}


@pytest.mark.parametrize("pin", ["newer==1.0", "maca_kernels==2.0"])
def test_what_would_replace_them_installs_nothing(image, tmp_path, pin):
    before = there(image)
    code, said, after = installer(image, tmp_path, pin)
    assert code == 1 and "leaves the vendor's packages as they are" in said
    assert after == before


def test_pips_plan_is_searched_too():
    plan = {"install": [{"metadata": {"name": "Flash_Attn", "version": "2.8"}}, {"metadata": {"name": "good", "version": "1"}}]}
    assert install.touched(plan, {"flash-attn": "2.7+metax", "torch": "2.6"}) == ["flash-attn 2.7+metax would become 2.8"]


def test_a_python_without_torch_is_no_vendors_image(tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-S", ENVS / "metax" / "install.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "has no torch" in done.stdout
