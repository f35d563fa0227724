"""A Python that starts in milliseconds: a server that has imported the slow libraries and forks for each command.

    python tests/helpers/warm.py FOLDER    # makes FOLDER/bin/python and FOLDER/bin/accelerate, and serves them

FOLDER/bin/python runs a script or a module as python does, with its own arguments, environment, working directory and open files, and in
the process group of its caller; only the imports of third-party libraries are done already. This project's modules are imported each time.
A SIGTERM to FOLDER/bin/python alone is a SIGKILL to the command: tests of what SIGTERM does use sys.executable.
"""

import ast
import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
STARTED: list[subprocess.Popen] = []  # a Popen that is forgotten while its process lives is a warning
LIBRARIES = (
    "snakemake.cli",
    "snakemake.api",
    "snakemake.report",
    "lighteval.pipeline",
    "trl.trainer.sft_trainer",
    "transformers.models.qwen2.modeling_qwen2",
    "accelerate.commands.accelerate_cli",
    "matplotlib.pyplot",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "math_verify",
    "jsonschema",
    "tokenizers",
)
# What holds for all commands, since it was read on import. With more threads than one, torch's would wait for each other in busy loops.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"}
CLIENT = """#!{python} -IS
import json, os, socket, struct, sys
open_files = [int(name) for name in os.listdir("/proc/self/fd")]
files = sorted(file for file in open_files if os.path.exists(f"/proc/self/fd/{{file}}"))
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), files, os.getpgid(0)]).encode()
    socket.send_fds(server, [struct.pack("!I", len(request))], files)
    server.sendall(request)
    ended = server.recv(4, socket.MSG_WAITALL)
code = struct.unpack("!i", ended)[0] if ended else 1
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


def start_warm_python(folder: Path) -> None:
    """Start a server for `folder`, which lives until this run of pytest ends (shared.py)."""
    folder.mkdir()
    command = [sys.executable, __file__, str(folder)]
    files = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, stderr=log, process_group=0, **files)  # clients of its session alone
    assert server.stdout.readline() == "ready\n", (folder / "log").read_text(encoding="utf-8")
    STARTED.append(server)


def serve(folder: Path) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    import matplotlib.pyplot
    import snakemake.cli
    import torch

    torch.set_grad_enabled(True)  # lighteval 0.13 turns it off on import
    snakemake.cli.get_argument_parser()  # looks for plugins in all of site-packages
    for picture in ("png", "svg"):  # finds fonts
        matplotlib.pyplot.figure().savefig(folder / f"fonts.{picture}")
    remember_syntax_trees()
    sys.path.remove(str(Path(__file__).parent))
    address = str(folder / "socket")
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    accelerate = f'#!/bin/sh\nexec "{python}" -m accelerate.commands.accelerate_cli "$@"\n'
    for path, text in (
        (python, CLIENT.format(python=os.path.realpath(sys.executable), address=address)),
        (python.with_name("accelerate"), accelerate),
    ):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    sys.executable = str(python)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _run(connection)
        connection.close()


def remember_syntax_trees() -> None:
    """Parse the project's modules once for all commands: Snakemake takes digests of them whenever it starts (distill.base.code_digest)."""
    parse = ast.parse
    trees = {content: parse(content) for content in (path.read_bytes() for path in (PROJECT / "scripts").rglob("*.py"))}

    def parse_or_remember(source, *args, **kwargs):
        remembered = trees.get(source) if isinstance(source, bytes) and not (args or kwargs) else None
        return remembered or parse(source, *args, **kwargs)

    ast.parse = parse_or_remember


def _run(connection: socket.socket) -> None:
    """Run one command in a child process and send back its exit code; where the client ends first, the child is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, received, _, _ = socket.recv_fds(connection, 4, 250)
    if not head:
        os._exit(1)
    request = connection.recv(struct.unpack("!I", head)[0], socket.MSG_WAITALL)
    argv, folder, environment, files, group = json.loads(request)
    child = os.fork()
    if child == 0:
        connection.close()
        with contextlib.suppress(OSError):
            os.setpgid(0, group)
        above = [fcntl.fcntl(file, fcntl.F_DUPFD, 500) for file in received]
        for file in received:
            os.close(file)
        for file, number in zip(above, files, strict=True):
            os.dup2(file, number, inheritable=True)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        importlib.reload(sys.modules["huggingface_hub.constants"])  # read from the environment on import
        _become(argv)
    for file in received:
        os.close(file)

    def kill_with_client() -> None:
        if not connection.recv(1):
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)

    threading.Thread(target=kill_with_client, daemon=True).start()
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        connection.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(argv: list[str]) -> None:
    """Be `python ARGV`, and end as it ends."""
    code = 1
    try:
        while argv[0] in ("-P", "-u"):
            argv = argv[1:]
        sys.argv = argv[argv[0] == "-m" :]
        sys.path.insert(0, os.getcwd() if argv[0] == "-m" else os.path.dirname(os.path.abspath(argv[0])))
        if argv[0] == "-m":
            runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code & 255)


if __name__ == "__main__":
    if ENVIRONMENT.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ENVIRONMENT)
    serve(Path(sys.argv[1]))
