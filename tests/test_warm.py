"""The warm Python of the tests (helpers/warm.py) starts a command as python does."""

import json
import os
import signal
import subprocess

import psutil
import pytest

# Prints who it is and what it was given, and then the signals that it gets, until its stdin is closed.
SCRIPT = """
import json, os, select, signal, sys
told = [number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]
signal.pthread_sigmask(signal.SIG_BLOCK, told)
print(json.dumps([os.getpid(), os.getpgid(0), sys.argv, os.environ.get("ABOUT"), os.getcwd()]), flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    if received := signal.sigtimedwait(told, 0.02):
        print(received.si_signo, flush=True)
sys.exit(3)
"""
# Starts another script as scripts/launch.py does, and ends as that one ends.
PARENT = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: None)
def prepare():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, *sys.argv[1:]], env=os.environ | {"ABOUT": "a child"}, preexec_fn=prepare)
sys.exit(child.wait() + 1)
"""


@pytest.fixture
def start(warm_python, tmp_path):
    """start(*words): a command in its own process group, its stdin and stdout pipes."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "parent.py").write_text(PARENT)
    started = []

    def start(*words: str, **more) -> subprocess.Popen:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [warm_python, *words]
        started.append(subprocess.Popen(command, cwd=tmp_path, process_group=0, **pipes, **more))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_command_has_its_arguments_environment_folder_and_group_and_shows_them(start, warm_python, tmp_path):
    process = start("script.py", "a b", "", env=os.environ | {"ABOUT": "x=y"})
    pid, *about = json.loads(process.stdout.readline())
    assert about == [process.pid, ["script.py", "a b", ""], "x=y", str(tmp_path)]
    shown = psutil.Process(pid)
    assert not any(psutil.Process(process.pid).cmdline()), "one process has this command line"
    assert shown.cmdline() == [str(warm_python), "script.py", "a b", ""]
    assert shown.environ()["ABOUT"] == "x=y" and shown.cwd() == str(tmp_path)
    process.communicate()
    assert process.returncode == 3


def test_folders_of_pythonpath_are_searched(start, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "one.py").write_text("print(__name__)\n")
    process = start("-m", "one", env=os.environ | {"PYTHONPATH": str(tmp_path / "elsewhere")})
    assert process.communicate()[0] == "__main__\n" and process.returncode == 0


def test_a_command_of_another_session_that_kills_its_group_leaves_the_server_alone(start, warm_python, tmp_path):
    (tmp_path / "end.py").write_text("import os, signal\nos.killpg(os.getpgrp(), signal.SIGKILL)\n")
    done = subprocess.run([warm_python, "end.py"], cwd=tmp_path, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    process = start("script.py", stderr=subprocess.PIPE)
    assert process.communicate()[1] == "" and process.returncode == 3


def test_signals_to_its_group_reach_a_command_once_and_its_end_is_told(start):
    process = start("script.py")
    process.stdout.readline()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        os.killpg(process.pid, number)
        assert process.stdout.readline() == f"{number:d}\n"
    assert process.communicate()[0] == "" and process.returncode == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_signal_ends_has_ended_by_it(start, tmp_path, number):
    (tmp_path / "plain.py").write_text("import sys\nprint(flush=True)\nsys.stdin.read()\n")
    process = start("plain.py")
    process.stdout.readline()
    os.killpg(process.pid, number)
    assert process.wait() == -number


def test_a_command_that_a_command_starts_is_its_child_with_its_own_handlers(start, warm_python):
    process = start("parent.py", "script.py", "below")
    pid, group, words, about, _ = json.loads(process.stdout.readline())
    assert (group, words, about) == (process.pid, ["script.py", "below"], "a child")
    child = psutil.Process(pid)
    assert child.parent().cmdline() == [str(warm_python), "parent.py", "script.py", "below"]
    child.send_signal(signal.SIGHUP)  # which was set to be ignored before it began
    os.killpg(process.pid, signal.SIGTERM)  # which the parent ignores
    assert process.stdout.readline() == f"{signal.SIGTERM:d}\n"
    assert process.communicate()[0] == "" and process.returncode == 4
