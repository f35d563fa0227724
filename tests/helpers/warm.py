"""A Python that starts in milliseconds: a server that has imported the slow libraries and forks for each command.

    python tests/helpers/warm.py FOLDER    # makes FOLDER/bin/python and FOLDER/bin/accelerate, and serves them

FOLDER/bin/python runs a script or a module as python does, with its own arguments, environment, working directory and open files, and in
the process group of its caller; only the imports of third-party libraries are done already. This project's modules are imported each time.
What a command itself starts with this Python and without a pipe (scripts/launch.py its launcher, that one the training) is its own child.

FOLDER/bin/python is another process than the command that it stands for: SIGKILL to it is SIGKILL to the command; SIGTERM and SIGINT reach
the command by its process group, and to FOLDER/bin/python alone do nothing.
"""

import _posixsubprocess
import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import logging
import marshal
import multiprocessing.util
import os
import re
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STARTED: list[subprocess.Popen] = []  # a Popen that is forgotten while its process lives is a warning
SHOWN: list[Any] = []  # what /proc shows
PATH: list[str] = []  # of a command that has begun
LIBRARIES = (
    "snakemake.cli",
    "snakemake.api",
    "snakemake.report",
    "smart_open",
    "lighteval.pipeline",
    "lighteval.metrics.metrics",
    "trl.trainer.sft_trainer",
    "transformers.models.qwen2.modeling_qwen2",
    "accelerate.commands.accelerate_cli",
    "deepspeed",
    "datasets.io.json",
    "matplotlib.pyplot",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "math_verify",
    "jsonschema",
    "tokenizers",
    "markdown_it",
)
# What holds for all commands, since it was read on import. With more threads than one, torch's would wait for each other in busy loops.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1"}
SIGNALS = (int(signal.SIGHUP), int(signal.SIGINT), int(signal.SIGTERM))
# Without json and socket, it starts in half the time.
CLIENT = """#!{python} -IS
import _signal, _socket, marshal, os, sys
open_files = [int(name) for name in os.listdir("/proc/self/fd")]
files = sorted(file for file in open_files if os.path.exists(f"/proc/self/fd/{{file}}"))
ignored = [number for number in {signals!r} if _signal.getsignal(number) == _signal.SIG_IGN]
request = marshal.dumps((sys.argv[1:], os.getcwd(), dict(os.environ), files, os.getpgid(0), ignored))
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
rights = b"".join(file.to_bytes(4, sys.byteorder) for file in files)
server.sendmsg([len(request).to_bytes(4, sys.byteorder)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
server.sendall(request)
if server.recv(1):  # from here on the command shows this command line, and gets these signals, as one of this process group
    start, end = os.read(os.open("/proc/self/stat", os.O_RDONLY), 4096).rpartition(b")")[2].split()[45:47]
    os.pwrite(os.open("/proc/self/mem", os.O_WRONLY), bytes(int(end) - int(start)), int(start))
    for number in {signals!r}:
        _signal.signal(number, _signal.SIG_IGN)
ended = server.recv(4, _socket.MSG_WAITALL)
code = int.from_bytes(ended, sys.byteorder, signed=True) if ended else 1
if code < 0:
    if -code in {signals!r}:
        _signal.signal(-code, _signal.SIG_DFL)
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
    assert "ready\n" in server.stdout, (folder / "log").read_text(encoding="utf-8")  # after what imports print
    STARTED.append(server)


def serve(folder: Path) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    use_once(folder)
    compile_patterns()
    parse_rules()
    end_with_the_last_job()
    sys.path.remove(str(Path(__file__).parent))
    address = str(folder / "socket")
    python = folder / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    accelerate = f'#!/bin/sh\nexec "{python}" -m accelerate.commands.accelerate_cli "$@"\n'
    for path, text in (
        (python, CLIENT.format(python=os.path.realpath(sys.executable), address=address, signals=SIGNALS)),
        (python.with_name("accelerate"), accelerate),
    ):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    sys.executable = str(python)
    subprocess._fork_exec = fork_without_exec
    PATH[:] = sys.path
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    forget_exit_handlers()
    gc.collect()
    gc.freeze()
    use_huge_pages()
    print("ready", flush=True)
    serve_clients(listener)


def use_once(folder: Path) -> None:
    """Have libraries make what they keep from their first use on."""
    import matplotlib.pyplot
    import snakemake.cli
    import torch
    from lighteval.metrics.metrics import Metrics
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc

    torch.set_grad_enabled(True)  # lighteval 0.13 turns it off on import
    snakemake.cli.get_argument_parser()  # looks for plugins in all of site-packages
    for picture in ("png", "svg"):  # finds fonts
        matplotlib.pyplot.figure().savefig(folder / f"fonts.{picture}")
    # The parser of LaTeX computes its tables as it meets expressions; math-verify has the same one.
    one = {"sample_params": {"k": 1, "n": 1}}
    for metric, choices, said in (
        (Metrics.pass_at_k_math, [r"ANSWER: $\boxed{12}$"], r"$\boxed{\frac{1}{2}}$"),
        (Metrics.gpqa_instruct_pass_at_k, list("ABCD"), "Answer: B"),
    ):
        metric(**one).compute_sample(model_response=ModelResponse(text=[said]), doc=Doc("", choices, 0, instruction=""))


def compile_patterns() -> None:
    """Import modules of the project and forget them again: what `re` has compiled for them stays, a quarter of the time of a small step."""
    re._MAXCACHE = 10_000
    sys.path.insert(0, str(SCRIPTS))
    for part in ("base", "benchmarks", "config", "data", "evaluation", "grading", "preflight", "report"):
        for path in sorted((SCRIPTS / "distill" / part).rglob("*.py")):
            importlib.import_module(".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__"))
    sys.path.remove(str(SCRIPTS))
    forget_project()


def parse_rules() -> None:
    """Have Snakemake parse the Snakefile and rules/ once: a third of the time of a dry run. A text that was changed is parsed as ever."""
    import snakemake.workflow

    class Sources:
        sourcecache = property(lambda self: self)

        def open(self, source: Any) -> Any:
            return open(source.get_path_or_uri(secret_free=True), encoding="utf-8")

    parse, parsed = snakemake.workflow.parse, {}
    for path in (SCRIPTS.with_name("Snakefile"), *SCRIPTS.with_name("rules").glob("*.smk")):
        lines: dict[int, int] = {}
        source = snakemake.workflow.LocalSourceFile(str(path))
        parsed[path.read_text(encoding="utf-8")] = (str(path), *parse(source, Sources(), lines), lines)

    def parse_unless_known(source: Any, workflow: Any, linemap: dict[int, int], overwrite_shellcmd: Any = None, rulecount: int = 0) -> Any:
        path = source.get_path_or_uri(secret_free=True)
        with workflow.sourcecache.open(source) as file:
            known = parsed.get(file.read()) if overwrite_shellcmd is None and repr(path) == f"'{path}'" else None
        if known is None:
            return parse(source, workflow, linemap, overwrite_shellcmd, rulecount)
        parsed_path, code, rules, lines = known
        linemap.update(lines)
        return code.replace(parsed_path, path), rulecount + rules

    snakemake.workflow.parse = parse_unless_known


def end_with_the_last_job() -> None:
    """Snakemake wakes its scheduler again a second after each job, by a thread that would keep the process alive for that second."""
    from snakemake.scheduling.job_scheduler import JobScheduler

    def wake_later(scheduler: Any, delay: float) -> None:
        timer = threading.Timer(delay, scheduler._open_jobs.release)
        timer.daemon = True
        timer.start()

    JobScheduler._schedule_reevalutation = wake_later


def forget_project() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "distill"]:
        del sys.modules[name]


def forget_exit_handlers() -> None:
    """Without the handlers that libraries register on import, and that tidy up after the imports, a command ends at once."""
    atexit._clear()
    weakref.finalize._registry.clear()
    weakref.finalize._registered_with_atexit = False
    for handler in (logging.shutdown, multiprocessing.util._exit_function):  # what these two do depends on the command
        atexit.register(handler)


def use_huge_pages() -> None:
    """Ask the kernel for pages of 2 MB for the memory of this process: a fork copies the table of pages, which takes most of its time."""
    madvise, size, collapse = ctypes.CDLL(None).madvise, 2 << 20, 25  # MADV_COLLAPSE, since Linux 6.1
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, rights, _, _, _, *name = line.split()
        start, end = (int(address, 16) for address in addresses.split("-"))
        if rights == "rw-p" and name in ([], ["[heap]"]):
            for page in range(-(-start // size) * size, end - size + 1, size):
                madvise(ctypes.c_void_p(page), ctypes.c_size_t(size), collapse)


@dataclass(frozen=True)
class Command:
    client: socket.socket
    child: int  # the process that runs it
    ended: int  # its pidfd, which can be read once it has ended


def serve_clients(listener: socket.socket) -> None:
    """Run the command of each client in a child process and send back its exit code; where the client ends first, kill the child."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        key, _ = selector.select()[0]  # the others stay ready
        if key.fileobj is listener:
            start(selector, listener)
        elif key.fileobj is key.data.client:
            selector.unregister(key.data.client)
            signal.pidfd_send_signal(key.data.ended, signal.SIGKILL)
        else:
            end(selector, key.data)


