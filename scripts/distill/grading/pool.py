"""Worker processes for grading: each has its own socket, and this side keeps the wall clock and kills.

All are forked by one fork server (worker.py) that has imported math-verify, so that a new one costs milliseconds. A killed worker
loses only the answer that killed it: what else it had been given goes to the next one.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from distill.grading import worker as program

TIMEOUT = "grader_timeout"
_START_S = 120  # until math-verify is imported; a machine under load is slow
_RECYCLE_AFTER = 5000  # answers; sympy's caches grow
_IN_FLIGHT, _IN_FLIGHT_BYTES = 16, 32_000  # given to a worker at a time; less than a socket holds, so that writing never blocks


@dataclass(eq=False)
class GradingJob:
    """A gold and an answer for math-verify; `settle` is called with the job and the verdict."""

    gold: str
    answer: str
    settle: Callable[["GradingJob", str], None]
    line: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.line = json.dumps([self.gold, self.answer]).encode() + b"\n"


class _ForkServer:
    """The process that workers are forked from; lives as long as this one, and ends when its socket closes."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(_START_S)
        command = [sys.executable, "-P", program.__file__, str(theirs.fileno())]
        # The order of a set must not decide how sympy writes an expression; nor may Ctrl-C reach the workers before us.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, start_new_session=True)
        theirs.close()
        self._reply()

    def start(self, memory_mb: int, timeout_s: float) -> tuple[int, socket.socket]:
        """The id of a new worker and our end of its socket."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.socket, [json.dumps([memory_mb, timeout_s]).encode()], [theirs.fileno()])
            return int(self._reply()), ours

    def end(self, pid: int) -> int:
        """Kill a worker if it still lives; the signal that it died of. Its id is free for others only now, so that none of them is hit."""
        os.kill(pid, signal.SIGKILL)
        self.socket.sendall(json.dumps(pid).encode())
        return int(self._reply())

    def _reply(self) -> bytes:
        reply = self.socket.recv(64)
        if not reply:
            raise RuntimeError("math-verify could not be started: its message stands above; try `python -c 'import math_verify'`")
        return reply


_fork_server: _ForkServer | None = None


def _fork_server_of_this_process() -> _ForkServer:
    global _fork_server
    if _fork_server is None or _fork_server.owner != os.getpid() or _fork_server.process.poll() is not None:
        _fork_server = _ForkServer()
    return _fork_server


@dataclass(eq=False)
class _Worker:
    pid: int
    socket: socket.socket
    deadline: float = float("inf")
    given: deque[GradingJob] = field(default_factory=deque)
    given_bytes: int = 0
    answered: int = 0
    megabytes: int = 0
    unread: bytes = b""

    def takes(self, line: bytes) -> bool:
        """Whether a further line can be written to it without blocking."""
        return not self.given or (len(self.given) < _IN_FLIGHT and self.given_bytes + len(line) <= _IN_FLIGHT_BYTES)


class Pool:
    """Workers, the jobs that they have and the jobs that wait. Each job's `settle` is called with its verdict, in any order."""

    def __init__(self, workers: int, timeout_s: float, memory_mb: int):
        self.size, self.timeout_s, self.memory_mb = workers, timeout_s, memory_mb
        self.workers: list[_Worker] = []
        self.queue: deque[GradingJob] = deque()
        self.selector = selectors.DefaultSelector()

    def submit(self, job: GradingJob) -> None:
        """Queue a job, and read the replies that have arrived; never waits for one."""
        self.queue.append(job)
        self._exchange(0)

    def step(self) -> None:
        """Wait until a worker replies or reaches its time limit. Call it only while a job is unsettled."""
        self._feed()
        self._exchange(max(min(worker.deadline for worker in self.workers) - time.monotonic(), 0))
        now = time.monotonic()
        for worker in [worker for worker in self.workers if worker.deadline <= now]:
            self._lose(worker, timed_out=True)

    def close(self) -> None:
        """End the workers."""
        for worker in list(self.workers):
            self._end(worker)
        self.selector.close()

    def _exchange(self, timeout_s: float) -> None:
        for key, _ in self.selector.select(timeout_s):
            self._read(key.data)
        self._feed()

    def _feed(self) -> None:
        while len(self.workers) < min(self.size, len(self.queue) + sum(bool(worker.given) for worker in self.workers)):
            worker = _Worker(*_fork_server_of_this_process().start(self.memory_mb, self.timeout_s))
            self.workers.append(worker)
            self.selector.register(worker.socket, selectors.EVENT_READ, worker)
        for worker in self.workers:
            while self.queue and worker.takes(self.queue[0].line):
                try:
                    worker.socket.sendall(self.queue[0].line)
                except (BrokenPipeError, ConnectionResetError):
                    break  # it has died, of an answer that it has; reading from it will say so
                job = self.queue.popleft()
                if not worker.given:
                    worker.deadline = time.monotonic() + self.timeout_s
                worker.given.append(job)
                worker.given_bytes += len(job.line)
            if not worker.given:
                worker.deadline = float("inf")

    def _read(self, worker: _Worker) -> None:
        try:
            data = worker.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self._lose(worker)
            return
        *lines, worker.unread = (worker.unread + data).split(b"\n")
        for line in lines:
            reason, megabytes = line.decode().split()
            worker.megabytes = int(megabytes)
            worker.answered += 1
            worker.deadline = time.monotonic() + self.timeout_s
            job = worker.given.popleft()
            worker.given_bytes -= len(job.line)
            job.settle(job, reason)
        if worker.answered >= _RECYCLE_AFTER or worker.megabytes > self.memory_mb // 2:
            self._end(worker)

    def _lose(self, worker: _Worker, timed_out: bool = False) -> None:
        """A worker has died or is to die of the first answer that it has."""
        first = worker.given.popleft() if worker.given else None
        timed_out |= self._end(worker) == signal.SIGXCPU
        if first:
            first.settle(first, TIMEOUT if timed_out else program.ERROR)

    def _end(self, worker: _Worker) -> int:
        """The signal that ended a worker; what it still had goes back to the head of the queue."""
        self.queue.extendleft(reversed(worker.given))
        self.workers.remove(worker)
        self.selector.unregister(worker.socket)
        worker.socket.close()
        return _fork_server_of_this_process().end(worker.pid)
