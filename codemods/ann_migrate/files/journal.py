"""The journal of what was replaced: enough to undo each run byte for byte, kept in the user's cache folder.

One file a run, holding the whole original content of each file that the run may replace. It is on the disk before
the first file of the run is replaced (state *pending*) and is renamed once all of them are (*done*), so that a run
which was killed half-way can be told apart, undone, or completed by running again.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ann_migrate.files.durable import read_file, sync_folder, write_new_file

FORMAT_VERSION = 1
KEPT_RUNS = 50
LOCK_TIMEOUT_SECONDS = 10.0

_PENDING = ".pending"
_DONE = ".done"
_TEMP = ".tmp"


class JournalError(Exception):
    """The journal cannot be written, read or locked; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a run.

    Attributes:
        path: Its absolute path, symbolic links resolved.
        before: What it held before the run.
        written: SHA-256 digests (hexadecimal) of what the run wrote there.
    """

    path: str
    before: bytes
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A journalled run. *pending* says that it was not seen to end: it is going on, or it was killed."""

    number: int
    entries: tuple[Entry, ...]
    pending: bool = True


def cache_folder() -> str:
    """Return the folder of this tool in the user's cache: ``$ANN_MIGRATE_CACHE_DIR``, else where the platform says.

    Raises:
        JournalError: If there is no home folder to find it in.
    """
    if own := os.environ.get("ANN_MIGRATE_CACHE_DIR"):
        return os.path.abspath(own)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
            base = os.path.expanduser("~/.cache")
    if not os.path.isabs(base):
        raise JournalError("there is no home folder for the journal; set ANN_MIGRATE_CACHE_DIR or use --no-journal")
    return os.path.join(base, "ann-migrate")


def digest(content: bytes) -> str:
    """Return the SHA-256 of *content* in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Journal:
    """The journal folder, locked against other runs while the object is used as a context manager.

    Raises:
        JournalError: On entering, if the folder cannot be made or another run holds the lock for ten seconds; by each
            method if the system refuses.
    """

    def __init__(self, *, timeout: float = LOCK_TIMEOUT_SECONDS) -> None:
        self.folder = os.path.join(cache_folder(), "runs")
        self._timeout = timeout
        self._lock = -1

    def __enter__(self) -> Journal:
        with _explained("use", self.folder):
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self._lock = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._wait_for_lock()
                for name in os.listdir(self.folder):
                    if name.endswith(_TEMP):  # a journal that never came to be
                        os.unlink(os.path.join(self.folder, name))
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        with contextlib.suppress(OSError):  # closing unlocks, whatever it says; and so does the end of the process
            os.close(self._lock)

    def begin(self, entries: Iterable[Entry]) -> Run:
        """Put a new pending run on the disk and return it."""
        number = max((number for number, _ in self._names()), default=0) + 1
        run = Run(number, tuple(entries))
        self._store(run)
        return run

    def close(self, run: Run, entries: Iterable[Entry]) -> None:
        """Record that *run* has ended with *entries* replaced; with none, it is forgotten."""
        ended = replace(run, entries=tuple(entries))
        if not ended.entries:
            self.forget(run)
            return
        if ended.entries != run.entries:
            self._store(ended)
        with _explained("write", self.folder):
            os.replace(self._path(run.number, _PENDING), self._path(run.number, _DONE))
            sync_folder(self.folder)
            for number, state in sorted(self._names())[:-KEPT_RUNS]:
                os.unlink(self._path(number, state))

    def reopen(self, run: Run) -> Run:
        """Make *run* pending again, before something of it is undone."""
        if run.pending:
            return run
        with _explained("write", self.folder):
            os.replace(self._path(run.number, _DONE), self._path(run.number, _PENDING))
            sync_folder(self.folder)
        return replace(run, pending=True)

    def forget(self, run: Run) -> None:
        """Remove the journal of *run*."""
        with _explained("write", self.folder):
            for state in (_PENDING, _DONE):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(run.number, state))
            sync_folder(self.folder)

    def runs(self, *, only_pending: bool = False) -> Iterator[Run]:
        """Yield the runs, last one first."""
        for number, state in sorted(self._names(), reverse=True):
            if state == _PENDING or not only_pending:
                yield self._load(number, state)

    def _wait_for_lock(self) -> None:
        deadline = time.monotonic() + self._timeout
        while not _try_lock(self._lock):
            if time.monotonic() >= deadline:
                raise JournalError("another ann-migrate is writing; try again when it has ended")
            time.sleep(0.05)

    def _names(self) -> list[tuple[int, str]]:
        found = []
        with _explained("read", self.folder):
            for name in os.listdir(self.folder):
                stem, state = os.path.splitext(name)
                if state in (_PENDING, _DONE) and stem.isdecimal():
                    found.append((int(stem), state))
        return found

    def _path(self, number: int, state: str) -> str:
        return os.path.join(self.folder, f"{number:08d}{state}")

    def _store(self, run: Run) -> None:
        document = {
            "format": FORMAT_VERSION,
            "entries": [
                {
                    "path": entry.path,
                    "before": base64.b64encode(entry.before).decode("ascii"),
                    "written_sha256": list(entry.written),
                }
                for entry in run.entries
            ],
        }
        body = json.dumps(document).encode("ascii")
        temp = self._path(run.number, _TEMP)
        with _explained("write", self.folder):
            write_new_file(temp, digest(body).encode("ascii") + b"\n" + body)
            os.replace(temp, self._path(run.number, _PENDING))
            sync_folder(self.folder)

    def _load(self, number: int, state: str) -> Run:
        path = self._path(number, state)
        with _explained("read", self.folder):
            raw = read_file(path)
        checksum, _, body = raw.partition(b"\n")
        if digest(body).encode("ascii") != checksum:
            raise JournalError(f"the journal {path} is damaged; remove it to go on without it")
        document = json.loads(body)
        if document["format"] != FORMAT_VERSION:
            raise JournalError(f"the journal {path} was written by another version of ann-migrate; use that one")
        entries = (
            Entry(item["path"], base64.b64decode(item["before"]), tuple(item["written_sha256"]))
            for item in document["entries"]
        )
        return Run(number, tuple(entries), pending=state == _PENDING)


@contextlib.contextmanager
def _explained(doing: str, folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalError(
            f"cannot {doing} the journal in {folder}: {error.strerror or error}; make room or set "
            "ANN_MIGRATE_CACHE_DIR to another folder, or go without undo by --no-journal"
        ) from error


if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
