"""Replacing files so that none is ever lost, and taking it back.

Two phases. First every new content is put on the disk in a temporary file beside its target; an error or Ctrl-C up
to there leaves everything as it was. Then each target is compared once more with what was read and replaced in one
step, so that whoever looks sees the old file or the new one, never a part. The journal is on the disk before the first
replacement.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ann_migrate.files import durable
from ann_migrate.files.journal import Entry, Journal, JournalError, Run, cache_folder, digest
from ann_migrate.files.replacing import (
    Change,
    LeftAlone,
    Outcome,
    WriteError,
    commit,
    interrupts_deferred,
    prepare,
    staged,
)

__all__ = ["Change", "LeftAlone", "UndoResult", "WriteError", "WriteResult", "undo", "write_files"]


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
    left alone and reported, and so are those that go together with it; the others are written. A symbolic link stays,
    its target is replaced. Owner, mode and extended attributes are kept. What an earlier run left behind when it was
    killed is cleaned up; if it had replaced some files that this run has nothing to do with, a warning says so.

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
        ready, left_alone = prepare(wanted)
        with staged(ready) as temps, interrupts_deferred():
            outcome = commit(ready, temps)
        return _result(outcome, left_alone)
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
    ready, left_alone = prepare(wanted)
    # Running again completes an interrupted run: the two become one, which is undone as one.
    absorbed = [run for run in interrupted if any(entry.path in ready for entry in run.entries)]
    half_done = tuple(_half_done(run) for run in interrupted if run not in absorbed)
    if not ready:
        return WriteResult((), tuple(left_alone), half_done)
    carried = {entry.path: entry for run in reversed(absorbed) for entry in run.entries if _differs(entry)}
    own = {}
    for path, change in ready.items():
        earlier = carried.get(path)
        before, digests = (earlier.before, earlier.written) if earlier else (change.before, ())
        own[path] = Entry(path, before, (*digests, digest(change.after)))
    run = book.begin({**carried, **own}.values())
    with contextlib.ExitStack() as stack:
        try:
            temps = stack.enter_context(staged(ready))
        except BaseException:
            # Nothing is replaced. Should the journal refuse as well, the next run sees that there is nothing to undo.
            with contextlib.suppress(JournalError):
                book.forget(run)
            raise
        stack.enter_context(interrupts_deferred())
        outcome = commit(ready, temps)
        try:
            book.close(run, {**carried, **{path: own[path] for path in outcome.written}}.values())
            for old in absorbed:
                book.forget(old)
        except JournalError as error:
            outcome.warnings.append(f"the files are written and can be undone, but: {error}")
    outcome.warnings += half_done
    return _result(outcome, left_alone)


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

    ready, obstructed = prepare(changes)
    for folder in {os.path.dirname(entry.path) for entry in concerned}:
        durable.remove_orphans(folder)
    with contextlib.ExitStack() as stack:
        run = book.reopen(run)
        try:
            temps = stack.enter_context(staged(ready))
        except BaseException:
            with contextlib.suppress(JournalError):
                book.close(run, run.entries)
            raise
        stack.enter_context(interrupts_deferred())
        outcome = commit(ready, temps)
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


def _half_done(run: Run) -> str:
    replaced = [_shown(entry.path).as_posix() for entry in run.entries if _differs(entry)]
    what = f"{replaced[0]}{f' and {len(replaced) - 1} more' if len(replaced) > 1 else ''}"
    return f"an earlier run was interrupted when it had replaced {what}: ann-migrate --undo takes that back"


def _result(outcome: Outcome, left_alone: Sequence[LeftAlone]) -> WriteResult:
    return WriteResult(tuple(outcome.written.values()), (*left_alone, *outcome.failed), tuple(outcome.warnings))


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
