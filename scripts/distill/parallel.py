"""The same work on batch after batch, in order, in one process or several."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")
Work = Callable[[Batch], Result]

# Batches a worker that may be under way; bounds what is held in memory.
_AHEAD = 3


def map_batches(make: Callable[[], Work[Batch, Result]], batches: Iterable[Batch], workers: int = 1) -> Iterator[Result]:
    """The results of `make()` applied to each batch, in the order of the batches.

    With one worker all happens in this process; with more, each process calls `make` (which must pickle) once.
    """
    if workers <= 1:
        yield from map(make(), batches)
        return
    # spawn: a forked child would share locks and the tokenizer's threads.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (make,)) as pool:
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


_work: Any = None


def _start(make: Callable[[], Any]) -> None:
    global _work
    _work = make()


def _run(batch: Any) -> Any:
    return _work(batch)
