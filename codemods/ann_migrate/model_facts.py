"""What can be said of a loop's model: whether it is visibly an ``AdaptiveModel`` that nobody has tampered with."""

from __future__ import annotations

import ast
import re

from ann_migrate.legacy_api import ADAPTIVE_MODEL
from ann_migrate.plan import Context, Plan

_HOOK = re.compile(r"register_\w*hook")


def is_adaptive(plan: Plan) -> bool:
    """Whether the model is visibly made by ``AdaptiveModel(...)``."""
    return plan.context.values.is_made_by(plan.arguments["model"], ADAPTIVE_MODEL) is not None


def flattens_itself(plan: Plan) -> bool:
    """Whether nobody can see that a 4-D batch reaches the model unflattened: an AdaptiveModel flattens it by itself.

    A hook, or a ``forward`` that is replaced, sees what the model is called with.
    """
    if not is_adaptive(plan) or _is_replaced(plan.context, "forward"):
        return False
    return not any(_HOOK.match(node.attr) for node in plan.context.tree.all_of(ast.Attribute))


def has_pure_metrics(plan: Plan) -> bool:
    """Whether it makes no difference that ``get_metrics`` is no longer called: AdaptiveModel's own only reads."""
    return is_adaptive(plan) and not _is_replaced(plan.context, "get_metrics")


def _is_replaced(context: Context, method: str) -> bool:
    """Whether the file sets an attribute of this name on anything, or names it in a string (``setattr``, ``patch``)."""
    if any(not isinstance(node.ctx, ast.Load) for node in context.flow.attributes(method)):
        return True
    return any(
        isinstance(node.value, str) and node.value.rpartition(".")[2] == method
        for node in context.tree.all_of(ast.Constant)
    )
