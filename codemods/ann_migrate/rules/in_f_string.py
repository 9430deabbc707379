"""A call inside an f-string.

Quotes and positions inside f-strings differ between Python versions.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN406"
VALID = (
    """\
f"{TrainingLoop(m, c)}"
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
print(f"{TrainingLoop(model, config).train(loader)[-1]}")
""",
)


def decline(culprit: ast.AST) -> Decline:
    return Decline(
        CODE, "the call stands inside an f-string", culprit, "assign the result to a name before the f-string"
    )
