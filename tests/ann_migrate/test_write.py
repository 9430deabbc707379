"""Writing files and taking it back, with each system call failing in turn and the process killed at each in turn."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ann_migrate.files import durable
from ann_migrate.files.journal import KEPT_RUNS, Journal
from ann_migrate.files.write import Change, WriteError, undo, write_files

# ANN_MIGRATE_TORTURE=1 (`make torture`) takes the tree of 20 files of the reliability bar.
FILES = 20 if os.environ.get("ANN_MIGRATE_TORTURE") else 3
ERRORS = [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EINTR] if FILES > 3 else [errno.ENOSPC, errno.EACCES]
CALLS = ("open", "write", "fsync", "replace", "unlink", "fchmod", "listdir", "close")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs that wait for a disk take minutes."""
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", str(folder))
    return folder


class Tree:
    """A small tree of files with what stands in them before and after."""

    def __init__(self, root: Path, count: int = FILES, *, together: bool = False) -> None:
        self.root = root
        self.changes = []
        for index in range(count):
            path = root / f"folder{index % 2}" / f"file{index}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            before, after = b"before %d\r\n\xff" % index * 50, b"after %d\n" % index * 70
            path.write_bytes(before)
            self.changes.append(Change(path, before, after))
        if together:
            group = frozenset(change.path for change in self.changes)
            self.changes = [replace(change, together=group) for change in self.changes]

    def states(self) -> list[str]:
        """Say of each file whether it is ``old``, ``new`` or, which must never be, ``lost``."""
        found = []
        for change in self.changes:
            content = change.path.read_bytes()
            found.append({change.before: "old", change.after: "new"}.get(content, "lost"))
        return found

    def left(self) -> list[Change]:
        """What a second run finds to do: a migrated file has nothing to migrate any more."""
        return [change for change, state in zip(self.changes, self.states(), strict=True) if state == "old"]

    def orphans(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file() and path.suffix != ".py"]


