"""What can be said of a loop's model: whether it is visibly an ``AdaptiveModel`` that nobody has tampered with."""

from __future__ import annotations

import ast
import re

from ann_migrate.legacy_api import ADAPTIVE_MODEL, RECORD_KEYS
from ann_migrate.rewriting.plan import Context, Plan

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
    return not any(_HOOK.match(name) for name in plan.context.flow.attribute_names())


def has_pure_metrics(plan: Plan) -> bool:
    """Whether it makes no difference that ``get_metrics`` is no longer called: AdaptiveModel's own only reads."""
    return is_adaptive(plan) and not _is_replaced(plan.context, "get_metrics")


def _is_replaced(context: Context, method: str) -> bool:
    """Whether the file sets an attribute of this name on anything, or names it in a string (``setattr``, ``patch``)."""
    if any(not isinstance(node.ctx, ast.Load) for node in context.flow.attributes(method)):
        return True
    return method in context.tree.last_words


def metrics_effect(plan: Plan) -> ast.AST | None:
    """The part of the model's ``get_metrics`` that visibly does more than read, or that replaces what a record has
    anyway.
    """
    if has_pure_metrics(plan):
        return None
    parts = [node for body in _visible_metrics(plan) for node in ast.walk(body)]
    return next((node for node in parts if _does_more(plan.context, node)), None)


def _visible_metrics(plan: Plan) -> list[ast.AST]:
    """The functions of this file that may be the model's ``get_metrics``."""
    context = plan.context
    found: list[ast.AST] = []
    for write in context.flow.attributes("get_metrics"):
        if isinstance(write.ctx, ast.Load):
            continue
        parent = context.tree.parent(write)
        if not isinstance(parent, ast.Assign) or not isinstance(parent.value, ast.Lambda):
            return []
        found.append(parent.value)
    if found:
        return found
    made = context.values.made_by(plan.arguments["model"])
    if not isinstance(made, ast.Call) or not isinstance(made.func, ast.Name):
        return []
    bindings = context.names.variable(made.func).bindings
    node = bindings[0].node if len(bindings) == 1 else None
    if not isinstance(node, ast.ClassDef):
        return []
    return [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "get_metrics"]


_READING = {
    *("abs", "all", "any", "bool", "dict", "float", "get_metrics", "int", "item", "keys", "len", "list", "max", "mean"),
    *("min", "norm", "numel", "parameters", "range", "round", "std", "sum", "super", "tolist", "tuple", "values"),
    *("var", "zip"),
}
"""Calls that only read."""


def _does_more(context: Context, node: ast.AST) -> bool:
    """Whether a part of ``get_metrics`` calls what is not known only to read, sets an attribute, or names a key that
    every record has.
    """
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name not in _READING or (context.names.path(node.func) or "").startswith(("random.", "numpy.random."))
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value in RECORD_KEYS
    return isinstance(node, (ast.Global, ast.Nonlocal, ast.Yield, ast.Await))
