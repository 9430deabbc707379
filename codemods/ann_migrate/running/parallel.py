"""Work on many files in several processes, such that one that dies costs its own file only."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")

SERIAL_BELOW = 16
"""With fewer files, starting processes (0.3 s of CPU each) costs more than the work."""
_FILES_A_PROCESS = 8


def in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int,
    died: Callable[[Item], Result],
    done: Callable[[], object] = lambda: None,
    serial_below: int = SERIAL_BELOW,
) -> list[Result]:
    """Call *function* with each item, in up to *jobs* processes, and return the results in the order of the items.

    Processes are spawned, not forked: that works everywhere, and nothing is inherited by chance. A process that is
    killed or crashes breaks the pool for all that wait; these are tried again one by one, each in a process of its own.

    Args:
        function: A function of a module; it, its items and its results travel between processes.
        items: What to call it with.
        jobs: How many processes at most; with 1, or few items, the work is done here.
        died: The result for an item whose process died.
        done: Called after each item.
        serial_below: How many items are few.

    Raises:
        ValueError: If *jobs* is less than 1.
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number from 1, got {jobs}")
    if jobs == 1 or len(items) < serial_below:
        return [_with(done, function(item)) for item in items]
    with _safe_path():
        results: dict[int, Result] = {}
        processes = min(jobs, math.ceil(len(items) / _FILES_A_PROCESS))
        for number, result in _together(function, dict(enumerate(items)), processes):
            results[number] = _with(done, result)
        for number, item in enumerate(items):
            if number not in results:
                alone = dict(_together(function, {number: item}, 1))
                results[number] = _with(done, alone[number] if alone else died(item))
        return [results[number] for number in range(len(items))]


def _together(
    function: Callable[[Item], Result], items: Mapping[int, Item], processes: int
) -> Iterator[tuple[int, Result]]:
    """Yield the results that there are: none of those that were waiting when a process died."""
    from concurrent.futures.process import BrokenProcessPool

    pool = _pool(processes)
    try:
        futures: dict[int, Future[Result]] = {}
        with contextlib.suppress(BrokenProcessPool):
            for number, item in items.items():
                futures[number] = pool.submit(function, item)
        for number, future in futures.items():
            with contextlib.suppress(BrokenProcessPool):
                yield number, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the current folder off the path of new processes: it is the user's project, and a ``pickle.py`` there would
    be executed before the process learns of the path that this one has.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _pool(processes: int) -> ProcessPoolExecutor:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=spawn, initializer=_leave_interrupts_to_the_parent)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _with(done: Callable[[], object], result: Result) -> Result:
    done()
    return result
