"""What the bytes of a project's files answer: never too few files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ann_migrate.project.contents import Contents
from ann_migrate.project.project import Project

APP = Path("pkg/app.py")


def contents(**files: bytes) -> Contents:
    known = {Path(f"{name}.py"): data for name, data in files.items()}
    return Contents(known, known.__getitem__)


@pytest.mark.parametrize(
    "statement",
    [
        b"from pkg.jobs import loop",
        b"from .jobs import loop",
        b"from.jobs import loop",
        b"from . import jobs; jobs.loop",
        b"from .import jobs; jobs.loop",
        b"from pkg import jobs; jobs.loop",
        b"from pkg import (\n    other,  # (see there)\n    jobs,\n)\njobs.loop",
        b"from . import (\n    other,\n    jobs as j,\n)\nj.loop",
        b"from \\\n    .jobs \\\n    import loop",
        b"from pkg.jobs \\\r\n    import loop",
        b"from .jobs import (loop)",
        b"from .jobs import *\nloop",
        b"import pkg.jobs as j; j.loop",
        b"import os, pkg.jobs as j; j.loop",
        b"import os, \\\n    pkg.jobs as j; j.loop",
        b"x = 1; import pkg.jobs as j; j.loop",
        b"if True: from .jobs import loop",
        b"import os\rfrom .jobs import loop\r",
        b"def f():\n\tfrom .jobs import loop\n",
    ],
)
def test_every_form_of_import_is_found(statement: bytes) -> None:
    files = {APP: statement, Path("pkg/jobs.py"): b"loop = 1", Path("pkg/__init__.py"): b""}
    project = Project(
        {"pkg.app": APP, "pkg.jobs": Path("pkg/jobs.py"), "pkg": Path("pkg/__init__.py")}, files.__getitem__
    )
    assert project.importers("pkg.jobs", "loop") == [APP]
    assert project.importers("pkg.jobs", "other") == []
    assert project.importers("pkg.other_jobs", "loop") == []


def test_a_name_taken_from_the_package_itself_by_dots() -> None:
    files = {APP: b"from . import loop", Path("pkg/__init__.py"): b"loop = 1"}
    project = Project({"pkg.app": APP, "pkg": Path("pkg/__init__.py")}, files.__getitem__)
    assert project.importers("pkg", "loop") == [APP]


def test_each_file_is_read_once() -> None:
    read: list[Path] = []

    def reader(path: Path) -> bytes:
        read.append(path)
        return b"import loop"

    found = Contents([Path("a.py"), Path("b.py")], reader)
    found.holding(b"loop")
    found.holding(b"other")
    found.importing("loop")
    assert read == [Path("a.py"), Path("b.py")]


def test_a_file_that_cannot_be_read_counts_as_empty() -> None:
    def reader(path: Path) -> bytes:
        raise PermissionError(path)

    assert Contents([Path("a.py")], reader).of(Path("a.py")) == b""


def test_names_outside_ascii() -> None:
    assert contents(app="from módulo import loop".encode()).importing("módulo") == [Path("app.py")]


def test_files_that_import_something_else_are_not_named() -> None:
    found = contents(a=b"from jobs2 import x\njobs = 1\n", b=b"import jobs", c=b"from other import jobs")
    assert found.importing("jobs") == [Path("b.py"), Path("c.py")]
