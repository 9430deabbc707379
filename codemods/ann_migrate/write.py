"""Replacing files so that none is ever lost, and taking it back.

Two phases. First every new content is put on the disk in a temporary file beside its target; an error or Ctrl-C up
to there leaves everything as it was. Then each target is compared once more with what was read and replaced in one
step, so that whoever looks sees the old file or the new one, never a part. The journal is on the disk before the first
replacement.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ann_migrate import durable
from ann_migrate.journal import Entry, Journal, JournalError, Run, cache_folder, digest

_CHANGED = "changed on disk since it was read"


class WriteError(Exception):
    """Nothing was written; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file to replace: *before* is what was read from *path*, *after* what shall stand there."""

    path: Path
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file that was not replaced. *failed* tells a refusal by the system from a state that we respect."""

    path: Path
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What was replaced and what was not; *warnings* are of no consequence for the files' content."""

    written: tuple[Path, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo did.

    Attributes:
        restored: The files that hold again what they held before the run.
        left_alone: Those that were changed since, or could not be written; the journal keeps their originals.
        unchanged: Files of an interrupted run that it had not replaced yet.
        warnings: Of no consequence for the files' content.
    """

    restored: tuple[Path, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    unchanged: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


def write_files(changes: Iterable[Change], *, journal: bool = True) -> WriteResult:
    """Replace files, all temporary files first, and journal what they held.

    A file that is read-only, has further hard links, is no regular file any more or has changed since it was read is
    left alone and reported; the others are written. A symbolic link stays, its target is replaced. Owner, mode and
    extended attributes are kept. What an earlier run left behind when it was killed is cleaned up.

    Args:
        changes: The files, with what was read from them and what shall stand there.
        journal: Whether to keep the originals for :func:`undo`; without it, the cache folder is not touched.

    Returns:
        The outcome for each file.

    Raises:
        WriteError: If the journal or a temporary file cannot be written, or another run is writing. All files are as
            they were.
    """
    wanted = list(changes)
    if not journal:
        ready, left_alone = _prepare(wanted)
        with _staged(ready) as temps, _interrupts_deferred():
            outcome = _commit(ready, temps)
        return outcome.result(left_alone)
    try:
        if not wanted and not os.path.isdir(cache_folder()):
            return WriteResult()
        with Journal() as book:
            return _write_journalled(wanted, book)
    except JournalError as error:
        raise WriteError(str(error)) from error


def undo(paths: Sequence[Path]) -> UndoResult | None:
    """Restore, byte for byte, what the last run replaced at or beneath *paths*.

    Files that were changed since the run are left alone and reported, and the journal keeps their originals. An
    interrupted run can be undone as well, and so can a run of which a part has been undone already.

    Args:
        paths: Files or folders, which need not exist any more.

    Returns:
        The outcome, or ``None`` when no journalled run wrote there.

    Raises:
        WriteError: If the journal cannot be read or written, or a temporary file cannot. All files are as they were.
    """
    roots = [os.path.realpath(path) for path in paths]
    try:
        if not os.path.isdir(cache_folder()):
            return None
        with Journal() as book:
            for run in book.runs():
                concerned = [entry for entry in run.entries if any(_is_beneath(entry.path, root) for root in roots)]
                if concerned:
                    return _undo(run, concerned, book)
    except JournalError as error:
        raise WriteError(str(error)) from error
    return None


def _write_journalled(wanted: Sequence[Change], book: Journal) -> WriteResult:
    interrupted = _recover(book)
    ready, left_alone = _prepare(wanted)
    if not ready:
        return WriteResult((), tuple(left_alone))

    # Running again completes an interrupted run: the two become one, which is undone as one.
    absorbed = [run for run in interrupted if any(entry.path in ready for entry in run.entries)]
    carried = {entry.path: entry for run in reversed(absorbed) for entry in run.entries if _differs(entry)}
    own = {}
    for path, change in ready.items():
        earlier = carried.get(path)
        before, digests = (earlier.before, earlier.written) if earlier else (change.before, ())
        own[path] = Entry(path, before, (*digests, digest(change.after)))
    run = book.begin({**carried, **own}.values())
    with contextlib.ExitStack() as stack:
        try:
            temps = stack.enter_context(_staged(ready))
        except BaseException:
            # Nothing is replaced. Should the journal refuse as well, the next run sees that there is nothing to undo.
            with contextlib.suppress(JournalError):
                book.forget(run)
            raise
        stack.enter_context(_interrupts_deferred())
        outcome = _commit(ready, temps)
        try:
            book.close(run, {**carried, **{path: own[path] for path in outcome.written}}.values())
            for old in absorbed:
                book.forget(old)
        except JournalError as error:
            outcome.warnings.append(f"the files are written and can be undone, but: {error}")
    return outcome.result(left_alone)


def _recover(book: Journal) -> list[Run]:
    """Clean up after runs that were killed, and return those that had replaced something."""
    interrupted = []
    for run in book.runs(only_pending=True):
        for folder in {os.path.dirname(entry.path) for entry in run.entries}:
            durable.remove_orphans(folder)
        if any(_differs(entry) for entry in run.entries):
            interrupted.append(run)
        else:
            book.forget(run)
    return interrupted


def _undo(run: Run, concerned: Sequence[Entry], book: Journal) -> UndoResult:
    changes, left_alone, unchanged = [], [], []
    for entry in concerned:
        try:
            current = durable.read_file(entry.path)
        except OSError as error:
            left_alone.append(LeftAlone(_shown(entry.path), f"cannot be read: {error.strerror or error}"))
            continue
        if current == entry.before:
            unchanged.append(entry.path)
        elif digest(current) in entry.written:
            changes.append(Change(_shown(entry.path), current, entry.before))
        else:
            left_alone.append(LeftAlone(_shown(entry.path), "changed since the run"))

    ready, obstructed = _prepare(changes)
    for folder in {os.path.dirname(entry.path) for entry in concerned}:
        durable.remove_orphans(folder)
    with contextlib.ExitStack() as stack:
        run = book.reopen(run)
        try:
            temps = stack.enter_context(_staged(ready))
        except BaseException:
            with contextlib.suppress(JournalError):
                book.close(run, run.entries)
            raise
        stack.enter_context(_interrupts_deferred())
        outcome = _commit(ready, temps)
        settled = {*outcome.written, *unchanged}
        try:
            book.close(run, [entry for entry in run.entries if entry.path not in settled])
        except JournalError as error:
            outcome.warnings.append(f"the files are restored, but: {error}")
    return UndoResult(
        tuple(outcome.written.values()),
        (*left_alone, *obstructed, *outcome.failed),
        tuple(_shown(path) for path in unchanged),
        tuple(outcome.warnings),
    )


def _prepare(wanted: Sequence[Change]) -> tuple[dict[str, Change], list[LeftAlone]]:
    """Tell the changes that can be made, by the real path of their file, from those that cannot."""
    ready: dict[str, Change] = {}
    left_alone = []
    for change in wanted:
        real = os.path.realpath(change.path)
        if (obstacle := _obstacle(real, change)) is None:
            ready[real] = change
        else:
            left_alone.append(LeftAlone(change.path, obstacle))
    return ready, left_alone


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
def _staged(ready: dict[str, Change]) -> Iterator[dict[str, str]]:
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
                raise WriteError(f"cannot write beside {change.path}: {error.strerror or error}") from error
        yield temps
    finally:
        for temp in temps.values():
            with contextlib.suppress(OSError):
                os.unlink(temp)


@dataclass(slots=True)
class _Outcome:
    written: dict[str, Path] = field(default_factory=dict)
    failed: list[LeftAlone] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def result(self, left_alone: Sequence[LeftAlone]) -> WriteResult:
        return WriteResult(tuple(self.written.values()), (*left_alone, *self.failed), tuple(self.warnings))


def _commit(ready: dict[str, Change], temps: dict[str, str]) -> _Outcome:
    """Phase two: each target compared once more, then replaced."""
    outcome = _Outcome()
    for path, change in ready.items():
        try:
            if durable.read_file(path) != change.before:
                outcome.failed.append(LeftAlone(change.path, _CHANGED))
                continue
            os.replace(temps[path], path)
            outcome.written[path] = change.path
        except OSError as error:
            reason = f"cannot be replaced: {error.strerror or error}"
            outcome.failed.append(LeftAlone(change.path, reason, failed=True))
    for folder in sorted({os.path.dirname(path) for path in outcome.written}):
        try:
            durable.sync_folder(folder)
        except OSError as error:
            outcome.warnings.append(f"{folder}: not confirmed to be on the disk: {error.strerror or error}")
    return outcome


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
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


def _differs(entry: Entry) -> bool:
    try:
        return durable.read_file(entry.path) != entry.before
    except OSError:
        return True


def _is_beneath(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))


def _shown(path: str | Path) -> Path:
    """Return *path* relative to the current folder where it lies beneath it: people can click on that."""
    absolute = os.path.abspath(path)
    here = os.path.join(os.getcwd(), "")
    return Path(absolute.removeprefix(here)) if absolute.startswith(here) else Path(path)
