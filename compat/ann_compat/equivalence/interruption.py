"""Ctrl-C of the user, told apart from a ``KeyboardInterrupt`` that the code under comparison raises itself."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_requested = False


@contextmanager
def heeded() -> Iterator[None]:
    """While active, an interrupt ends what runs after the case in hand, and a second one at once.

    Nothing is raised at the first: it could hit a callback of the interpreter, which swallows it, or become the outcome
    of the case.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        clear()


def check() -> None:
    """Called between runs.

    Raises:
        KeyboardInterrupt: The user has interrupted since the last :func:`clear`.
    """
    if _requested:
        raise KeyboardInterrupt


def requested() -> bool:
    """Whether the user has interrupted since the last :func:`clear`."""
    return _requested


def clear() -> None:
    """The interrupt has been dealt with."""
    global _requested
    _requested = False


def _note(signum: int, frame: FrameType | None) -> None:
    global _requested
    if _requested:
        raise KeyboardInterrupt
    _requested = True
    print("ann-equiv: ending after the case in hand; once more to end at once", file=sys.stderr, flush=True)
