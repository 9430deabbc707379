"""The table in ``compat/README.md``, made by executing every row.

``python -m ann_compat.equivalence.divergences compat/README.md`` makes it anew.
"""

from __future__ import annotations

from pathlib import Path

from ann_compat.equivalence.divergences import DIVERGENCES
from ann_compat.equivalence.divergences.divergence import Divergence
from ann_compat.equivalence.divergences.outcome import Outcome, outcome
from ann_compat.equivalence.refinements import REFINEMENTS

BEGIN = "<!-- made by: python -m ann_compat.equivalence.divergences compat/README.md -->"
END = "<!-- the end of what is made -->"
TEST = "tests/ann_compat/equivalence/test_divergences.py"


def divergence_table() -> str:
    """Execute all rows and return the table in Markdown, with the list of refinements below it."""
    lines = [
        "| source | `TrainingLoop` | `Trainer`, told no more than the guide's simple form | seen by hand "
        "| `ann-migrate` and the bridge | seen after migration | test |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_line(row, outcome(row)) for row in DIVERGENCES]
    lines += ["", "Where the legacy loop raises and `Trainer` goes on, all up to there must be equal:", ""]
    lines += [f"- `{entry.name}` ({entry.exception.__name__}): {entry.why}" for entry in REFINEMENTS]
    return "\n".join(lines)


def refresh(readme: Path) -> None:
    """Put the table between the two marks of a file.

    Raises:
        ValueError: The file has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_with_table(text, divergence_table(), readme), encoding="utf-8", newline="\n")


def table_in(readme: Path) -> str:
    """What stands between the two marks.

    Raises:
        ValueError: The file has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    _with_table(text, "", readme)
    return text.partition(BEGIN)[2].partition(END)[0].strip("\n")


def _with_table(text: str, table: str, readme: Path) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} must have the lines {BEGIN!r} and {END!r}, between which the table goes")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def _line(row: Divergence, seen: Outcome) -> str:
    cells = [
        row.source,
        row.legacy,
        row.trainer,
        _by_hand(row, seen),
        row.mend,
        _after(seen),
        f"[`{row.name}`](../{TEST})",
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _by_hand(row: Divergence, seen: Outcome) -> str:
    if not row.by_hand:
        return "-"
    if row.refinement:
        return "goes on"
    return f"**differs**: {', '.join(seen.by_hand)}" if seen.by_hand else "equal"


def _after(seen: Outcome) -> str:
    if seen.migrated is None:
        return f"declined: {', '.join(f'`{code}`' for code in sorted(set(seen.codes)))}"
    if seen.migrated:
        return f"**differs**: {', '.join(seen.migrated)}"
    return f"equal, then goes on: `{seen.refinement}`" if seen.refinement else "equal"
