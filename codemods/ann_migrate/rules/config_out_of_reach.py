"""The config cannot be reached where it is needed.

``train`` without a number of epochs reads the config at that moment. Where the config is not visible there, or its
name may be bound to another one meanwhile, and there is no safe place to keep it, the bridge asks the trainer for it
(``legacy_train``, ``legacy_config``). With `--style guide`, which has no bridge, the object is left alone.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN405"
STYLE = "guide"
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Job:
    runs = [TrainingLoop(model, load(name)).train(loader) for name in names]
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Job:
    __slots__ = ("loop",)
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)
    def run(self, loader):
        self.loop.train(loader)
""",
)


def decline(culprit: ast.AST) -> Decline:
    reason = "the config that this loop was made with cannot be reached here"
    return Decline(CODE, reason, culprit, "keep the config in a name, or beside the loop on self, that is bound once")
