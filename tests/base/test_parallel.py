"""The same work in several processes: in order, with errors that reach the caller, and with no process left behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from operator import itemgetter
from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.base.parallel import map_batches
from distill.data.tokens import ChatTokenizer


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_batches(workers):
    assert list(map_batches(partial(itemgetter, 0), ([number] for number in range(20)), workers)) == list(range(20))


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_process_cannot_begin_with_reaches_the_caller(workers, tmp_path):
    with pytest.raises(InputError, match=r"tokenizer.json: no such file"):
        list(map_batches(partial(ChatTokenizer, tmp_path), [["a"]], workers))


def test_no_process_outlives_a_killed_parent():
    hang = (
        "import time; from functools import partial; from distill.base.parallel import map_batches; "
        "list(map_batches(partial(partial, time.sleep), [300, 300], 2))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", hang], env=environment) as parent:
        assert came(lambda: len(below(parent.pid)) >= 4)  # resource tracker, fork server, two workers
        children = below(parent.pid)
        parent.send_signal(signal.SIGKILL)
    assert came(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


def below(number: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    try:
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
    except OSError:
        return []
    return [one for child in map(int, children) for one in (child, *below(child))]


def came(done) -> bool:
    end = time.monotonic() + 60
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()
