"""``loop.metrics_history`` becomes ``legacy_history(trainer)``.

The list of legacy records of this object: the same list each time, growing with each epoch.
(``Trainer.metrics_history`` holds one call's rows.)
"""

from __future__ import annotations

import ast

from ann_migrate.flow import Use
from ann_migrate.plan import Plan
from ann_migrate.rules import unsupported_attribute

CODE = "ANN108"
ATTRIBUTES = ("metrics_history",)
VALID = ("other.metrics_history\n",)
INVALID: tuple[tuple[str, str], ...] = ()


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one read of ``metrics_history``."""
    if not isinstance(use.attribute.ctx, ast.Load):
        raise unsupported_attribute.decline(use)
    plan.records_needed = True
    name = plan.symbol("ann_compat.legacy_history", use.attribute)
    plan.edit(use.attribute, lambda text: f"{name}({text[: text.rindex('.')].rstrip()})")
    plan.note("metrics_history is the bridge's list of legacy records")
