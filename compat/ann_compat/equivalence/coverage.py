"""``Coverage``: which combinations of two things occurred in a run, of those that can occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Cell = tuple[str, str]
State = Literal["covered", "rare", "missing", "unreachable"]

RARE = 3
"""A cell that occurred less often than this may be missing in the next run."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A matrix of counts.

    Args:
        title: What is set against what, such as ``"behaviour x model"``.
        rows, columns: Their names, in the order in which they are shown.
        hits: How often each ``(row, column)`` occurred; cells left out never did.
        reachable: The cells that can occur at all.

    Raises:
        ValueError: A cell of ``hits`` or ``reachable`` is not in the matrix, or a cell occurred that is called
            unreachable: then the claim is wrong, and the share of covered cells with it.

    Example:
        >>> matrix = Coverage("rule x place", ("R1", "R2"), ("loop", "method"), {("R1", "loop"): 4},
        ...                   frozenset({("R1", "loop"), ("R2", "method")}))
        >>> matrix.state("R1", "loop"), matrix.state("R2", "method"), matrix.state("R1", "method")
        ('covered', 'missing', 'unreachable')
        >>> matrix.share
        0.5
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    hits: Mapping[Cell, int]
    reachable: frozenset[Cell]

    def __post_init__(self) -> None:
        for cell in (*self.hits, *self.reachable):
            if cell[0] not in self.rows or cell[1] not in self.columns:
                raise ValueError(f"{self.title}: {cell!r} is no cell of the matrix")
        for cell, count in self.hits.items():
            if count and cell not in self.reachable:
                raise ValueError(f"{self.title}: {cell[0]!r} x {cell[1]!r} occurred, but is called unreachable")

    def count(self, row: str, column: str) -> int:
        return self.hits.get((row, column), 0)

    def state(self, row: str, column: str) -> State:
        """``rare`` means at least once and less than :data:`RARE` times."""
        if (row, column) not in self.reachable:
            return "unreachable"
        count = self.count(row, column)
        return "missing" if count == 0 else "rare" if count < RARE else "covered"

    @property
    def covered(self) -> int:
        """Reachable cells that occurred."""
        return sum(self.count(*cell) > 0 for cell in self.reachable)

    @property
    def share(self) -> float:
        """Of the reachable cells, those that occurred; 1.0 where none is reachable."""
        return self.covered / len(self.reachable) if self.reachable else 1.0

    def missing(self) -> list[Cell]:
        """Reachable cells that never occurred, row by row."""
        return [(row, column) for row in self.rows for column in self.columns if self.state(row, column) == "missing"]

    def __add__(self, other: Coverage) -> Coverage:
        """The same matrix with the counts of both."""
        if (self.title, self.rows, self.columns) != (other.title, other.rows, other.columns):
            raise ValueError(f"only equal matrices can be added, got {self.title!r} and {other.title!r}")
        return Coverage(
            self.title,
            self.rows,
            self.columns,
            dict(Counter(self.hits) + Counter(other.hits)),
            self.reachable | other.reachable,
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: ``hits`` and ``reachable`` as one list a row, in the order of the columns."""
        return {
            "title": self.title,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "hits": [[self.count(row, column) for column in self.columns] for row in self.rows],
            "reachable": [[(row, column) in self.reachable for column in self.columns] for row in self.rows],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave."""
        rows, columns = tuple(data["rows"]), tuple(data["columns"])
        cells = [(i, j) for i in range(len(rows)) for j in range(len(columns))]
        return cls(
            data["title"],
            rows,
            columns,
            {(rows[i], columns[j]): data["hits"][i][j] for i, j in cells if data["hits"][i][j]},
            frozenset((rows[i], columns[j]) for i, j in cells if data["reachable"][i][j]),
        )
