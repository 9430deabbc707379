"""``quick_train(...)`` becomes ``legacy_quick_train(...)``.

The bridge's function builds the model and a Trainer, trains as the legacy function did and returns the same dict,
with a Trainer under ``"trainer"``. So the dict must not leave the places that are seen here, and nobody may read that
key.
"""

from __future__ import annotations

import ast

from ann_migrate.facts.arguments import Arguments
from ann_migrate.flow.flow import LoopObject
from ann_migrate.flow.sites import NameUse
from ann_migrate.legacy_api import QUICK_TRAIN_SIGNATURE
from ann_migrate.project.reach import files_reaching
from ann_migrate.rewriting.plan import Context, Plan
from ann_migrate.rules import quick_train_result

CODE = "ANN111"
_KEY_READERS = frozenset({"len", "list", "set", "sorted", "tuple"})
_KEYS = frozenset({"model", "metrics_history", "final_metrics"})
VALID = ("def quick_train(): ...\nquick_train()\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import quick_train

result = quick_train(config, loader, num_epochs=2)
print(result["final_metrics"])
""",
        """\
from ann_compat import legacy_quick_train

result = legacy_quick_train(config, loader, num_epochs=2)
print(result["final_metrics"])
""",
    ),
)


def plan_call(context: Context, use: NameUse, call: ast.Call) -> Plan:
    """Plan the edit of one ``quick_train`` call.

    Raises:
        Decline: its dict goes where the Trainer in it may be read.
    """
    arguments = Arguments(call, QUICK_TRAIN_SIGNATURE)
    plan = Plan(context, use, LoopObject([call]), arguments)
    _check_result(context, call)
    plan.wording.plan_quick_train(plan)
    plan.verdict = (CODE, "quick_train becomes legacy_quick_train")
    return plan


def _check_result(context: Context, value: ast.expr) -> None:
    """Raise Decline unless the dict is only subscripted with other keys than ``"trainer"``."""
    parent = context.tree.parents[value]
    if isinstance(parent, ast.Expr) and parent not in context.tree.shown:
        return
    if isinstance(parent, ast.Subscript) and parent.value is value and isinstance(parent.ctx, ast.Load):  # noqa: SIM102
        if isinstance(parent.slice, ast.Constant) and parent.slice.value in _KEYS:
            return
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        variable = context.names.variable(parent.targets[0])
        exported = files_reaching(context.names, context.project, variable)
        if len(variable.bindings) == 1 and variable.scope.kind != "class" and not exported:
            for read in variable.reads:
                _check_result(context, read)
            return
    if not _reads_keys(context, value):
        raise quick_train_result.decline(value)


def _reads_keys(context: Context, value: ast.expr) -> bool:
    """``sorted(result)``, ``len(result)``, ``"model" in result``, ``result.keys()``, ``result.get("model")``."""
    parent = context.tree.parents[value]
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.args == [value]:
        return parent.func.id in _KEY_READERS and not context.names.variable(parent.func).bindings
    if isinstance(parent, ast.Compare) and value in parent.comparators:
        return all(isinstance(operator, (ast.In, ast.NotIn)) for operator in parent.ops)
    if isinstance(parent, ast.Attribute) and parent.attr == "get":
        call = context.tree.parent(parent)
        key = call.args[0] if isinstance(call, ast.Call) and call.func is parent and call.args else None
        return isinstance(key, ast.Constant) and key.value in _KEYS
    return isinstance(parent, ast.Attribute) and parent.attr == "keys"
