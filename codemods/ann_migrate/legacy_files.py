"""Who reads the files that the legacy loop writes."""

from __future__ import annotations

import ast

from ann_migrate.legacy_api import MODEL_CHECKPOINT
from ann_migrate.plan import Plan

_CHECKPOINTS = "checkpoint_epoch_"
_DEFAULT_METRICS = "metrics.json"


def find_reader(plan: Plan) -> ast.expr | None:
    """The first place of the file that seems to ask for the metrics file, for checkpoints by their names, or for where
    they lie.

    Checkpoints that the program itself saves by ``save_checkpoint(epoch)`` keep their names.
    """
    saves = any(use.attribute.attr == "save_checkpoint" for use in plan.found.uses)
    for name in ("metrics_file", "checkpoint_dir"):
        for node in plan.context.flow.attributes(name):
            if isinstance(node.ctx, ast.Load) and not _is_new_code(plan, node):
                return node
    own = [use.attribute for use in plan.found.uses]
    if saves:  # another loop, or torch, would find a checkpoint of the trainer's
        for load in [*plan.context.flow.attributes("load_checkpoint"), *plan.context.flow.attributes("load")]:
            if load not in own and (load.attr != "load" or plan.context.names.path(load) == "torch.load"):
                return load
    tree = plan.context.tree
    constants = [node for node in tree.all_of(ast.Constant) if isinstance(node.value, str)]
    metrics = {_DEFAULT_METRICS, *(str(node.value) for node in constants if _sets_metrics_file(plan, node))}
    for constant in constants:
        text = str(constant.value)
        if _is_new_code(plan, constant) or isinstance(tree.parents[constant], ast.Expr):
            continue
        if _CHECKPOINTS in text and not saves:
            return constant
        if text.rpartition("/")[2] in metrics and not _sets_metrics_file(plan, constant):
            return constant
    return None


def _is_new_code(plan: Plan, node: ast.expr) -> bool:
    """Whether a node stands where the new code of another object has it: it makes a ModelCheckpoint or names a file for
    ``save_checkpoint``.
    """
    for at in plan.context.tree.ancestors(node):
        if isinstance(at, ast.Call):
            name = at.func.attr if isinstance(at.func, ast.Attribute) else ""
            return name == "save_checkpoint" or plan.context.names.path(at.func) == MODEL_CHECKPOINT
    return False


def _sets_metrics_file(plan: Plan, node: ast.Constant) -> bool:
    """``metrics_file="m.json"``, ``config.metrics_file = "m.json"``."""
    parent = plan.context.tree.parents[node]
    if isinstance(parent, ast.keyword):
        return parent.arg == "metrics_file"
    if isinstance(parent, ast.Dict):
        keys = [
            key.value
            for key, value in zip(parent.keys, parent.values, strict=True)
            if value is node and isinstance(key, ast.Constant)
        ]
        return keys == ["metrics_file"]
    return isinstance(parent, ast.Assign) and any(
        isinstance(target, ast.Attribute) and target.attr == "metrics_file" for target in parent.targets
    )
