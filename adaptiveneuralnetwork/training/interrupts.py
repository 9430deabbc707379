"""Signals that ask a program to end, noted so that it can end at a moment of its choice."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Note SIGTERM and SIGINT (Ctrl-C) between :meth:`install` and :meth:`restore`, instead of being ended by them.

    After a first Ctrl-C the system's own action holds for it: a second one ends the process at once, whatever it does.

    Attributes:
        received: The first signal that came, ``None`` before.

    Example:
        >>> interrupts = Interrupts()
        >>> interrupts.install()
        >>> signal.raise_signal(signal.SIGTERM)
        >>> interrupts.restore(); interrupts.received.name
        'SIGTERM'
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Begin to note. Python handles signals in the main thread only; in another one this does nothing."""
        self.received = None
        if threading.current_thread() is not threading.main_thread() or self._before:
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            # None stands for a handler that was not set from Python and cannot be put back.
            self._before[number] = signal.signal(number, self._note) or signal.SIG_DFL

    def restore(self) -> None:
        """Put the handlers back that were there before."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)

    def leave(self) -> None:
        """Raise what the signal received asks for: ``KeyboardInterrupt``, or ``SystemExit(143)`` for SIGTERM.

        Does nothing if none was received.
        """
        if self.received is signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
        if number == signal.SIGINT:
            # Not a handler of ours: one in Python would wait for whatever hangs in C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
