"""Star arguments.

``TrainingLoop(*args)``, ``loop.evaluate(*loaders)``: which parameter gets what is not visible. (``loop.train(*args)``
becomes ``legacy_train(loop, *args)``, which takes the same; with `--style guide`, which has no bridge, the object is
left alone there too.)
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
    "from adaptiveneuralnetwork.training import TrainingLoop\nprint(TrainingLoop(model, config).evaluate(**options))\n",
)


def has_any(call: ast.Call) -> bool:
    """Whether a call has star arguments."""
    return any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords)


def check(call: ast.Call) -> None:
    """Raise Decline if the call has star arguments."""
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            raise Decline(CODE, _REASON, argument, _ADVICE)
    for keyword in call.keywords:
        if keyword.arg is None:
            raise Decline(CODE, _REASON, keyword.value, _ADVICE)
