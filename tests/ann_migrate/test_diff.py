"""Patches of any bytes, applied by git itself."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ann_migrate.text.diff import LineEdit, line_edits, unified_diff

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

CASES = {
    "plain": (b"a\nb\nc\n", b"a\nB\nc\n"),
    "insertion at the start": (b"a\n", b"new\na\n"),
    "deletion of all": (b"a\nb\n", b""),
    "from nothing": (b"", b"a\nb\n"),
    "final newline lost": (b"a\nb\n", b"a\nb"),
    "final newline gained": (b"a\nb", b"a\nb\n"),
    "no final newline, changed": (b"a\nb", b"a\nc"),
    "no final newline, unchanged": (b"a\nb\nc\nd\ne", b"A\nb\nc\nd\ne"),
    "crlf": (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nc\r\n"),
    "cr only": (b"a\rb\rc\r", b"a\rB\rc\r"),
    "mixed newlines": (b"a\r\nb\nc\rd\n", b"a\r\nB\nc\rd\n"),
    "form feed and separators": (b"a\x0cb\x1cc\xc2\x85d\xe2\x80\xa8e\nf\n", b"a\x0cb\x1cc\xc2\x85d\xe2\x80\xa8e\nF\n"),
    "latin-1": (b"# caf\xe9\na\n", b"# caf\xe9\nb\n"),
    "byte order mark": (b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfb\n"),
    "two hunks": (
        b"".join(b"%d\n" % n for n in range(40)),
        b"".join(b"%d\n" % (n * (n not in (3, 30))) for n in range(40)),
    ),
    "lines that look like a patch": (b"--- a\n+++ b\n@@ -1 +1 @@\n", b"--- a\n-++ b\n@@ -1 +1 @@\n"),
}
NAMES = ["m.py", "pkg/m.py", "with blank.py", 'quo"te\\.py', "täg/м.py", "tab\there.py", "trailing .py", "b/a.py"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def apply(repository: Path, name: str, before: bytes, after: bytes) -> None:
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(before)
    patch = unified_diff(before, after, name)
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], input=patch, cwd=repository, capture_output=True
    )
    assert done.returncode == 0, (done.stderr, patch)
    assert path.read_bytes() == after


def test_equal_contents_have_no_patch() -> None:
    assert unified_diff(b"a\n", b"a\n", "m.py") == b""
    assert line_edits(b"a\n", b"a\n") == []


@needs_git
@pytest.mark.parametrize("case", CASES)
def test_git_applies_it(repository: Path, case: str) -> None:
    apply(repository, "m.py", *CASES[case])


@needs_git
@pytest.mark.parametrize("name", NAMES)
def test_git_finds_the_file(repository: Path, name: str) -> None:
    apply(repository, name, b"a\n", b"b\n")


@needs_git
def test_git_applies_random_edits(repository: Path) -> None:
    chance = random.Random(7)
    alphabet = [b"a\n", b"b\n", b"c\r\n", b"\r", b"\x0c\n", b"x", b"\xff\n"]
    for _ in range(40):
        before = b"".join(chance.choices(alphabet, k=chance.randint(1, 30)))
        position = chance.randrange(len(before))
        after = before[:position] + chance.choice(alphabet) * chance.randint(0, 3) + before[position + 2 :]
        if after != before:
            apply(repository, "m.py", before, after)


def test_line_edits_name_the_ranges() -> None:
    before = b"import x\na\nb\nc\nd\n"
    after = b"a\nb\nnew\nnew\nc\nD"
    assert line_edits(before, after) == [LineEdit(1, 2, 1, 1), LineEdit(4, 4, 3, 5), LineEdit(5, 6, 6, 7)]


def test_a_long_file_is_no_trap() -> None:
    lines = [b"x = %d\n" % (number % 50) for number in range(20_000)]
    before = b"".join(lines)
    lines[10] = b"y = 0\n"
    lines[19_990] = b"y = 1\n"
    start = time.process_time()
    patch = unified_diff(before, b"".join(lines), "m.py")
    assert patch.count(b"\n+y = ") == 2
    assert time.process_time() - start < 20  # quadratic matching would take hours