@contextmanager
def trap(number: int, spring: Callable[[str], None]) -> Iterator[list[str]]:
    """Call *spring* at call *number* (from 0) of the traced functions of ``os``; yields the names called so far."""
    originals = {name: getattr(os, name) for name in CALLS}
    called: list[str] = []

    def traced(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            called.append(name)
            if len(called) == number + 1:
                if name == "write":  # a full disk or a crash may well leave a part
                    originals["write"](args[0], bytes(args[1])[: len(args[1]) // 2])
                if name == "close":  # the descriptor is gone, whatever close says
                    originals["close"](*args)
                spring(name)
            return originals[name](*args, **kwargs)

        return call

    try:
        for name in CALLS:
            setattr(os, name, traced(name))
        yield called
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def failing(code: int) -> Callable[[str], None]:
    def spring(_: str) -> None:
        raise OSError(code, os.strerror(code))

    return spring


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run *work* in a child that SIGKILLs itself at traced call *number*; false when it ended before that."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with trap(number, lambda _: os.kill(os.getpid(), signal.SIGKILL)):
                work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def test_no_changes_touch_nothing(cache: Path) -> None:
    assert write_files([]).written == ()
    assert not cache.exists()


def test_undo_without_any_run_finds_nothing(tmp_path: Path, cache: Path) -> None:
    assert undo([tmp_path]) is None
    assert not cache.exists()


def test_writes_and_undoes_byte_for_byte(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    result = write_files(tree.changes)
    assert result.written == tuple(change.path for change in tree.changes)
    assert (result.left_alone, result.warnings) == ((), ())
    assert set(tree.states()) == {"new"}
    assert tree.orphans() == []

    undone = undo([tree.root])
    assert undone is not None
    assert sorted(undone.restored) == sorted(result.written)
    assert set(tree.states()) == {"old"}
    assert tree.orphans() == []
    assert undo([tree.root]) is None


@pytest.mark.parametrize(("journal", "together"), [(True, False), (False, False), (True, True)])
@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
def test_every_call_failing_in_turn(tmp_path: Path, code: int, journal: bool, together: bool) -> None:
    number = 0
    while True:
        tree = Tree(tmp_path / str(number), together=together)
        raised = False
        with trap(number, failing(code)) as called:
            try:
                result = write_files(tree.changes, journal=journal)
            except WriteError:
                raised = True
        if len(called) <= number:
            assert number > 10 * FILES, "the trap was never near"
            break
        states = tree.states()
        assert "lost" not in states, called
        if raised:
            assert set(states) == {"old"}, called
        else:
            told = {left.path for left in result.left_alone}
            assert [change.path in told for change in tree.changes] == [state == "old" for state in states], called
            assert not together or len(set(states)) == 1, called
        # A run that reported its failures has ended: what the next one wrote is undone first.
        assert _finish_and_undo(tree, journal=journal) <= 2
        number += 1


@pytest.mark.parametrize("journal", [True, False])
def test_killed_at_every_call(tmp_path: Path, journal: bool) -> None:
    number = 0
    mixed = 0
    while True:
        tree = Tree(tmp_path / str(number))
        if not killed_at(number, lambda tree=tree: write_files(tree.changes, journal=journal)):  # type: ignore[misc]
            break
        states = tree.states()
        assert "lost" not in states
        mixed += len(set(states)) == 2
        # A run that was killed and the one that completed it are undone as one.
        assert _finish_and_undo(tree, journal=journal) == journal
        number += 1
    assert number > 10 * FILES
    assert mixed, "no kill fell between two replacements"


def _finish_and_undo(tree: Tree, *, journal: bool) -> int:
    """The next run completes what is left and cleans up; undo restores what both replaced. Returns how many undos."""
    interrupted = tree.states()
    result = write_files(tree.left(), journal=journal)
    assert result.left_alone == ()
    assert set(tree.states()) == {"new"}
    assert tree.orphans() == []
    if not journal:
        return 0
    undos = 0
    while undone := undo([tree.root]):
        assert (undone.left_alone, undone.warnings) == ((), ())
        undos += 1
    assert set(tree.states()) == {"old"}, interrupted
    assert tree.orphans() == []
    return undos


def test_undoing_an_interrupted_run_at_every_call(tmp_path: Path) -> None:
    number = 0
    while True:
        tree = Tree(tmp_path / str(number))
        if not killed_at(number, lambda tree=tree: write_files(tree.changes)):  # type: ignore[misc]
            break
        replaced = tree.states().count("new")
        undone = undo([tree.root])
        assert (undone is not None and len(undone.restored)) == replaced or undone is None
        assert set(tree.states()) == {"old"}
        write_files([])
        assert tree.orphans() == []
        number += 1


def test_undo_killed_at_every_call_can_be_repeated(tmp_path: Path) -> None:
    number = 0
    while True:
        tree = Tree(tmp_path / str(number))
        write_files(tree.changes)
        if not killed_at(number, lambda tree=tree: undo([tree.root])):  # type: ignore[misc]
            assert set(tree.states()) == {"old"}
            break
        assert "lost" not in tree.states()
        undo([tree.root])
        assert set(tree.states()) == {"old"}
        write_files([])
        assert tree.orphans() == []
        number += 1


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
def test_undo_with_every_call_failing_can_be_repeated(tmp_path: Path, code: int) -> None:
    number = 0
    while True:
        tree = Tree(tmp_path / str(number))
        write_files(tree.changes)
        with trap(number, failing(code)) as called:
            try:
                undo([tree.root])
            except WriteError:
                assert set(tree.states()) == {"new"}, called
        if len(called) <= number:
            assert set(tree.states()) == {"old"}
            break
        assert "lost" not in tree.states(), called
        undo([tree.root])
        assert set(tree.states()) == {"old"}, called
        write_files([])
        assert tree.orphans() == [], called
        number += 1


def test_each_content_is_on_the_disk_before_its_name_and_the_journal_before_all(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL keeps the page cache, so what a power cut would lose shows in the order of calls only."""
    tree = Tree(tmp_path / "tree", 2)
    names: dict[int, str] = {}
    events: list[tuple[str, str]] = []
    real_open, real_fsync, real_replace = os.open, os.fsync, os.replace

    def traced_open(path: str, *args: Any, **kwargs: Any) -> int:
        fd = real_open(path, *args, **kwargs)
        names[fd] = os.fspath(path)
        return fd

    def traced_fsync(fd: int) -> None:
        events.append(("fsync", names[fd]))
        real_fsync(fd)

    def traced_replace(source: str, target: str) -> None:
        events.append(("replace", os.fspath(source)))
        events.append(("replaced", os.fspath(target)))
        real_replace(source, target)

    monkeypatch.setattr(os, "open", traced_open)
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "replace", traced_replace)
    write_files(tree.changes)

    replaced = [index for index, (what, path) in enumerate(events) if what == "replaced"]
    journal_durable = events.index(("fsync", str(cache / "runs")))
    targets = {str(change.path) for change in tree.changes}
    assert {events[index][1] for index in replaced} >= targets
    for index in replaced:
        source = events[index - 1][1]
        target = events[index][1]
        if target in targets:
            assert journal_durable < index
            assert ("fsync", source) in events[:index]
            assert ("fsync", str(Path(target).parent)) in events[index:]
        elif target.endswith(".pending"):
            assert ("fsync", source) in events[:index]


def test_nothing_is_written_when_the_journal_cannot_be(tmp_path: Path, cache: Path) -> None:
    tree = Tree(tmp_path / "tree")
    cache.write_text("a file where the folder should be")
    with pytest.raises(WriteError, match="--no-journal"):
        write_files(tree.changes)
    assert set(tree.states()) == {"old"}
    write_files(tree.changes, journal=False)
    assert set(tree.states()) == {"new"}


def test_a_file_changed_since_it_was_read_is_left_alone(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    tree.changes[0].path.write_bytes(b"edited meanwhile")
    result = write_files(tree.changes)
    assert [left.path for left in result.left_alone] == [tree.changes[0].path]
    assert "changed on disk" in result.left_alone[0].reason
    assert tree.changes[0].path.read_bytes() == b"edited meanwhile"
    assert tree.states()[1:] == ["new"] * (FILES - 1)


def test_what_goes_together_with_a_changed_file_is_left_alone_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", together=True)
    apart = Tree(tmp_path / "apart")
    tree.changes[1].path.write_bytes(b"edited meanwhile")
    result = write_files([*tree.changes, *apart.changes])
    reasons = {left.path: left.reason for left in result.left_alone}
    assert reasons.keys() == {change.path for change in tree.changes}
    held = f"goes together with {tree.changes[1].path}, which changed on disk since it was read"
    assert reasons[tree.changes[0].path] == held
    assert tree.states()[0] == "old"
    assert set(apart.states()) == {"new"}


@pytest.mark.parametrize("victim", [0, FILES - 1])
def test_what_goes_together_is_put_back_where_one_changes_between_the_phases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: int
) -> None:
    tree = Tree(tmp_path / "tree", together=True)
    last = str(tree.changes[victim].path)
    replace_file = os.replace

    def refuse(source: str, target: str) -> None:
        if target == last:
            raise PermissionError(errno.EACCES, "denied")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    result = write_files(tree.changes)
    assert set(tree.states()) == {"old"}
    assert not result.written
    assert {left.path for left in result.left_alone} == {change.path for change in tree.changes}
    assert tree.orphans() == []


def test_an_interrupted_run_is_told_of_until_it_is_undone(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", together=True)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom ann_migrate.files.write import Change, write_files\n"
        "done = []\nreplace = os.replace\n"
        "def stop(source, target):\n"
        "    if target.endswith('.py') and done:\n        os._exit(9)\n"
        "    done.extend([target] if target.endswith('.py') else [])\n    replace(source, target)\n"
        "os.replace = stop\npaths = [Path(path) for path in sys.argv[1:]]\n"
        "write_files([Change(path, path.read_bytes(), b'half', frozenset(paths)) for path in paths])\n"
    )
    paths = [str(change.path) for change in tree.changes]
    assert subprocess.run([sys.executable, "-c", code, *paths], check=False).returncode == 9
    (warning,) = write_files([]).warnings
    assert f"interrupted when it had replaced {paths[0]}" in warning
    assert undo([tree.root]) is not None
    assert set(tree.states()) == {"old"}
    assert not write_files([]).warnings


def test_a_file_deleted_between_the_phases_is_no_failure_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path / "tree")
    victim = tree.changes[-1]
    write_new_file = durable.write_new_file

    def write_then_delete(path: str, content: bytes, *, like: str | None = None) -> None:
        write_new_file(path, content, like=like)
        if like == str(victim.path):
            victim.path.unlink()

    monkeypatch.setattr(durable, "write_new_file", write_then_delete)
    result = write_files(tree.changes)
    assert [(left.path, left.failed) for left in result.left_alone] == [(victim.path, False)]
    assert all(change.path.read_bytes() == change.after for change in tree.changes[:-1])


@pytest.mark.parametrize("back", [False, True])
def test_a_file_deleted_before_the_first_phase_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    tree = Tree(tmp_path / "tree")
    victim = tree.changes[0]
    write_new_file = durable.write_new_file

    def delete_then_write(path: str, content: bytes, *, like: str | None = None) -> None:
        if like == str(victim.path):
            victim.path.unlink()
        if back and like == str(tree.changes[1].path):
            victim.path.write_bytes(victim.before)
        write_new_file(path, content, like=like)

    monkeypatch.setattr(durable, "write_new_file", delete_then_write)
    result = write_files(tree.changes)
    assert [(left.path, left.failed) for left in result.left_alone] == [(victim.path, False)]
    assert victim.path.exists() is back
    assert all(change.path.read_bytes() == change.after for change in tree.changes[1:])
    assert not list(tree.root.rglob(".ann-migrate-*"))


def test_a_file_changed_between_the_phases_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "tree")
    victim = tree.changes[-1].path
    write_new_file = durable.write_new_file

    def edit_then_write(path: str, content: bytes, *, like: str | None = None) -> None:
        write_new_file(path, content, like=like)
        if like == str(victim):
            victim.write_bytes(b"edited meanwhile")

    monkeypatch.setattr(durable, "write_new_file", edit_then_write)
    result = write_files(tree.changes)
    assert [left.path for left in result.left_alone] == [victim]
    assert victim.read_bytes() == b"edited meanwhile"
    undone = undo([tree.root])
    assert undone is not None
    assert undone.left_alone == ()  # the journal knows that this file was never written
    assert victim.read_bytes() == b"edited meanwhile"


def test_undo_leaves_a_file_changed_since_and_keeps_its_original(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    write_files(tree.changes)
    edited = tree.changes[1]
    edited.path.write_bytes(b"my later work")
    undone = undo([tree.root])
    assert undone is not None
    assert [(left.path, left.reason) for left in undone.left_alone] == [(edited.path, "changed since the run")]
    assert edited.path.read_bytes() == b"my later work"
    assert set(tree.states()) - {"lost"} == {"old"}

    edited.path.write_bytes(edited.after)
    undone = undo([tree.root])
    assert undone is not None
    assert undone.restored == (edited.path,)
    assert set(tree.states()) == {"old"}


def test_undo_of_a_part_keeps_the_rest(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", 3)
    write_files(tree.changes)
    undo([tree.root / "folder1"])
    assert tree.states() == ["new", "old", "new"]
    undo([tree.changes[0].path])
    assert tree.states() == ["old", "old", "new"]
    undo([tree.root])
    assert tree.states() == ["old", "old", "old"]


def test_undo_goes_back_run_by_run_and_only_there(tmp_path: Path) -> None:
    one, two = Tree(tmp_path / "one", 1), Tree(tmp_path / "two", 1)
    write_files(one.changes)
    path, second = one.changes[0].path, b"second round\n"
    write_files([Change(path, one.changes[0].after, second)])
    write_files(two.changes)
    undo([one.root])
    assert one.states() == ["new"]
    undo([one.root])
    assert one.states() == ["old"]
    assert two.states() == ["new"]
    assert undo([tmp_path / "on"]) is None  # a prefix of the name is not the folder


def test_a_deleted_file_is_reported_by_undo(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    write_files(tree.changes)
    tree.changes[0].path.unlink()
    undone = undo([tree.root])
    assert undone is not None
    assert [left.path for left in undone.left_alone] == [tree.changes[0].path]
    assert len(undone.restored) == FILES - 1


def test_a_read_only_file_is_not_replaced(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    tree.changes[0].path.chmod(0o444)
    result = write_files(tree.changes)
    assert [(left.path, left.reason) for left in result.left_alone] == [(tree.changes[0].path, "is read-only")]
    assert tree.states() == ["old"] + ["new"] * (FILES - 1)


def test_a_file_that_another_user_may_not_write_is_not_replaced(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    tree = Tree(tmp_path / "tree", 2)
    for folder in (tree.root / "folder0", tree.root / "folder1"):
        folder.chmod(0o777)
    tree.changes[1].path.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            pytest.skip(f"{folder} is closed to others")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            result = write_files(tree.changes, journal=False)
            reasons = [left.reason for left in result.left_alone]
            status = 0 if (reasons, len(result.written)) == (["is read-only"], 1) else 1
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert tree.states() == ["old", "new"]


def test_hard_links_are_not_separated(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", 1)
    twin = tmp_path / "twin.py"
    os.link(tree.changes[0].path, twin)
    result = write_files(tree.changes)
    assert "hard links" in result.left_alone[0].reason
    assert tree.states() == ["old"]
    assert twin.samefile(tree.changes[0].path)


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", 1)
    change = tree.changes[0]
    link = tmp_path / "link.py"
    link.symlink_to(change.path)
    write_files([Change(link, change.before, change.after)])
    assert link.is_symlink()
    assert tree.states() == ["new"]
    assert undo([tree.root]) is not None
    assert tree.states() == ["old"]


def test_mode_owner_and_extended_attributes_are_kept(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", 1)
    path = tree.changes[0].path
    path.chmod(0o2751)
    if os.getuid() == 0:
        os.chown(path, 12345, 23456)
        path.chmod(0o2751)
    try:
        os.setxattr(path, "user.note", b"keep me")
    except OSError:
        attributes = {}
    else:
        attributes = {"user.note": b"keep me"}
    before = path.stat()
    write_files(tree.changes)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith("user.")} == attributes


def test_a_temporary_file_is_private_until_it_has_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    write = os.write
    monkeypatch.setattr(
        os, "write", lambda fd, data: (modes.append(stat.S_IMODE(os.fstat(fd).st_mode)), write(fd, data))[1]
    )
    write_files(Tree(tmp_path / "tree").changes)
    assert set(modes) == {0o600}


def test_orphans_of_a_live_process_stay(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree", 1)
    folder = tree.changes[0].path.parent
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        foreign = folder / f"{durable.TEMP_PREFIX}{other.pid}-0123-0{durable.TEMP_SUFFIX}"
        foreign.write_bytes(b"of a run that is going on")
        write_files(tree.changes, journal=False)
        assert foreign.exists()
        other.communicate(b"\n")
    undo([tree.root])
    write_files([Change(tree.changes[0].path, tree.changes[0].after, b"more")], journal=False)
    assert not foreign.exists()


def test_interrupt_before_the_second_phase_leaves_all_as_it_was(tmp_path: Path, cache: Path) -> None:
    tree = Tree(tmp_path / "tree")

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    number = 0
    finished = 0
    while True:
        with trap(number, interrupt) as called:
            try:
                write_files(tree.changes)
            except KeyboardInterrupt:
                pass
            else:
                break
        # What the trap raises by hand in the second phase no signal would: there they are deferred.
        if "new" in tree.states():
            finished += 1
            undo([tree.root])
        else:
            assert not list((cache / "runs").glob("*.done"))
        assert set(tree.states()) == {"old"}, called
        number += 1
    assert number > 10


def test_interrupt_in_the_second_phase_waits_for_its_end(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    replace = os.replace

    def interrupted_replace(source: str, target: str) -> None:
        replace(source, target)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        os.replace = interrupted_replace  # type: ignore[assignment]
        first_target_only = tree.changes[:1]
        with pytest.raises(KeyboardInterrupt):
            write_files(first_target_only, journal=False)
        with pytest.raises(KeyboardInterrupt):
            write_files(tree.changes[1:], journal=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        os.replace = replace
        signal.signal(signal.SIGINT, before)
    assert set(tree.states()) == {"new"}
    assert tree.orphans() == []


def test_writes_from_another_thread_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "tree")
    thread = threading.Thread(target=write_files, args=(tree.changes,))
    thread.start()
    thread.join()
    assert set(tree.states()) == {"new"}


def test_a_second_run_waits_and_then_says_that_another_is_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = Tree(tmp_path / "tree")
    monkeypatch.setattr(Journal.__init__, "__kwdefaults__", {"timeout": 0.1})
    with Journal(), pytest.raises(WriteError, match="another ann-migrate is writing"):
        write_files(tree.changes)
    assert set(tree.states()) == {"old"}
    write_files(tree.changes)
    assert set(tree.states()) == {"new"}


def test_only_the_last_runs_are_kept(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "file.py"
    path.write_bytes(b"0")
    for number in range(KEPT_RUNS + 3):
        write_files([Change(path, b"%d" % number, b"%d" % (number + 1))])
    assert len(list((cache / "runs").glob("*.done"))) == KEPT_RUNS
    for _ in range(KEPT_RUNS):
        assert undo([path]) is not None
    assert undo([path]) is None
    assert path.read_bytes() == b"3"


def test_paths_that_are_not_text_and_names_of_full_length(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    changes = []
    for name in (b"\xff.py", b"x" * 252 + b".py"):
        path = Path(os.fsdecode(folder + b"/" + name))
        path.write_bytes(b"old")
        changes.append(Change(path, b"old", b"new"))
    assert len(write_files(changes).written) == 2
    undone = undo([tmp_path])
    assert undone is not None
    assert len(undone.restored) == 2
    assert {change.path.read_bytes() for change in changes} == {b"old"}
