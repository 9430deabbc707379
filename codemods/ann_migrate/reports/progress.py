"""A progress bar on a terminal, for runs that take longer than a second."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

_PATIENCE = 1.0
_PERIOD = 0.1
_WIDTH = 30


class ProgressBar:
    """Shows how many files of how many are done, on one line that is wiped at the end.

    Args:
        stream: Where to; nothing is shown unless it is a terminal. Standard error by default.
        patience: For how many seconds to show nothing.

    Example:
        >>> with ProgressBar() as bar:
        ...     bar(1, 3)
    """

    def __init__(self, stream: TextIO | None = None, *, patience: float = _PATIENCE) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._next = time.monotonic() + patience
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """Say that *done* of *total* files are analysed."""
        if not self._is_terminal or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PERIOD
        self._shown = True
        full = _WIDTH * done // max(total, 1)
        self._stream.write(f"\r[{'#' * full}{'.' * (_WIDTH - full)}] {done} of {total} files")
        self._stream.flush()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
