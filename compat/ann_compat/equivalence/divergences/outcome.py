"""What happens when the programs of a divergence are executed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ann_compat.equivalence.compare import compare
from ann_compat.equivalence.divergences.divergence import PRELUDE, Divergence
from ann_compat.equivalence.sources import run_source
from ann_compat.equivalence.trace import Trace
from ann_compat.equivalence.values import mismatch

_PATH = Path("divergence.py")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen.

    Attributes:
        raised: The name of the exception that ended the legacy program; empty: none.
        by_hand: In which channels the program written by hand differs from the legacy one; ``value`` is what the
            program computed from the results. Empty: in none.
        migrated: The same of the migrated program; ``None`` where nothing was migrated.
        code: The migrated program.
        codes: The codes of the verdicts on its sites.
        refinement: By which the migrated program may go on where the legacy one raised.
    """

    raised: str
    by_hand: tuple[str, ...]
    migrated: tuple[str, ...] | None
    code: str
    codes: tuple[str, ...]
    refinement: str


def outcome(row: Divergence, seed: int = 0) -> Outcome:
    """Execute the legacy program of ``row``, the one written by hand and the migrated one, and compare."""
    from ann_migrate.running.engine import migrate_bytes

    legacy = (PRELUDE + row.program).encode()
    migration = migrate_bytes(legacy, path=_PATH)
    old = _Run(legacy, seed)
    by_hand: tuple[str, ...] = ()
    if row.by_hand:
        # The guide's simple form prints nothing, which says nothing of the other sources.
        quiet = frozenset() if row.name == "console" else frozenset({"console"})
        by_hand, _ = old.compared(_Run((PRELUDE + row.by_hand).encode(), seed), quiet)
    migrated, refinement = old.compared(_Run(migration.after, seed)) if migration.changed else (None, "")
    return Outcome(
        raised="" if old.trace.exception is None else type(old.trace.exception).__name__,
        by_hand=by_hand,
        migrated=migrated,
        code=migration.after.decode(),
        codes=tuple(site.code for site in migration.sites),
        refinement=refinement,
    )


class _Run:
    """A program executed. Of its global names only ``seen`` counts: the others are called as its author liked."""

    def __init__(self, code: bytes, seed: int) -> None:
        trace = run_source(code, _PATH, seed)
        self.seen: Any = trace.state.get("global seen")
        kept = {name: value for name, value in trace.state.items() if not name.startswith("global ")}
        self.trace: Trace = replace(trace, state=kept)

    def compared(self, new: _Run, ignore: frozenset[str] = frozenset()) -> tuple[tuple[str, ...], str]:
        comparison = compare(self.trace, new.trace, ignore=ignore)
        found = sorted(difference.channel for difference in comparison.differences)
        if not comparison.refinement and mismatch(self.seen, new.seen):
            found.append("value")
        return tuple(found), comparison.refinement.name if comparison.refinement else ""
