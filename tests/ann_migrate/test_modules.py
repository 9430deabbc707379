"""The names under which the files of a project import each other."""

from __future__ import annotations

import os

from ann_migrate.project.modules import module_names


def names(*files: str) -> dict[str, str]:
    found = module_names("/p", [f"/p/{file}" for file in files])
    assert len(set(found.values())) == len(files), "each file has exactly one name"
    return {name: path.removeprefix("/p/") for name, path in found.items()}


def test_packages_start_at_their_topmost_init() -> None:
    assert names("src/pkg/__init__.py", "src/pkg/sub/__init__.py", "src/pkg/sub/a.py") == {
        "pkg": "src/pkg/__init__.py",
        "pkg.sub": "src/pkg/sub/__init__.py",
        "pkg.sub.a": "src/pkg/sub/a.py",
    }


def test_a_file_in_no_package_has_its_bare_name() -> None:
    assert names("scripts/train.py", "run.py") == {"train": "scripts/train.py", "run": "run.py"}


def test_files_that_would_share_a_name_have_their_path() -> None:
    assert names("a/utils.py", "b/utils.py", "c/other.py") == {
        "a.utils": "a/utils.py",
        "b.utils": "b/utils.py",
        "other": "c/other.py",
    }


def test_a_stub_leaves_the_name_to_its_module() -> None:
    assert names("pkg/__init__.py", "pkg/a.py", "pkg/a.pyi", "pkg/b.pyi") == {
        "pkg": "pkg/__init__.py",
        "pkg.a": "pkg/a.py",
        "pkg.a.pyi": "pkg/a.pyi",
        "pkg.b": "pkg/b.pyi",
    }


def test_a_name_that_is_no_text_has_escapes() -> None:
    path = os.fsdecode(b"caf\xe9.py")
    assert names(path) == {"caf\\udce9": path}
