"""Star arguments.

``TrainingLoop(*args)``, ``loop.train(loader, **options)``: which parameter gets what is not visible.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN401"
_REASON = "a call has * or ** arguments, so which parameter gets what is not visible"
_ADVICE = "name the arguments"
VALID = ("other(*args)\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(*args).train(loader)\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config).train(loader, **options)
""",
)


def check(call: ast.Call) -> None:
    """Raise Decline if the call has star arguments."""
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            raise Decline(CODE, _REASON, argument, _ADVICE)
    for keyword in call.keywords:
        if keyword.arg is None:
            raise Decline(CODE, _REASON, keyword.value, _ADVICE)
