"""The config's device is changed while the loop lives.

The legacy loop reads ``config.device`` at each batch, Trainer once, when it is made.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN404"
VALID = (
    """\
config.device = "cpu"
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
config.device = "cuda"
loop.train(loader)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, checked(config))
config.device = "cuda"
loop.train(loader)
""",
)


def decline(culprit: ast.AST) -> Decline:
    reason = "the config's device may be changed after the loop is made"
    return Decline(CODE, reason, culprit, "set the device before the loop is made")
