"""Copies: what they hold, where links lead, and what a run left in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ann_compat.equivalence.verify import tree
from ann_compat.equivalence.verify.tree import CopyError, changed_stamps, copy_tree, excluded, keep_changes, snapshot

MIB = 2**20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "a.py").write_text("a")
    return folder


def copied(root: Path, tmp_path: Path, *exclude: str) -> tuple[Path, list[str]]:
    target = tmp_path / "copy"
    return target, copy_tree(str(root), str(target), exclude=exclude, max_bytes=MIB).left_out


def listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_caches_repositories_and_environments_are_left_out_and_said_to_be(root: Path, tmp_path: Path) -> None:
    for name in (".git", "pkg/__pycache__", "environment", "build"):
        (root / name).mkdir()
        (root / name / "file").touch()
    (root / "environment" / "pyvenv.cfg").touch()
    (root / ".env").write_text("KEY=1")
    copy, left_out = copied(root, tmp_path)
    assert listed(copy) == [".env", "build", "build/file", "pkg", "pkg/a.py"]
    assert sorted(left_out) == [".git/", "environment/", "pkg/__pycache__/"]


def test_what_a_pattern_excludes_is_neither_copied_nor_seen_afterwards(root: Path, tmp_path: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "x.bin").touch()
    (root / "run.log").touch()
    copy, left_out = copied(root, tmp_path, "data/", "*.log")
    assert listed(copy) == ["pkg", "pkg/a.py"]
    assert left_out == ["data/", "run.log"]
    (copy / "again.log").touch()
    assert list(snapshot(str(copy), ["*.log"])) == ["pkg", "pkg/a.py"]


def test_links_within_the_tree_lead_into_the_copy_and_others_where_they_led(root: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (root / "relative").symlink_to("pkg/a.py")
    (root / "absolute").symlink_to(root / "pkg")
    (root / "pkg" / "outside").symlink_to("../../data")
    (root / "broken").symlink_to("nowhere")
    copy, _ = copied(root, tmp_path)
    assert os.path.realpath(copy / "relative") == str(copy / "pkg" / "a.py")
    assert os.path.realpath(copy / "absolute") == str(copy / "pkg")
    assert os.path.realpath(copy / "pkg" / "outside") == str(tmp_path / "data")
    assert (copy / "broken").readlink() == Path("nowhere")


def test_what_is_written_behind_a_link_out_of_the_tree_is_seen(root: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (root / "data").symlink_to(tmp_path / "data")
    (root / "loop").symlink_to(root)
    copy, _ = copied(root, tmp_path)
    before = snapshot(str(copy), [])
    (copy / "data" / "out.txt").write_text("x")
    assert list(keep_changes(str(copy), before, tmp_path / "kept", [])) == ["data/out.txt"]


def test_special_files_are_left_out_and_do_not_block(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "pipe")
    copy, left_out = copied(root, tmp_path)
    assert left_out == ["pipe: no regular file"]
    before = snapshot(str(copy), [])
    os.mkfifo(copy / "pipe")
    assert keep_changes(str(copy), before, tmp_path / "kept", []) == {}


def test_too_much_is_refused_with_the_largest_files_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "weights.bin").write_bytes(b"x" * (MIB + 1))
    with pytest.raises(CopyError, match=r"more than can be copied \(1 MiB .*such as weights\.bin"):
        copied(root, tmp_path)
    assert not (tmp_path / "copy").exists()
    monkeypatch.setattr(tree, "MAX_ENTRIES", 1)
    with pytest.raises(CopyError, match="1 files and folders"):
        copy_tree(str(root), str(tmp_path / "copy"), exclude=["*.bin"], max_bytes=MIB)


def test_new_changed_and_removed_files_are_kept(root: Path, tmp_path: Path) -> None:
    (root / "old.txt").write_text("old")
    (root / "same.txt").write_text("same")
    copy, _ = copied(root, tmp_path)
    before = snapshot(str(copy), [])
    (copy / "old.txt").write_text("OLD")
    (copy / "pkg" / "a.py").unlink()
    (copy / "runs").mkdir()
    (copy / "runs" / "new.txt").write_text("new")
    kept = keep_changes(str(copy), before, tmp_path / "kept", [])
    assert {name: path if path is None or path.is_dir() else path.read_text() for name, path in kept.items()} == {
        "pkg/a.py": None,
        "old.txt": "OLD",
        "runs": tmp_path / "kept" / "runs",
        "runs/new.txt": "new",
    }


def test_a_change_of_the_original_is_seen(root: Path, tmp_path: Path) -> None:
    stamps = copy_tree(str(root), str(tmp_path / "copy"), exclude=(), max_bytes=MIB).stamps
    assert changed_stamps(str(root), stamps) == []
    (root / "pkg" / "a.py").write_text("longer")
    assert changed_stamps(str(root), stamps) == ["pkg/a.py"]
    (root / "pkg" / "a.py").unlink()
    assert changed_stamps(str(root), stamps) == ["pkg/a.py"]


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("runs/a.log", "*.log", True),
        ("runs/a.log", "runs/", True),
        ("runs/a.log", "runs/a.*", True),
        ("deep/runs/a.log", "runs", True),
        ("runs.py", "runs", False),
        ("a.LOG", "*.log", False),
    ],
)
def test_patterns_match_names_paths_and_folders(path: str, pattern: str, matches: bool) -> None:
    assert excluded(path, [pattern]) is matches
