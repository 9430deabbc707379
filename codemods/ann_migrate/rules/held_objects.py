"""``loop.model``, ``loop.optimizer``, ``loop.criterion`` stay: Trainer has them too.

They are read under the same names. The optimizer and the criterion may be set as well: both classes look at them at
each step.
"""

from __future__ import annotations

import ast

from ann_migrate.flow import Use
from ann_migrate.plan import Plan
from ann_migrate.rules import unsupported_attribute

CODE = "ANN109"
ATTRIBUTES = ("model", "optimizer", "criterion")
VALID = ("other.model\n",)
INVALID: tuple[tuple[str, str], ...] = ()


def plan_use(use: Use, plan: Plan) -> None:
    """Nothing is edited: the attribute is the same object in both classes."""
    writable = use.attribute.attr != "model" and isinstance(use.attribute.ctx, ast.Store)
    if not (isinstance(use.attribute.ctx, ast.Load) or writable):
        raise unsupported_attribute.decline(use)
