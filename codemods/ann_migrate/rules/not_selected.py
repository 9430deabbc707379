"""Left alone because a rule is not selected.

``--select`` and ``--ignore`` (or the settings) leave a rule out that the object needs, or that would have declined it.
An object is rewritten only if every rule that it needs is selected: its constructor's and that of each use.
"""

from __future__ import annotations

from ann_migrate.rewriting.selection import DESELECTED
from ann_migrate.rules._base import Left

CODE = DESELECTED
IGNORE = ("ANN102", "ANN299")
"""What the cases below are run with, as ``--ignore`` gives it."""
VALID = ("def quick_train(): ...\nquick_train()\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config).train(loader)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
print(vars(TrainingLoop))
""",
)


def left(code: str, why: str = "") -> Left:
    """The verdict on a site that would need the rule ``code``."""
    return Left(CODE, f"{code} is not selected" + (f": {why}" if why else ", which this object needs"))
