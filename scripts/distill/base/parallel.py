"""Ordered map over batches, in one process or several."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")
Work = Callable[[Batch], Result]

# Batches in flight for each worker; bounds the memory.
_AHEAD = 3


def map_batches(
    make: Callable[[], Work[Batch, Result]], batches: Iterable[Batch], workers: int = 1, preload: Sequence[str] = ()
) -> Iterator[Result]:
    """The results of `make()` applied to each batch, in the order of the batches.

    With one worker everything runs in this process; with more, each process calls `make` (which must pickle) once. `preload` names
    installed modules that are slow to import; the fork server imports them once for all processes.
    """
    if workers <= 1:
        yield from map(make(), batches)
        return
    # A fork of this process would inherit its locks and the tokenizer's threads; the fork server has neither.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with ProcessPoolExecutor(workers, context, _start, (make,)) as pool:
        waiting: deque[Future[Result]] = deque()
        rest = iter(batches)
        try:
            for batch in islice(rest, _AHEAD * workers):
                waiting.append(pool.submit(_run, batch))
            while waiting:
                yield waiting.popleft().result()
                for batch in islice(rest, 1):
                    waiting.append(pool.submit(_run, batch))
        finally:
            pool.shutdown(cancel_futures=True)


_make: Callable[[], Any] | None = None
_work: Any = None


def _start(make: Callable[[], Any]) -> None:
    global _make
    _make = make
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's processes do not notice that their parent was killed, and would wait forever (CPython 3.11)."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _run(batch: Any) -> Any:
    """`make` is called with the first batch, not at the start of the process: an error there would not reach the caller."""
    global _work
    if _work is None and _make is not None:
        _work = _make()
    return _work(batch)
