"""A key of the records that Trainer lacks.

The rows of ``fit`` have ``epoch``, losses and accuracies. With `--style guide` a program that reads another key
(``epoch_time``, ``timestamp``, ``active_node_ratio``), or one that is not seen, stays as it is.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN703"
STYLE = "guide"
VALID = ("print(other[-1]['epoch_time'])\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
print(loop.train(loader)[-1]["epoch_time"])
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
for record in loop.train(loader):
    print(record[key])
""",
)


def decline(key: str | None, culprit: ast.AST) -> Decline:
    named = "a key that is not seen" if key is None else f"the key {key!r}, which Trainer's records lack,"
    advice = "measure it in a callback of your own, or use --style faithful"
    return Decline(CODE, f"{named} is read from a record", culprit, advice)
