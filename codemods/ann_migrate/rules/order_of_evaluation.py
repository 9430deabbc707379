"""The old order of evaluation cannot be kept.

Arguments with effects must run once and in the old order. Where the new call needs one of them twice, or earlier, and
no statement can be put before it, the call is left alone.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN403"
ADVICE = "assign the arguments to names first"
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop((model := build()), config).train(loader)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
loop.train(num_epochs=number(), train_loader=make(config))
""",
)


def decline(culprit: ast.AST, what: str = "an argument") -> Decline:
    return Decline(CODE, f"{what} has effects and cannot be evaluated once, in the old order", culprit, ADVICE)


def decline_dependent(culprit: ast.AST) -> Decline:
    reason = "the loop is made from another loop's config, which would be rewritten itself"
    return Decline(CODE, reason, culprit, "give both loops the config by its own name")
