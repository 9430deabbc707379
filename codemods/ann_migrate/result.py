"""What a run of the codemod found and did: plain values that flow from the analysis to the writer and the report."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class Outcome(enum.Enum):
    """What became of a site."""

    REWRITTEN = "rewritten"
    DECLINED = "declined"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, as editors count: lines and columns start at 1, columns are in characters.

    In a notebook, line and column count within the cell, and ``cell`` is its number among all cells, from 1.

    Example:
        >>> print(Position(2, 5), Position(2, 5, cell=3))
        2:5 cell 3:2:5
    """

    line: int
    column: int
    cell: int | None = None

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}"
        return place if self.cell is None else f"cell {self.cell}:{place}"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A legacy behaviour that a rewrite leaves behind by style.

    Attributes:
        code: Its code, ``ANN6xx``.
        behaviour: What it is, in a short sentence.
        position: The use that shows it, where that is not the site itself.
    """

    code: str
    behaviour: str
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A use of a legacy name (other than in an import), and the verdict on it.

    Attributes:
        position: Where the legacy name stands.
        code: The rule that decided, such as ``ANN101`` (rewrite) or ``ANN201`` (decline).
        outcome: What became of the site.
        reason: One sentence: what was rewritten, or why it was declined.
        culprit: For a decline, the use that caused it, where that is not the site itself; for a site that is left alone
            by wish, the comment that says so.
        advice: For a decline, what the author can do about it.
        notes: For a rewrite, the legacy behaviours made explicit, one short sentence each.
        not_kept: For a rewrite, those that the new code does not have, likewise.
        dropped: For a rewrite, those that the style leaves behind on purpose.
    """

    position: Position
    code: str
    outcome: Outcome
    reason: str
    culprit: Position | None = None
    advice: str = ""
    notes: tuple[str, ...] = ()
    not_kept: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file that names the legacy API could not be analysed or written."""

    code: str
    reason: str
    position: Position | None = None
    internal: bool = False
    """True when the tool is at fault (the run then exits with 2), false when the input is (1)."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the author should know of a place that is no site: outputs that are stale now, a cell that was skipped.

    One that can be reported of any file, such as a skip comment that does nothing, has a ``code``.
    """

    position: Position | None
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A mention of a legacy name that no code depends on.

    Attributes:
        path: The file.
        position: Where the name stands.
        kind: ``comment``, ``string``, ``docstring``, ``document`` or ``configuration``.
        text: The line, without the white space around it; cut if it is long.
    """

    path: Path
    position: Position
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """The verdict on one candidate file. ``after == before`` when nothing in it changes.

    ``together`` are the files (this one among them) that are written together or not at all, since an object goes from
    one to another; none where the file stands alone. ``concerned`` are other files of the project to which an object
    escapes: analysed together with them, it may not.
    """

    path: Path
    before: bytes
    after: bytes
    sites: tuple[Site, ...] = ()
    problem: Problem | None = None
    notes: tuple[Note, ...] = ()
    hints: tuple[Hint, ...] = ()
    together: frozenset[Path] = frozenset()
    concerned: frozenset[Path] = frozenset()

    @property
    def changed(self) -> bool:
        return self.after != self.before
