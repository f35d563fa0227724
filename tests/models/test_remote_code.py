"""A model's own Python code runs only where the configuration says so of it, and pickled weights are never read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from distill.base import manifest
from distill.base.errors import InputError
from distill.models.remote_code import check_weights, remote_code_option

PROJECT = Path(__file__).resolve().parents[2]
CODE = """from transformers import PretrainedConfig
open({mark!r}, "w").write("run")


class OddConfig(PretrainedConfig):
    model_type = "odd"
"""


def odd_model(folder: Path, mark: Path) -> Path:
    """A model of a kind that transformers does not know, whose code leaves a mark when it runs."""
    folder.mkdir()
    config = {"model_type": "odd", "auto_map": {"AutoConfig": "odd.OddConfig"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "odd.py").write_text(CODE.format(mark=str(mark)), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    manifest.write(folder)
    return folder


def prepare(base: Path, output: Path, **spec: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, PROJECT / "scripts/prepare_base.py", "--base", base, "--spec", json.dumps(spec), "--output", output]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def load_config(folder: Path) -> None:
    from transformers import AutoConfig

    with remote_code_option(folder) as code:
        AutoConfig.from_pretrained(folder, **code)


def test_code_that_came_with_a_model_is_not_run_and_one_line_says_what_to_do(tmp_path):
    base = odd_model(tmp_path / "base", tmp_path / "mark")
    assert prepare(base, tmp_path / "model").returncode == 0
    with pytest.raises(InputError, match="set trust_remote_code: true in this model's models: entry"):
        load_config(tmp_path / "model")
    assert not (tmp_path / "mark").exists()


def test_code_of_a_trusted_model_is_run_and_what_is_made_from_it_inherits_that(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    base = odd_model(tmp_path / "base", tmp_path / "mark")
    assert prepare(base, tmp_path / "model", trust_remote_code=True).returncode == 0
    assert prepare(tmp_path / "model", tmp_path / "below").returncode == 0
    load_config(tmp_path / "below")
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["config.json", "pytorch_model.bin"], "only pickled weights \\(pytorch_model.bin\\), which are not read; give it as safetensors"),
        (["config.json"], "holds no weights; give it as safetensors"),
    ],
)
def test_weights_that_are_no_safetensors_are_refused_with_a_line(tmp_path, names, said):
    with pytest.raises(InputError, match=said):
        check_weights(tmp_path, names)
    folder = tmp_path / "base"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")
    manifest.write(folder)
    done = prepare(folder, tmp_path / "model")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
