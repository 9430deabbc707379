"""Who reads what ``train`` returns: whether the bridge's legacy records are needed, or what ``fit`` returns will do.

``fit`` gives rows with ``epoch``, ``train_loss`` and ``val_loss`` as the legacy records have them. Accuracies are
fractions there, and the model's own metrics and times are missing; the legacy list also grows over several calls.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import is_exported
from ann_migrate.names.resolve import Variable
from ann_migrate.project.reach import files_reaching
from ann_migrate.rewriting.plan import Plan
from ann_migrate.text.tree import COMPREHENSIONS, FUNCTIONS

_SAME_KEYS = frozenset({"epoch", "train_loss", "val_loss"})


def needs_legacy_history(plan: Plan, call: ast.Call) -> bool:
    """Whether somebody may see a difference between the legacy records and the rows of ``fit``."""
    tree = plan.context.tree
    parent = tree.parents[call]
    if isinstance(parent, ast.Expr):
        return parent in tree.shown
    once = _runs_once(plan, call)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is call:
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        if len(targets) != 1 or not isinstance(targets[0], ast.Name):
            return True
        variable = plan.context.names.variable(targets[0])
        return not _only_same(plan, variable, once)
    return not (once and _reads_same(plan, call))


def _runs_once(plan: Plan, call: ast.Call) -> bool:
    """Whether this is the one call of ``train`` on the object, so that the list holds this call's records alone."""
    trains = [use for use in plan.found.uses if use.attribute.attr in ("train", "load_checkpoint", "metrics_history")]
    if len(trains) != 1 or len(plan.found.holders) > 1:
        return False
    tree = plan.context.tree
    if all(any(node is call for node in tree.ancestors(made)) for made in plan.found.constructors):
        return True
    if not plan.found.simple:
        return False
    if tree.function(call) is not tree.function(plan.constructor) or tree.path_after(plan.statement, call) is None:
        return False
    # Both in one loop body: a new object each time round. A loop between them: the same object trained again and again.
    return loop_of(plan, call) is loop_of(plan, plan.constructor)


def loop_of(plan: Plan, node: ast.AST) -> ast.AST | None:
    """The innermost loop, comprehension or function that runs ``node`` again and again."""
    child = node
    for at in plan.context.tree.ancestors(node):
        if isinstance(at, (ast.While, *FUNCTIONS)):
            return at
        if isinstance(at, (ast.For, ast.AsyncFor)) and at.iter is not child:
            return at
        if isinstance(at, COMPREHENSIONS) and not (child is at.generators[0] and _is_in(node, at.generators[0].iter)):
            return at
        child = at
    return None


def _is_in(node: ast.AST, whole: ast.AST) -> bool:
    return any(part is node for part in ast.walk(whole))


def _only_same(plan: Plan, variable: Variable, once: bool) -> bool:
    """Whether all that is done with a variable is the same for both lists."""
    if len(variable.bindings) != 1 and variable.reads:
        return False
    if variable.scope.kind == "class" or (variable.scope.kind == "module" and is_public(plan, variable)):
        return False
    if not variable.reads:
        return True
    return once and all(_reads_same(plan, read) for read in variable.reads)


def is_public(plan: Plan, variable: Variable) -> bool:
    """Whether other modules may read a variable of this one."""
    names = plan.context.names
    return is_exported(names, variable) or bool(files_reaching(names, plan.context.project, variable))


def _reads_same(plan: Plan, value: ast.expr) -> bool:
    """Whether one use of the list reads only what both lists have."""
    tree = plan.context.tree
    parent = tree.parents[value]
    if isinstance(parent, ast.Expr):
        return parent not in tree.shown
    if (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.args == [value]
        and not parent.keywords
    ):
        builtin = not plan.context.names.variable(parent.func).bindings
        return builtin and parent.func.id in ("len", "bool")
    if isinstance(parent, ast.Subscript) and parent.value is value and isinstance(parent.ctx, ast.Load):
        is_slice = isinstance(parent.slice, ast.Slice)
        return _reads_same(plan, parent) if is_slice else _row_reads_same(plan, parent)
    if (
        isinstance(parent, (ast.For, ast.comprehension))
        and parent.iter is value
        and isinstance(parent.target, ast.Name)
    ):
        variable = plan.context.names.variable(parent.target)
        return len(variable.bindings) == 1 and all(_row_reads_same(plan, read) for read in variable.reads)
    return is_tested(plan, value)


def is_tested(plan: Plan, value: ast.expr) -> bool:
    """Whether only the truth of a value is asked: ``if h:``, ``not h``, ``assert h and ...``."""
    parent = plan.context.tree.parents[value]
    if isinstance(parent, (ast.If, ast.While, ast.Assert, ast.IfExp)):
        return parent.test is value
    if isinstance(parent, ast.BoolOp):
        return is_tested(plan, parent)
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _row_reads_same(plan: Plan, row: ast.expr) -> bool:
    """``row["train_loss"]``, ``row.get("val_loss")``: keys whose values are the same in both."""
    parent = plan.context.tree.parents[row]
    if isinstance(parent, ast.Subscript) and parent.value is row and isinstance(parent.ctx, ast.Load):
        return isinstance(parent.slice, ast.Constant) and parent.slice.value in _SAME_KEYS
    if isinstance(parent, ast.Attribute) and parent.attr == "get":
        call = plan.context.tree.parents[parent]
        if isinstance(call, ast.Call) and call.func is parent and call.args:
            return isinstance(call.args[0], ast.Constant) and call.args[0].value in _SAME_KEYS
    return False
