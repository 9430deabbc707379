"""The project around a file, and how its files are called."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ann_migrate.documents import NOTEBOOKS
from ann_migrate.files.discover import is_beneath, project_root, python_files
from ann_migrate.files.durable import read_file
from ann_migrate.project.modules import module_names

if TYPE_CHECKING:
    from ann_migrate.project.project import Project


@functools.cache
def project_at(root: str | None) -> Project:
    """The project at a folder, walked once in a run (in each process that needs it)."""
    from ann_migrate.project.project import Project

    if root is None:
        return Project.single()
    names = module_names(root, python_files(root))
    return Project({name: near(path) for name, path in names.items()}, _read, _shown)


def root_around(real: str, folders: list[str]) -> str | None:
    """The project that a file lies in: by its own marks, else the one of the given folders around it."""
    parent = os.path.dirname(real)
    root = project_root(parent)
    return root if root is not None else next((folder for folder in folders if is_beneath(parent, folder)), None)


def near(real: str) -> Path:
    """Return a real path as the engine's reasons shall name it: relative where that is shorter."""
    return Path(real.removeprefix(os.path.join(os.getcwd(), "")))


def far(path: Path) -> str:
    """Return the real path that :func:`near` made *path* of."""
    return os.path.join(os.getcwd(), path)


def _read(path: Path) -> bytes:
    """The Python of a file; of a notebook, that of its cells."""
    raw = read_file(os.fspath(path))
    if path.suffix.lower() not in NOTEBOOKS:
        return raw
    from ann_migrate.documents.notebook import python_text

    return python_text(raw)


def _shown(path: Path, line: int) -> str:
    """A line of what :func:`_read` gives, as people find it."""
    if path.suffix.lower() not in NOTEBOOKS:
        return f"{path}:{line}"
    from ann_migrate.documents.notebook import python_position

    position = python_position(read_file(os.fspath(path)), line)
    return f"{path}:cell {position.cell}:{position.line}"
