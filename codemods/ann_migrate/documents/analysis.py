"""What the engine made of a document, to explain it: each program of its own, with the way back to the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ann_migrate.flow.sites import NameUse
from ann_migrate.result import Position, Site
from ann_migrate.rewriting.migration import Migration


@dataclass(frozen=True, slots=True)
class Analysis:
    """One program.

    Attributes:
        migration: Its analysis, with the verdicts set.
        verdicts: The verdicts of the sites that are the document's, with positions in the document.
        position: Gives the position in the document of one in the program; None where that is not the document's.
        stands_for: Says what the code at a position of the program stands for; nothing where it is the document's own.
        elsewhere: Says where a position of the program is that lies in another file: path, line and column.
        homes: The files of the sites that stand in another one.
    """

    migration: Migration
    verdicts: Mapping[NameUse, Site]
    position: Callable[[Position], Position | None] = lambda position: position
    stands_for: Callable[[Position], str] = lambda _: ""
    elsewhere: Callable[[Position], str] = lambda _: ""
    homes: Mapping[NameUse, Path] = field(default_factory=dict)


def analysis_of(migration: Migration) -> Analysis:
    """The analysis of a file that is one program."""
    return Analysis(migration, migration.verdicts)
