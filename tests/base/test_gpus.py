"""Jobs of one machine get accelerators of their own. The accelerators are pretended: names in CUDA_VISIBLE_DEVICES."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.base.gpus import acquire_devices, visible_devices

PROGRAM = Path(__file__).resolve().parents[2] / "scripts" / "take_gpus.py"
SHOW = "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'), flush=True); input()"


def start(tmp_path, gpus, env, code=SHOW):
    command = [sys.executable, PROGRAM, "--gpus", str(gpus), "--work", tmp_path, "--", sys.executable, "-c", code]
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_jobs_at_once_see_different_devices_and_a_killed_one_frees_its_own(tmp_path):
    env = {"CUDA_VISIBLE_DEVICES": "2,3,GPU-9f3c"}
    jobs = [start(tmp_path, gpus, env) for gpus in (2, 1)]
    for job in jobs:
        assert job.stdout.readline().startswith("GPUs: ")
    seen = [job.stdout.readline().strip() for job in jobs]
    assert sorted(",".join(seen).split(",")) == ["2", "3", "GPU-9f3c"]
    third = start(tmp_path, 2, env)
    assert third.stdout.readline().startswith("waiting for 2 of")
    jobs[0].send_signal(signal.SIGKILL)
    assert third.stdout.readline().startswith("GPUs: ")
    assert third.stdout.readline().strip() == seen[0]
    for job in (jobs[1], third):
        job.communicate("\n", timeout=20)
        assert job.returncode == 0
    jobs[0].communicate()


@pytest.mark.parametrize(
    "gpus, env", [(0, {}), (0, {"CUDA_VISIBLE_DEVICES": "1"}), (2, {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,1"})]
)
def test_no_device_is_dealt_out_without_need_nor_where_slurm_has_done_it(tmp_path, gpus, env):
    out, _ = start(tmp_path, gpus, env).communicate("\n", timeout=20)
    assert out.strip() == env.get("CUDA_VISIBLE_DEVICES", "None")
    assert not list(tmp_path.iterdir())


def test_a_command_that_is_not_there_is_one_line(tmp_path):
    done = subprocess.run([sys.executable, PROGRAM, "--gpus", "0", "--", "nosuch"], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (2, "error: nosuch: no such command: fix what stands after --\n")


def test_the_command_s_exit_code_is_the_job_s(tmp_path):
    assert start(tmp_path, 1, {"CUDA_VISIBLE_DEVICES": "0"}, "raise SystemExit(75)").wait(timeout=20) == 75


@pytest.mark.parametrize("names, says", [([], "set CUDA_VISIBLE_DEVICES"), (["0"], "CUDA_VISIBLE_DEVICES lists 1;")])
def test_too_few_devices_are_one_line(tmp_path, names, says):
    with pytest.raises(InputError, match=says):
        acquire_devices(2, "CUDA_VISIBLE_DEVICES", names, tmp_path)


@pytest.mark.parametrize(
    "env, made",
    [
        ({}, ("CUDA_VISIBLE_DEVICES", ["0", "1", "10"])),
        ({"CUDA_VISIBLE_DEVICES": ""}, ("CUDA_VISIBLE_DEVICES", [])),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, ("CUDA_VISIBLE_DEVICES", [])),
        ({"CUDA_VISIBLE_DEVICES": "1,0,1,-1,2"}, ("CUDA_VISIBLE_DEVICES", ["1", "0"])),
        ({"CUDA_VISIBLE_DEVICES": "0,1", "HIP_VISIBLE_DEVICES": "1"}, ("HIP_VISIBLE_DEVICES", ["1"])),
        ({"CUDA_VISIBLE_DEVICES": "4, 5"}, ("CUDA_VISIBLE_DEVICES", ["4", "5"])),
        ({"HIP_VISIBLE_DEVICES": "1"}, ("HIP_VISIBLE_DEVICES", ["1"])),
        ({"ASCEND_RT_VISIBLE_DEVICES": "0,1"}, ("ASCEND_RT_VISIBLE_DEVICES", ["0", "1"])),
    ],
)
def test_the_pool_is_what_the_environment_names_else_what_the_machine_has(tmp_path, env, made):
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_devices(env, tmp_path) == made


def test_all_variables_that_are_set_name_the_devices_that_are_taken(tmp_path):
    show = (
        "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['HIP_VISIBLE_DEVICES'], 'ASCEND_RT_VISIBLE_DEVICES' in os.environ)"
    )
    out, _ = start(tmp_path, 1, {"CUDA_VISIBLE_DEVICES": "2,3", "HIP_VISIBLE_DEVICES": "2,3"}, show).communicate(timeout=20)
    assert out.splitlines()[-1] == "2 2 False"


def test_fewer_than_no_devices_are_one_line_and_no_wait(tmp_path):
    _, error = start(tmp_path, -1, {"CUDA_VISIBLE_DEVICES": "0"}).communicate(timeout=20)
    assert error == "error: --gpus -1: give a number of GPUs, 0 or more\n"
