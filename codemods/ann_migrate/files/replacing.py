"""Files replaced in two phases, so that none is ever lost.

First every new content is put on the disk in a temporary file beside its target; an error or Ctrl-C up to there leaves
everything as it was. Then each target is compared once more with what was read and replaced in one step, so that
whoever looks sees the old file or the new one, never a part. Files that go together are all replaced or none.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ann_migrate.files import durable

_CHANGED = "changed on disk since it was read"


class WriteError(Exception):
    """Nothing was written; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file to replace.

    Attributes:
        path: The file.
        before: What was read from it.
        after: What shall stand there.
        together: The files (this one among them) of which all are replaced or none; empty for one that stands alone.
    """

    path: Path
    before: bytes
    after: bytes
    together: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that was not replaced. *failed* tells a refusal by the system from a state that we respect."""

    path: Path
    reason: str
    failed: bool = False


def prepare(wanted: Sequence[Change]) -> tuple[dict[str, Change], list[LeftAlone]]:
    """Tell the changes that can be made, by the real path of their file, from those that cannot."""
    ready: dict[str, Change] = {}
    left_alone = []
    for change in wanted:
        real = os.path.realpath(change.path)
        if (obstacle := _obstacle(real, change)) is None:
            ready[real] = change
        else:
            left_alone.append(LeftAlone(change.path, obstacle))
    for path, obstacle in _held_back(ready, left_alone):
        left_alone.append(LeftAlone(ready.pop(path).path, obstacle))
    return ready, left_alone


def _held_back(ready: dict[str, Change], left_alone: Sequence[LeftAlone]) -> list[tuple[str, str]]:
    """The changes that go together with one that cannot be made, and why they are left."""
    reasons = {each.path: each.reason for each in left_alone}
    return [
        (path, f"goes together with {held.as_posix()}, which {reasons[held]}")
        for path, change in ready.items()
        if (held := min(change.together & reasons.keys(), default=None)) is not None
    ]


def _obstacle(real: str, change: Change) -> str | None:
    try:
        status = os.lstat(real)
        if not stat.S_ISREG(status.st_mode):
            return "is not a regular file"
        if status.st_nlink > 1:
            return f"is one of {status.st_nlink} hard links to the same file, which replacing it would separate"
        # Replacing would succeed by the folder's permissions alone; and to root everything looks writable.
        if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(real, os.W_OK):
            return "is read-only"
        if not os.access(os.path.dirname(real), os.W_OK | os.X_OK):
            return "its folder is read-only"
        if durable.read_file(real) != change.before:
            return _CHANGED
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return None


@contextlib.contextmanager
def staged(ready: dict[str, Change]) -> Iterator[dict[str, str]]:
    """Phase one: all new contents on the disk, in temporary files. Yields their names by real path of the target."""
    token = secrets.token_hex(6)
    for folder in {os.path.dirname(path) for path in ready}:
        durable.remove_orphans(folder)
    temps: dict[str, str] = {}
    try:
        for index, (path, change) in enumerate(ready.items()):
            temps[path] = durable.temp_name(os.path.dirname(path), token, index)
            try:
                durable.write_new_file(temps[path], change.after, like=path)
            except OSError as error:
                if not os.path.lexists(path):  # deleted since it was read: the others go on
                    with contextlib.suppress(OSError):
                        os.unlink(temps.pop(path))
                    continue
                raise WriteError(f"cannot write beside {change.path}: {error.strerror or error}") from error
        yield temps
    finally:
        for temp in temps.values():
            with contextlib.suppress(OSError):
                os.unlink(temp)


@dataclass(slots=True)
class Outcome:
    """What the second phase did: the files that were replaced by their real paths, and those that were not."""

    written: dict[str, Path] = field(default_factory=dict)
    failed: list[LeftAlone] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def commit(ready: dict[str, Change], temps: dict[str, str]) -> Outcome:
    """Phase two: each target compared once more, then replaced."""
    outcome = Outcome()
    for group in _groups(ready):
        _replace(group, temps, outcome)
    for folder in sorted({os.path.dirname(path) for path in outcome.written}):
        try:
            durable.sync_folder(folder)
        except OSError as error:
            outcome.warnings.append(f"{folder}: not confirmed to be on the disk: {error.strerror or error}")
    return outcome


def _groups(ready: dict[str, Change]) -> Iterator[dict[str, Change]]:
    """The changes in groups of which all are made or none."""
    waiting = dict(ready)
    while waiting:
        first = next(iter(waiting.values()))
        group = {path: each for path, each in waiting.items() if each is first or each.path in first.together}
        waiting = {path: each for path, each in waiting.items() if path not in group}
        yield group


def _replace(group: dict[str, Change], temps: dict[str, str], outcome: Outcome) -> None:
    """Replace the files of a group, if all are still as they were read."""
    failed: list[LeftAlone] = []
    for path, change in group.items():
        try:
            if path not in temps or durable.read_file(path) != change.before:
                failed.append(LeftAlone(change.path, _CHANGED))
        except FileNotFoundError:
            failed.append(LeftAlone(change.path, _CHANGED))
        except OSError as error:
            failed.append(LeftAlone(change.path, f"cannot be replaced: {error.strerror or error}", failed=True))
    replaced: dict[str, Change] = {}
    for path, change in group.items() if not failed else ():
        try:
            os.replace(temps[path], path)
            replaced[path] = change
        except OSError as error:
            failed.append(LeftAlone(change.path, f"cannot be replaced: {error.strerror or error}", failed=True))
            break
    if failed:
        replaced = _put_back(replaced, outcome)
        rest = {path: each for path, each in group.items() if path not in replaced and each.path != failed[0].path}
        failed += [LeftAlone(rest[path].path, reason) for path, reason in _held_back(rest, failed)]
    outcome.failed += failed
    outcome.written |= {path: change.path for path, change in replaced.items()}


def _put_back(replaced: dict[str, Change], outcome: Outcome) -> dict[str, Change]:
    """Give files back what they held; those that the system refuses stay replaced, and can be undone."""
    left: dict[str, Change] = {}
    for number, (path, change) in enumerate(replaced.items()):
        temp = durable.temp_name(os.path.dirname(path), secrets.token_hex(6), number)
        try:
            durable.write_new_file(temp, change.before, like=path)
            os.replace(temp, path)
        except OSError as error:
            left[path] = change
            outcome.warnings.append(f"{change.path}: is replaced and cannot be put back: {error.strerror or error}")
    return left


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C wait until the replacements, a matter of milliseconds, are all done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = []
    previous = signal.signal(signal.SIGINT, lambda *_: received.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if received:
        raise KeyboardInterrupt