def start(selector: selectors.BaseSelector, listener: socket.socket) -> None:
    client, _ = listener.accept()
    head, files, _, _ = socket.recv_fds(client, 4, 250)
    request = client.recv(int.from_bytes(head, sys.byteorder), socket.MSG_WAITALL)
    if not request:  # the client was killed
        client.close()
    elif child := os.fork():
        command = Command(client, child, os.pidfd_open(child))
        for readable in (command.client, command.ended):
            selector.register(readable, selectors.EVENT_READ, command)
    else:
        for ours in (listener, *(key.fileobj for key in selector.get_map().values() if key.fileobj is not listener)):
            os.close(ours if isinstance(ours, int) else ours.detach())
        selector.close()
        _run(*marshal.loads(request), received=files, client=client)
    for file in files:
        os.close(file)


def end(selector: selectors.BaseSelector, command: Command) -> None:
    _, status = os.waitpid(command.child, 0)
    with contextlib.suppress(OSError):
        command.client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, sys.byteorder, signed=True))
    with contextlib.suppress(KeyError):  # it has ended before its command
        selector.unregister(command.client)
    selector.unregister(command.ended)
    command.client.close()
    os.close(command.ended)


def _run(
    argv: list[str],
    folder: str,
    environment: dict[str, str],
    files: list[int],
    group: int,
    ignored: list[int],
    received: list[int],
    client: socket.socket,
) -> None:
    """Run `python ARGV` with the client's open files, which were `received`, in place of those of the server, and end as it ends."""
    try:
        os.setpgid(0, group)
    except OSError:  # the client is in another session: at least what the command sends to its own group does not reach the server
        os.setsid()
    for number in SIGNALS:  # whatever this server was started with
        heeded = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in ignored else heeded)
    client.send(b"1")
    client.close()
    above = [fcntl.fcntl(file, fcntl.F_DUPFD, 500) for file in received]
    for file in received:
        os.close(file)
    for file, number in zip(above, files, strict=True):
        os.dup2(file, number, inheritable=True)
        os.close(file)
    os.chdir(folder)
    _become(argv, environment)


