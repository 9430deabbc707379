"""An attribute of the object that has no counterpart, or is set.

``loop.some_extra = 1``, ``loop.__class__``, ``loop.config = other``.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Use
from ann_migrate.rules._base import Decline

CODE = "ANN306"
VALID = ("other.current_epoch\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
print(loop.__class__)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
loop.config = other
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
loop.tag = 1
""",
)


def decline(use: Use) -> Decline:
    name = use.attribute.attr
    if isinstance(use.attribute.ctx, ast.Load):
        reason = f"the loop's attribute {name!r} has no counterpart that is surely the same"
    else:
        reason = f"the loop's attribute {name!r} is set or deleted"
    return Decline(CODE, reason, use.attribute, "keep the value in a variable of your own")
