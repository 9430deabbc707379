"""Training after a checkpoint was loaded.

The legacy loop loads weights and trains as many epochs as it is told; ``Trainer.load_checkpoint`` makes the next
``fit`` continue the run that was saved, to as many epochs in total. With `--style guide` a program that trains after
it loaded stays as it is.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN705"
STYLE = "guide"
VALID = ("trainer.load_checkpoint(path)\ntrainer.fit(loader, num_epochs=2)\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
loop.load_checkpoint(path)
loop.train(loader)
""",
)


def decline(culprit: ast.AST) -> Decline:
    advice = "decide how many epochs the continued run has in all and write fit yourself, or use --style faithful"
    return Decline(CODE, "the loop trains and loads a checkpoint: fit would continue the saved run", culprit, advice)
