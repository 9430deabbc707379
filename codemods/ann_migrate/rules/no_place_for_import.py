"""No place for an import.

What the new code needs cannot be imported so that it is surely bound before it is used.
"""

from __future__ import annotations

from ann_migrate.rules._base import Decline

CODE = "ANN408"
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
from mine import *
TrainingLoop(model, config).train(loader)
""",
)


def decline(why: str) -> Decline:
    reason = f"there is no safe place to import what the new code needs: {why}"
    return Decline(CODE, reason, None, "import the names explicitly, after star imports")
