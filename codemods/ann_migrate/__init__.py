"""Rewrite ``TrainingLoop`` programs into ``Trainer`` programs that behave the same, or decline with a reason.

The library behind the command ``ann-migrate``: :func:`migrate_source` for one piece of code, :func:`migrate_paths` for
files and folders. Both only read; :func:`write_files` replaces files safely and :func:`undo` takes that back.

The way through the package is the way of a run: :mod:`~ann_migrate.files` finds what is to be read,
:mod:`~ann_migrate.running` analyses it, :mod:`~ann_migrate.reports` tells what came out. An analysis goes from
:mod:`~ann_migrate.text` to :mod:`~ann_migrate.names`, to what the :mod:`~ann_migrate.project` knows of them, to the
:mod:`~ann_migrate.flow` of the objects; none of these knows of the next. From there :mod:`~ann_migrate.rewriting` makes
a plan for each object: by the :mod:`~ann_migrate.rules`, one for each use, from the :mod:`~ann_migrate.facts` around
it, in the :mod:`~ann_migrate.wordings` of a style, whose :mod:`~ann_migrate.readers` follow the results.
:mod:`~ann_migrate.documents` does the same with notebooks, pages and docstrings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ann_migrate.api import RunResult, migrate_paths, migrate_source
    from ann_migrate.files.write import Change, UndoResult, WriteError, WriteResult, undo, write_files
    from ann_migrate.result import FileResult, Outcome, Position, Problem, Site

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
    **dict.fromkeys(("Change", "UndoResult", "WriteError", "WriteResult", "undo", "write_files"), "files.write"),
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
