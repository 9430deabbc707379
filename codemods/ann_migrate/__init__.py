"""Rewrite ``TrainingLoop`` programs into ``Trainer`` programs that behave the same, or decline with a reason.

The library behind the command ``ann-migrate``: :func:`migrate_source` for one piece of code, :func:`migrate_paths` for
files and folders. Both only read; :func:`write_files` replaces files safely and :func:`undo` takes that back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ann_migrate.api import RunResult, migrate_paths, migrate_source
    from ann_migrate.result import FileResult, Outcome, Position, Problem, Site
    from ann_migrate.write import Change, UndoResult, WriteError, WriteResult, undo, write_files

__all__ = [
    "Change",
    "FileResult",
    "Outcome",
    "Position",
    "Problem",
    "RunResult",
    "Site",
    "UndoResult",
    "WriteError",
    "WriteResult",
    "migrate_paths",
    "migrate_source",
    "undo",
    "write_files",
]

_HOMES = {
    **dict.fromkeys(("RunResult", "migrate_paths", "migrate_source"), "api"),
    **dict.fromkeys(("FileResult", "Outcome", "Position", "Problem", "Site"), "result"),
    **dict.fromkeys(("Change", "UndoResult", "WriteError", "WriteResult", "undo", "write_files"), "write"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: importing the package stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
