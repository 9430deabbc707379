"""A file of the legacy loop that the program reads.

With `--style guide` the metrics file is not written, and checkpoints have other names. A program that visibly asks for
one of them, or where they lie, stays as it is.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN704"
STYLE = "guide"
VALID = ('print(open("metrics.json").read())\n',)
INVALID = (
    """\
import json
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config).train(loader)
print(json.load(open("metrics.json"))[-1])
""",
    """\
import os
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config).train(loader)
print(os.listdir(config.checkpoint_dir))
""",
)


def decline(culprit: ast.AST) -> Decline:
    reason = "the program seems to read a file that the legacy loop writes, and the new code does not write it so"
    return Decline(CODE, reason, culprit, "read the rows that fit returns instead, or use --style faithful")
