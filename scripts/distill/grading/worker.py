"""The processes in which math-verify reads what a model wrote: a fork server that imports it, and the workers that it forks.

math-verify 0.5.2 turns text into sympy objects and computes with them. That can take for ever, take all memory, or (in sympy's own
string parser, which calls eval) run code. So a worker has a limit on memory and on processor time that the kernel keeps, an audit hook
that refuses to write files, to start processes and to open sockets, and a parser that takes digits and operators only. pool.py
starts the fork server, talks to the workers (one JSON line in, one line out) and keeps the wall clock.
"""

import importlib
import json
import math
import os
import re
import resource
import socket
import sys
from functools import lru_cache
from typing import Any

# Replies: the verdict, or why there is none.
CORRECT, WRONG, MEMORY, ERROR = "correct", "wrong", "grader_memory", "grader_error"
READY = b"ready"

# math-verify hands plain expressions such as (1+2)/3 to sympy's parse_expr, and nothing else reaches it: it never needs a name.
_PLAIN_EXPRESSION = re.compile(r"[0-9\s.+\-*/()]*")
_NEVER = 10**6  # seconds: math-verify's own limits are signals, and the parent keeps the time

_FORBIDDEN = re.compile(
    r"(?:os\.(?:system|exec|fork|forkpty|posix_spawn|spawn|startfile|remove|rename|rmdir|mkdir|link|symlink|truncate|chmod|chown|kill|killpg"
    r"|putenv|unsetenv|utime)|subprocess\.Popen|pty\.spawn|socket\..*|shutil\..*|ctypes\..*|mmap\..*|tempfile\..*|webbrowser\.open"
    r"|urllib\.Request)\b.*"
)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if (event == "open" and (_writes(args[1]) or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))) or _FORBIDDEN.fullmatch(event):
        raise PermissionError(f"an answer may not do this: {event}")


def _writes(mode: Any) -> bool:
    return isinstance(mode, str) and any(letter in mode for letter in "wax+")


def forbid_side_effects() -> None:
    """Make this process unable to run what an answer says. There is no way back: audit hooks cannot be removed."""
    from sympy.parsing import sympy_parser

    importlib.import_module("sympy.physics.units")  # simplify imports it, and it hands the names of its prefixes to that parser
    stringify = sympy_parser.stringify_expr

    def digits_and_operators_only(text: str, *rest: Any) -> str:
        if not _PLAIN_EXPRESSION.fullmatch(text):
            raise ValueError("not a plain expression")
        return stringify(text, *rest)

    sympy_parser.stringify_expr = digits_and_operators_only  # on the way to every eval of sympy's parser
    sys.dont_write_bytecode = True
    sys.addaudithook(_audit)


def limit(memory_mb: int) -> None:
    """Address space in MiB; no core files, no bytes written to any file."""
    for what, value in ((resource.RLIMIT_AS, memory_mb << 20), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


def limit_next(seconds: float) -> None:
    """Let the kernel end this process after so many more seconds of processor time, also where its parent has died."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit_s = math.ceil(used.ru_utime + used.ru_stime + seconds + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def without_signals() -> None:
    """math-verify's time limits are SIGALRM handlers; a verdict must not hang on them."""
    from math_verify import grader, parser

    def unlimited(_seconds: int) -> Any:
        return lambda function: function

    def unlimited_by_name(timeout_seconds: int) -> Any:
        return unlimited(timeout_seconds)

    parser.timeout = unlimited
    grader.timeout = unlimited_by_name


@lru_cache(maxsize=256)
def _gold(gold: str) -> tuple[Any, ...]:
    return tuple(_parse(gold))


def _parse(answer: str) -> list[Any]:
    from math_verify import parse

    # The whole box or nothing: where it cannot read the whole, it would go on to a fragment (of 1/(1/(1/2)), deep enough, to the 1/2).
    return parse(rf"\boxed{{{answer}}}", extraction_mode="first_match", parsing_timeout=_NEVER)


def compare(gold: str, answer: str) -> str:
    """math-verify's verdict on two expressions; the gold goes first, since verify is not symmetric."""
    from math_verify import verify

    try:
        return CORRECT if verify(list(_gold(gold)), _parse(answer), timeout_seconds=_NEVER) else WRONG
    except MemoryError:
        return MEMORY
    except Exception:  # whatever a hostile answer brings up, its neighbours must get their verdicts
        return ERROR


def work(line_socket: socket.socket, memory_mb: int, timeout_s: float) -> None:
    """Compare each pair that arrives, until the socket closes."""
    forbid_side_effects()
    limit(memory_mb)
    lines = line_socket.makefile("rb")
    for line in lines:
        gold, answer = json.loads(line)
        limit_next(timeout_s)
        verdict = compare(gold, answer)
        line_socket.sendall(f"{verdict} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}\n".encode())


def main() -> None:
    """The fork server: a socket with two numbers asks for a worker, a number alone for the signal that a worker died of."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    without_signals()
    compare("1/2", "0.5")  # load all that is loaded on first use
    silence = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):  # math-verify prints
        os.dup2(silence, number)
    orders.sendall(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, 4096, 1)
        if not message:
            return
        order = json.loads(message)
        if isinstance(order, int):
            _, status = os.waitpid(order, 0)
            orders.sendall(str(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0).encode())
            continue
        with socket.socket(fileno=descriptors[0]) as line_socket:
            worker = os.fork()
            if worker == 0:
                orders.close()
                try:
                    work(line_socket, *order)
                finally:
                    os._exit(0)
        orders.sendall(str(worker).encode())


if __name__ == "__main__":
    main()
