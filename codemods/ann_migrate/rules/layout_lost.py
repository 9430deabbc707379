"""A layout that the editor cannot keep.

LibCST does not give the call back as it stands (line ends of several kinds inside one call), or it is nested very
deeply.
"""

from __future__ import annotations

from ann_migrate.rules._base import Decline

CODE = "ANN409"
VALID = ()
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(\n    "
    + "f(" * 110
    + "model"
    + ")" * 110
    + ",\n    config,\n)\n",
)


def decline(reason: str) -> Decline:
    return Decline(CODE, reason, None, "put the call on one line")
