"""The result of quick_train is used whole.

``quick_train`` returns a dict with the loop under ``"trainer"``; the migrated call has a Trainer there. Whoever gets
the whole dict, or reads that key, would see another object.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN308"
VALID = (
    """\
result = quick_train(config, loader)
result["trainer"]
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import quick_train
result = quick_train(config, loader)
result["trainer"].evaluate(loader)
""",
    """\
from adaptiveneuralnetwork.training import quick_train
def run(config, loader):
    return quick_train(config, loader)
""",
)


def decline(culprit: ast.AST) -> Decline:
    reason = 'the dict that quick_train returns is used where its "trainer" may be read'
    return Decline(CODE, reason, culprit, 'read result["model"] or result["final_metrics"] here, and pass that on')
