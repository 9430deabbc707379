"""Where a program behaves otherwise when ``TrainingLoop`` is exchanged for ``Trainer``: each source as two programs.

One uses the legacy loop; the other is what a reader of the migration guide would write in its place. Both are executed,
and so is what ``ann-migrate`` makes of the first, so the table in ``compat/README.md`` says only what happened.
"""

from ann_compat.equivalence.divergences import limits, reports, training
from ann_compat.equivalence.divergences.divergence import Divergence
from ann_compat.equivalence.divergences.outcome import Outcome, outcome

__all__ = ["DIVERGENCES", "Divergence", "Outcome", "outcome"]

DIVERGENCES = (*training.DIVERGENCES, *reports.DIVERGENCES, *limits.DIVERGENCES)
"""All rows of the table, in its order."""
