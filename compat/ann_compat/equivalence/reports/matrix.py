"""A coverage matrix as text."""

from __future__ import annotations

from ann_compat.equivalence.coverage import Coverage


def matrix_text(matrix: Coverage) -> str:
    """One line a row; ``.`` marks what cannot occur, 0 what can and did not."""
    width = max(map(len, matrix.rows), default=0) + 2
    # Names of columns stand on lines of their own, each above its column.
    head = [f"  {'':<{width}}{'      |' * index}      {column}" for index, column in enumerate(matrix.columns)]
    lines = []
    for row in matrix.rows:
        shown = [(matrix.count(row, column), matrix.state(row, column)) for column in matrix.columns]
        cells = ["." if state == "unreachable" else str(count) for count, state in shown]
        lines.append(f"  {row:<{width}}{''.join(f'{cell:>7}' for cell in cells)}")
    return "\n".join([summary(matrix), "", *head, *lines])


def missing_text(matrix: Coverage) -> str:
    """The combinations that can occur and did not."""
    return "\n".join([summary(matrix), *(f"  {row} x {column}" for row, column in matrix.missing())])


def summary(matrix: Coverage) -> str:
    """The title, and how much of what can occur did."""
    return f"{matrix.title}: {matrix.covered} of {len(matrix.reachable)} combinations ({matrix.share:.1%})"
