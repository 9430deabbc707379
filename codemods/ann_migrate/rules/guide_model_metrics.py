"""A model whose own metrics do more than read.

The legacy loop calls ``model.get_metrics()`` after each epoch, Trainer does not. With `--style guide` a model whose
``get_metrics`` is seen to draw random numbers or to change something stays with the old loop.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN706"
STYLE = "guide"
VALID = ("class Model:\n    def get_metrics(self):\n        self.calls += 1\n        return {}\n",)
INVALID = (
    """\
import torch
from adaptiveneuralnetwork.training import TrainingLoop

class Model(torch.nn.Linear):
    def get_metrics(self):
        self.calls += 1
        return {"active_node_ratio": 0.0, "mean_energy": 0.0}

model = Model(4, 2)
TrainingLoop(model, config).train(loader)
""",
)


def decline(culprit: ast.AST) -> Decline:
    reason = "the model's get_metrics does more than read, and Trainer does not call it"
    return Decline(CODE, reason, culprit, "call it in a callback of your own, or use --style faithful")
