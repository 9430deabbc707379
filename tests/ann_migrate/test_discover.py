"""Which files are looked at, which are candidates, and in what order."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ann_migrate.files import discover as discover_module
from ann_migrate.files.discover import (
    LINK_LEAVES,
    NOT_PYTHON,
    TOO_LARGE,
    UNREADABLE,
    Discovery,
    discover,
    project_root,
    python_files,
)

HIT = b"TrainingLoop\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def put(root: Path, *names: str, content: bytes = HIT) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def search(*paths: str, exclude: tuple[str, ...] = ()) -> Discovery:
    return discover(
        [Path(path) for path in paths], may_be_candidate=lambda raw: b"TrainingLoop" in raw, exclude=exclude
    )


def found(*paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    return [str(candidate.path) for candidate in search(*paths, exclude=exclude).candidates]


def test_only_files_that_pass_the_gate_and_all_are_counted(tree: Path) -> None:
    put(tree, "a.py", "b/c.pyi", "notes.txt", "d.pyc")
    put(tree, "b/plain.py", content=b"x = 1\n")
    result = search(".")
    assert [(str(each.path), each.raw) for each in result.candidates] == [("a.py", HIT), ("b/c.pyi", HIT)]
    assert result.scanned == 3


def test_nothing_beneath_an_empty_folder(tree: Path) -> None:
    assert search(".") == Discovery()


def test_order_is_that_of_the_paths_whatever_the_order_given(tree: Path) -> None:
    put(tree, "b.py", "a/z.py", "a/b/c.py", "a-b.py", "c/x.py")
    expected = ["a/b/c.py", "a/z.py", "a-b.py", "b.py", "c/x.py"]
    assert found(".") == expected
    assert found("c", "b.py", "a", "a-b.py") == expected


def test_paths_are_shown_as_they_were_given(tree: Path) -> None:
    put(tree, "src/a.py")
    assert found("src") == found("src/") == found("./src") == ["src/a.py"]
    assert found(str(tree / "src")) == [str(tree / "src/a.py")]
    assert found("src/../src") == ["src/../src/a.py"]


def test_a_file_reached_twice_is_taken_once(tree: Path) -> None:
    put(tree, "src/a.py", "src/sub/b.py")
    result = search("src", "src/a.py", "src/sub", str(tree / "src/a.py"), "src")
    assert [str(each.path) for each in result.candidates] == ["src/a.py", "src/sub/b.py"]
    assert result.scanned == 2


@pytest.mark.parametrize(
    "folder", [".git", ".venv", "venv", "__pycache__", "node_modules", "build", "dist", "site-packages", "x.egg-info"]
)
def test_folders_that_hold_no_source_are_passed_over_unless_named(tree: Path, folder: str) -> None:
    put(tree, f"{folder}/a.py", f"sub/{folder}/b.py")
    assert found(".") == []
    assert found(folder) == [f"{folder}/a.py"]
    assert found(f"{folder}/a.py") == [f"{folder}/a.py"]


def test_virtual_environments_of_any_name_are_passed_over_unless_named(tree: Path) -> None:
    put(tree, "env311/lib/a.py", "b.py")
    put(tree, "env311/pyvenv.cfg", content=b"home = /usr\n")
    result = search(".")
    assert [str(each.path) for each in result.candidates] == ["b.py"]
    assert [str(path) for path in result.pruned] == ["env311"]
    assert found("env311") == ["env311/lib/a.py"]


def test_a_folder_with_the_suffix_of_a_file_is_searched(tree: Path) -> None:
    put(tree, "odd.py/a.py")
    assert found(".") == ["odd.py/a.py"]


def test_gitignore_is_honoured_but_not_for_what_is_named(tree: Path) -> None:
    put(tree, ".gitignore", content=b"/generated/\n*_old.py\n!keep_old.py\n# nothing\n\n")
    put(tree, "a.py", "generated/b.py", "sub/generated/c.py", "sub/d_old.py", "keep_old.py")
    assert found(".") == ["a.py", "keep_old.py", "sub/generated/c.py"]
    assert found("generated", "sub/d_old.py") == ["generated/b.py", "sub/d_old.py"]


def test_gitignore_of_the_repository_above_and_its_exclude_file(tree: Path) -> None:
    put(tree, ".git/info/exclude", content=b"private.py\n")
    put(tree, ".gitignore", content=b"*.gen.py\n")
    put(tree, "pkg/.gitignore", content=b"!wanted.gen.py\n")
    put(tree, "pkg/sub/a.py", "pkg/sub/x.gen.py", "pkg/sub/wanted.gen.py", "pkg/sub/private.py")
    assert found("pkg/sub") == found("pkg") == ["pkg/sub/a.py", "pkg/sub/wanted.gen.py"]


def test_what_is_no_pattern_in_a_gitignore_is_passed_over(tree: Path) -> None:
    put(tree, ".gitignore", content=b"!\n/\nb.py\n\xff\xfe\n")
    put(tree, "a.py", "b.py")
    assert found(".") == ["a.py"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("seed", range(25))
def test_gitignore_means_what_git_says_it_means(tree: Path, seed: int) -> None:
    chance = random.Random(seed)
    folders = ["", "a/", "a/b/", "c/", "c/a/", "c/a/b/"]
    put(tree, *(f"{folder}{name}.py" for folder in folders for name in ("x", "y", "ab", "data")))
    atoms = ["x.py", "*.py", "a", "a/", "/a", "b/", "a/b", "**/b", "a/**", "c/*/b", "?.py", "[xy].py", "da*", "/*.py"]
    atoms += [
        "**/a/b",
        "a/**/x.py",
        "**",
        "/**",
        "\\*.py",
        "[!x].py",
        "[x-z].py",
        "[^a]*.py",
        "x.py ",
        "[",
        "a/*",
        "*/b/",
    ]
    for folder in chance.sample(folders, 3):
        lines = [("!" if chance.random() < 0.35 else "") + chance.choice(atoms) for _ in range(chance.randint(1, 4))]
        put(tree, f"{folder}.gitignore", content="\n".join(lines).encode())
    subprocess.run(["git", "init", "-q"], check=True)
    listed = subprocess.run(
        ["git", "-c", "core.excludesFile=", "ls-files", "-o", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found(".") == [str(path) for path in sorted(map(Path, listed.stdout.split()))]


def test_exclude_holds_for_what_is_named_too(tree: Path) -> None:
    put(tree, "src/a.py", "src/legacy/b.py", "tests/c.py", "d.py")
    assert found(".", exclude=("legacy", "/d.py")) == ["src/a.py", "tests/c.py"]
    assert found("src", "tests", "d.py", exclude=("src/legacy/", "tests", "d.py")) == ["src/a.py"]
    assert found("src/legacy/b.py", exclude=("b.py",)) == []


def test_exclude_outside_the_current_folder_is_relative_to_what_is_given(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tree, "src/a.py", "src/legacy/b.py", "here/x.py")
    monkeypatch.chdir(tree / "here")
    assert found("../src", exclude=("/legacy",)) == ["../src/a.py"]


@pytest.mark.parametrize("pattern", ["", "  ", "!"])
def test_exclude_that_is_no_pattern(tree: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"exclude: .* is not a pattern"):
        search(".", exclude=(pattern,))


def test_a_path_that_is_not_there(tree: Path) -> None:
    with pytest.raises(ValueError, match="paths: 'nowhere' cannot be found"):
        search("nowhere")


def test_a_path_that_is_neither_file_nor_folder(tree: Path) -> None:
    os.mkfifo(tree / "pipe.py")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        search("pipe.py")
    assert search(".").scanned == 0


def test_named_files_of_any_suffix_are_python_but_documents_are_not(tree: Path) -> None:
    put(tree, "script", "tool.pyw", "nb.ipynb", "README.md")
    put(tree, "other.md", content=b"# of no interest\n")
    result = search("script", "tool.pyw", "nb.ipynb", "README.md", "other.md")
    assert [str(each.path) for each in result.candidates] == ["nb.ipynb", "script", "tool.pyw"]
    assert [(str(each.path), each.code) for each in result.troubles] == [("README.md", NOT_PYTHON)]


def test_documents_are_taken_by_wish(tree: Path) -> None:
    put(tree, "README.md", "docs/page.rst", "a.py", "guide.markdown", "notes.txt")
    assert [str(each.path) for each in search(".").candidates] == ["a.py"]
    found = discover([Path()], may_be_candidate=lambda raw: b"TrainingLoop" in raw, docs=True)
    assert [str(each.path) for each in found.candidates] == ["README.md", "a.py", "docs/page.rst", "guide.markdown"]
    assert found.scanned == 4


def test_a_link_within_is_resolved_and_its_target_taken_once(tree: Path) -> None:
    put(tree, "real.py", ".hidden/b.py", "script")
    (tree / "one.py").symlink_to("real.py")
    (tree / "two.py").symlink_to(".hidden/b.py")
    (tree / "three.py").symlink_to(".hidden/b.py")
    (tree / "four.py").symlink_to("script")
    result = search(".")
    assert [str(each.path) for each in result.candidates] == [".hidden/b.py", "real.py", "script"]
    assert result.scanned == 3


def test_a_link_out_of_the_paths_is_reported_and_a_named_one_taken(tree: Path, tmp_path: Path) -> None:
    put(tmp_path, "outside.py", "plain/folder.py")
    put(tmp_path, "harmless.py", content=b"x = 1\n")
    (tree / "out.py").symlink_to(tmp_path / "outside.py")
    (tree / "harmless.py").symlink_to(tmp_path / "harmless.py")
    (tree / "folder").symlink_to(tmp_path / "plain")
    result = search(".")
    assert result.candidates == []
    assert [(str(each.path), each.code) for each in result.troubles] == [("out.py", LINK_LEAVES)]
    named = search("out.py").candidates
    assert [(str(each.path), each.real) for each in named] == [("out.py", str((tmp_path / "outside.py").resolve()))]


def test_links_that_lead_nowhere_or_round_are_no_trouble(tree: Path) -> None:
    put(tree, "a.py")
    (tree / ".#a.py").symlink_to("user@host:1234")
    (tree / "loop.py").symlink_to("loop.py")
    (tree / "up").symlink_to(tree)
    result = search(".")
    assert [str(each.path) for each in result.candidates] == ["a.py"]
    assert result.troubles == []


def test_a_given_link_to_a_folder_is_followed(tree: Path, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/a.py")
    (tree / "link").symlink_to(tmp_path / "elsewhere")
    assert found("link") == ["link/a.py"]


def test_files_and_folders_that_cannot_be_read_are_reported(tree: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    put(tree, "closed/a.py", "secret.py", "b.py")
    (tree / "closed").chmod(0)
    (tree / "secret.py").chmod(0)
    for folder in (tree, *tree.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o005)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            result = search(".")
            troubles = [(str(each.path), each.code) for each in result.troubles]
            candidates = [str(each.path) for each in result.candidates]
            status = int((candidates, troubles) != (["b.py"], [("closed", UNREADABLE), ("secret.py", UNREADABLE)]))
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_candidate_that_is_too_large_is_reported(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover_module, "MAX_BYTES", 100)
    put(tree, "big.py", content=HIT * 10)
    put(tree, "big_but_plain.py", content=b"#" * 200)
    result = search(".")
    assert result.candidates == []
    assert [(str(each.path), each.code) for each in result.troubles] == [("big.py", TOO_LARGE)]


def test_names_that_are_not_text(tree: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    put(tree, name)
    assert found(".") == [name]


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py", "setup.cfg", ".git"])
def test_the_project_is_the_nearest_folder_above_with_a_marker(tree: Path, marker: str) -> None:
    put(tree, "setup.cfg", f"inner/{marker}", "inner/pkg/sub/a.py", "other/b.py")
    assert project_root(str(tree / "inner/pkg/sub")) == str(tree / "inner")
    assert project_root(str(tree / "inner")) == str(tree / "inner")
    assert project_root(str(tree / "other")) == str(tree)
    assert project_root("/") is None


def test_the_files_of_a_project_are_its_own(tree: Path) -> None:
    put(tree, "a.py", "pkg/b.pyi", ".venv/lib/c.py", "build/d.py", "notes.md", "env/pyvenv.cfg", "env/e.py")
    assert sorted(python_files(str(tree))) == [str(tree / "a.py"), str(tree / "pkg/b.pyi")]
