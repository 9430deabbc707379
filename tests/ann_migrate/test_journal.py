"""Where the journal lies, who may read it, and what happens when it cannot be used."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from ann_migrate.files.journal import Entry, Journal, JournalError, Run, cache_folder, digest
from ann_migrate.files.write import Change, WriteError, undo, write_files


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry(path: str, before: bytes = b"old", after: bytes = b"new") -> Entry:
    return Entry(path, before, (digest(after),))


def runs(*, only_pending: bool = False) -> list[Run]:
    with Journal() as book:
        return list(book.runs(only_pending=only_pending))


def test_the_environment_variable_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == str(tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", "here")
    assert cache_folder() == str(tmp_path / "here")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG folders are not used there")
def test_else_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANN_MIGRATE_CACHE_DIR")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/someone")
    assert cache_folder() == "/var/cache/someone/ann-migrate"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache_folder() == "/home/someone/.cache/ann-migrate"


@pytest.mark.skipif(sys.platform == "win32", reason="reads other variables there")
def test_without_a_home_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANN_MIGRATE_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "nowhere/relative")
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    with pytest.raises(WriteError, match="no home folder"):
        write_files([Change(path, b"old", b"new")])
    assert path.read_bytes() == b"old"


def test_runs_come_back_whole_and_last_first() -> None:
    first, second = entry("/a", bytes(range(256))), entry("/caf\udce9", b"")
    with Journal() as book:
        book.close(book.begin([first]), [first])
        book.begin([first, second])
    found = runs()
    assert [run.entries for run in found] == [(first, second), (first,)]
    assert [run.pending for run in found] == [True, False]
    assert runs(only_pending=True) == found[:1]
    assert found[0].number > found[1].number


def test_closing_keeps_what_was_replaced_and_forgets_an_empty_run() -> None:
    one, two = entry("/a"), entry("/b")
    with Journal() as book:
        run = book.begin([one, two])
        book.close(run, [two])
    assert [run.entries for run in runs()] == [(two,)]
    with Journal() as book:
        book.close(book.reopen(next(book.runs())), [])
    assert runs() == []


def test_reopening_makes_a_run_pending() -> None:
    with Journal() as book:
        book.close(book.begin([entry("/a")]), [entry("/a")])
        assert book.reopen(next(book.runs())).pending
    assert [run.pending for run in runs()] == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="no such modes there")
def test_originals_are_for_their_owner_alone(cache: Path) -> None:
    with Journal() as book:
        book.begin([entry("/a")])
    assert stat.S_IMODE((cache / "runs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (cache / "runs").iterdir()} == {0o600}


@pytest.mark.parametrize("kept", [0, 10, 64, 65, 100, -1])
def test_a_damaged_journal_is_never_restored_from(tmp_path: Path, cache: Path, kept: int) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    write_files([Change(path, b"old", b"new")])
    (stored,) = (cache / "runs").glob("*.done")
    stored.write_bytes(stored.read_bytes()[:kept])
    with pytest.raises(WriteError, match=r"00000001\.done is damaged"):
        undo([tmp_path])
    assert path.read_bytes() == b"new"
    write_files([Change(path, b"new", b"newer")])  # a run that has ended is none of the next one's business
    assert path.read_bytes() == b"newer"


def test_every_flipped_bit_is_noticed(cache: Path) -> None:
    with Journal() as book:
        book.begin([entry("/a")])
        (stored,) = (cache / "runs").glob("*.pending")
        raw = stored.read_bytes()
        for bit in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            stored.write_bytes(flipped)
            with pytest.raises(JournalError, match="is damaged"):
                list(book.runs())


def test_a_journal_of_another_version_is_told_apart(cache: Path) -> None:
    with Journal() as book:
        book.begin([entry("/a")])
    (stored,) = (cache / "runs").glob("*.pending")
    body = stored.read_bytes().partition(b"\n")[2]
    body = json.dumps({**json.loads(body), "format": 99}).encode()
    stored.write_bytes(digest(body).encode() + b"\n" + body)
    with pytest.raises(JournalError, match="another version"):
        runs()


def test_a_journal_that_never_came_to_be_is_removed_by_the_next_run(cache: Path) -> None:
    (cache / "runs").mkdir(parents=True)
    (cache / "runs" / "00000007.tmp").write_bytes(b"half")
    (cache / "runs" / "notes.txt").write_bytes(b"not ours")
    assert runs() == []
    assert sorted(path.name for path in (cache / "runs").iterdir()) == ["lock", "notes.txt"]


def test_the_lock_is_free_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), Journal():
        _ = 1 / 0
    with Journal(timeout=0):
        pass


def test_the_lock_ends_with_the_process(cache: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    pid = os.fork()
    if pid == 0:
        Journal().__enter__()
        os._exit(0)
    os.waitpid(pid, 0)
    with Journal(timeout=0):
        pass
