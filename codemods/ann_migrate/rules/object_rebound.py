"""The name or attribute that holds the object is bound again.

Which object a use means then depends on the run. Assignments that follow each other in one block are no problem: each
use means the last one above it.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline

CODE = "ANN304"
ADVICE = "give each loop a name of its own"
VALID = ("loop = Other(m, c)\nloop = None\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
if late:
    loop = wrap()
loop.train(loader)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Job:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)
    def reset(self, other):
        self.loop = other
""",
)


def explain_escape(escape: Escape, tree: object) -> Decline | None:
    if escape.how != "rebound":
        return None
    why = f": {escape.where}" if escape.where else ""
    return Decline(CODE, f"what holds the loop may hold something else too{why}", escape.node, ADVICE)
