"""What the engine made of a document, to explain it: each program of its own, with the way back to the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ann_migrate.migration import Migration
from ann_migrate.result import Position, Site
from ann_migrate.sites import NameUse


@dataclass(frozen=True, slots=True)
class Analysis:
    """One program.

    Attributes:
        migration: Its analysis, with the verdicts set.
        verdicts: The verdicts of the sites that are the document's, with positions in the document.
        position: Gives the position in the document of one in the program; None where that is not the document's.
        stands_for: Says what the code at a position of the program stands for; nothing where it is the document's own.
    """

    migration: Migration
    verdicts: Mapping[NameUse, Site]
    position: Callable[[Position], Position | None] = lambda position: position
    stands_for: Callable[[Position], str] = lambda _: ""


def analysis_of(migration: Migration) -> Analysis:
    """The analysis of a file that is one program."""
    return Analysis(migration, migration.verdicts)
