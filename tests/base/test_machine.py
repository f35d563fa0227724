"""The machine of a step: noted in its work folder, printed into its log, and found there."""

import subprocess
import sys

import pytest
from checkout import PROJECT

from distill.base import machine
from distill.base.files import write_json


def test_versions_are_of_installed_packages_and_import_none():
    code = "import sys; from distill.base.machine import versions; print(versions(['pytest', 'no-such-package']), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT / "scripts")
    assert done.stdout == f"{{'pytest': '{pytest.__version__}', 'no-such-package': None}} False\n"


def test_variables_of_vllm_are_written_and_its_keys_are_not():
    env = {
        "VLLM_USE_FLASHINFER_SAMPLER": "0",
        "VLLM_API_KEY": "abc",
        "VLLM_HOST": "sk-0123456789abcdefghij",
        "HF_TOKEN": "x",
        "VLLM_A": "1",
    }
    assert machine.vllm_variables(env) == {"VLLM_A": "1", "VLLM_USE_FLASHINFER_SAMPLER": "0"}


def test_a_work_folder_notes_each_machine_once(tmp_path, capsys):
    write_json(tmp_path / machine.NOTE, [{"hardware": {"cpu": "another"}}])
    for _ in range(2):
        machine.note_machine(tmp_path)
    assert machine.noted_machines(tmp_path) == [{"hardware": {"cpu": "another"}}, machine.this_machine()]
    machine.print_machines(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith(machine.LINE) for line in lines] == [True, True]


def test_the_logs_of_results_say_on_which_machines_they_were_made(tmp_path, capsys):
    for gpu in ("H200", "none"):
        write_json(tmp_path / "work" / gpu / machine.NOTE, [{"gpu": gpu}])
    told = {}
    for gpu in ("H200", "none"):
        machine.print_machines(tmp_path / "work" / gpu)
        told[gpu] = "other lines\n" + capsys.readouterr().out
    logs = {"train/ours": "H200", "respond/ours/sums": "H200", "respond/ours/picks": "none", "grade/ours/sums": "none"}
    for name, gpu in logs.items():
        log = tmp_path / "results/logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(told[gpu], encoding="utf-8")
    assert machine.made_on(tmp_path / "results") == [
        {"steps": ["respond ours"], "machine": {"gpu": "none"}},
        {"steps": ["respond ours", "train ours"], "machine": {"gpu": "H200"}},
    ]
