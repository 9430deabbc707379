"""Run a command under a time limit, and leave none of its processes behind, whatever happens."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MAX_OUTPUT = 64 * 2**20
_GRACE = 3.0
"""Seconds that processes get to end by themselves after the command has ended."""


class Abandoned(BaseException):
    """Whoever asked for the run is gone, or wants it stopped."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        exit_code: As ``subprocess`` counts: negative for a signal; ``None`` if it was stopped.
        seconds: How long it ran.
        stopped: Why it was stopped, or what it left running; empty if all ended by themselves.
    """

    exit_code: int | None
    seconds: float
    stopped: str = ""


def run_command(
    arguments: Sequence[str],
    *,
    cwd: str,
    environment: Mapping[str, str],
    stdout: Path,
    stderr: Path,
    timeout: float,
    abandoned: threading.Event,
) -> Ended:
    """Run a command to its end, in a session of its own, without standard input.

    Args:
        timeout: Seconds after which it is stopped.
        abandoned: Set from elsewhere to stop it at once.

    Raises:
        OSError: It cannot be started.
        Abandoned: *abandoned* was set.
    """
    _adopt_orphans()
    others = {process.pid for process in psutil.Process().children(recursive=True)}
    started = time.monotonic()
    with stdout.open("wb") as out, stderr.open("wb") as err:
        child = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    family = _Family(child, others)
    try:
        pause = 0.002
        while child.poll() is None:
            if abandoned.wait(pause):
                raise Abandoned
            pause = min(pause * 1.5, 0.1)
            seconds = time.monotonic() - started
            if seconds > timeout:
                return Ended(None, seconds, f"it did not end within {timeout:g} seconds")
            if stdout.stat().st_size + stderr.stat().st_size > MAX_OUTPUT:
                return Ended(None, seconds, f"it printed more than {MAX_OUTPUT // 2**20} MiB")
        seconds = time.monotonic() - started
        if left := _still_running(family, abandoned):
            names = ", ".join(sorted(left))
            return Ended(child.returncode, seconds, f"it left processes running behind it: {names}")
        return Ended(child.returncode, seconds)
    finally:
        family.kill()


class _Family:
    """The processes that came of a command: on Linux also those that left its session or lost their parent."""

    def __init__(self, child: subprocess.Popen[bytes], others: set[int]) -> None:
        self._child = child
        self._others = others

    def members(self) -> list[psutil.Process]:
        """Those that run."""
        found = []
        for process in psutil.Process().children(recursive=True):
            if process.pid not in self._others:
                with contextlib.suppress(psutil.Error):
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
        return found

    def kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(self._child.pid, signal.SIGKILL)
        for _ in range(20):  # what forks while it is killed is met in the next round
            members = self.members()
            for process in members:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(members, timeout=0.5)
            if not members:
                break
        self._child.wait()
        # Adopted orphans would stay as zombies as long as we live.
        for process in psutil.Process().children():
            if process.pid not in self._others:
                with contextlib.suppress(OSError):
                    os.waitpid(process.pid, os.WNOHANG)


def _still_running(family: _Family, abandoned: threading.Event) -> set[str]:
    """The names of the processes that do not end within a moment after the command."""
    deadline = time.monotonic() + _GRACE
    while members := family.members():
        if time.monotonic() > deadline:
            names = set()
            for process in members:
                with contextlib.suppress(psutil.Error):
                    names.add(process.name())
            return names
        if abandoned.wait(0.02):
            raise Abandoned
    return set()


def _adopt_orphans() -> None:
    """On Linux, let processes whose parent ends become our children: so that they are found even in another session."""
    if sys.platform == "linux":
        set_child_subreaper = 36
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)