def fork_without_exec(*given: Any) -> int:
    """subprocess's fork_exec. Where the program is this Python, and there are neither pipes nor threads, the fork alone is enough."""
    words, _, close, kept, folder, variables, *pipes = given[:12]
    failing, _, new_session, group, *_, prepare = given[13:22]
    alone = close and set(pipes) == {-1} and len(os.listdir("/proc/self/task")) == 1
    if not alone or os.fsdecode(words[0]) != sys.executable:
        return _posixsubprocess.fork_exec(*given)
    for stream in (sys.stdout, sys.stderr):  # the child must not write again what it finds in there
        stream.flush()
    if child := os.fork():
        return child
    try:
        if new_session:
            os.setsid()
        if group >= 0:
            os.setpgid(0, group)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        if prepare:
            prepare()
        os.chdir(folder or ".")
        for file in map(int, os.listdir("/proc/self/fd")):
            if file > 2 and file not in kept:
                with contextlib.suppress(OSError):  # the one that lists the folder
                    os.close(file)
        os.close(failing)
        environment = os.environ if variables is None else dict(os.fsdecode(entry).split("=", 1) for entry in variables)
        forget_exit_handlers()
        forget_project()
        sys.path[:] = PATH
        _become(list(map(os.fsdecode, words[1:])), dict(environment))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _become(argv: list[str], environment: dict[str, str]) -> None:
    """Run `python ARGV`, and end as it ends."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        show_in_proc([sys.executable, *argv], environment)
        importlib.reload(sys.modules["huggingface_hub.constants"])  # read from the environment on import
        while argv[0] in ("-P", "-u"):
            argv = argv[1:]
        sys.argv = argv[argv[0] == "-m" :]
        first = os.getcwd() if argv[0] == "-m" else os.path.dirname(os.path.abspath(argv[0]))
        sys.path[:0] = [first, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
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


def show_in_proc(command: list[str], environment: dict[str, str]) -> None:
    """Have /proc show this command line and environment for this process, as after an exec: distill.base.processes reads them."""
    words = b"".join(os.fsencode(word) + b"\0" for word in command)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environment.items())
    SHOWN[:] = ctypes.create_string_buffer(words, len(words)), ctypes.create_string_buffer(variables, len(variables))
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_void_p
    stat = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start_code, end_code, start_stack, *data = (int(stat[place]) for place in (23, 24, 25, 42, 43, 44))  # proc(5), from field 3 on
    ends = [place for shown in SHOWN for place in (ctypes.addressof(shown), ctypes.addressof(shown) + len(shown))]
    layout = struct.pack("12QIi", start_code, end_code, *data, libc.sbrk(0), start_stack, *ends, 0, 0, -1)  # struct prctl_mm_map
    set_mm, set_map = 35, 14  # PR_SET_MM, PR_SET_MM_MAP: prctl(2)
    if libc.prctl(set_mm, set_map, ctypes.create_string_buffer(layout, len(layout)), ctypes.c_ulong(len(layout)), ctypes.c_ulong(0)):
        raise OSError("prctl(PR_SET_MM_MAP) has failed: Linux without CONFIG_CHECKPOINT_RESTORE")


if __name__ == "__main__":
    if ENVIRONMENT.items() - os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ENVIRONMENT)
    serve(Path(sys.argv[1]))
