"""A reader of the results that is not understood.

With `--style guide` accuracies become fractions, and everybody who reads one has to be turned with it. Here somebody
gets the records, or compares an accuracy, in a way that cannot be followed: a threshold from outside, a list that is
handed to code which is not seen, a record that is changed. So the object stays as it is.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN702"
STYLE = "guide"
VALID = ("def ok(accuracy, target):\n    return accuracy > target\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
history = loop.train(loader, num_epochs=2)
upload(history)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
print(loop.train(loader)[-1]["train_accuracy"] > arguments.target)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
history = loop.train(loader, num_epochs=1)
loop.train(loader, num_epochs=1)
print(len(history))
""",
)
_ADVICE = (
    "take the number that is needed out of the records here (history[-1]['val_accuracy']), or use --style faithful"
)


def decline(what: str, culprit: ast.AST | None, advice: str = _ADVICE) -> Decline:
    return Decline(CODE, what, culprit, advice)
