"""Who reads the files that the legacy loop writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ann_migrate.legacy_api import MODEL_CHECKPOINT
from ann_migrate.rewriting.plan import Plan
from ann_migrate.text.tree import Tree

_CHECKPOINTS = "checkpoint_epoch_"
_DEFAULT_METRICS = "metrics.json"
_SETTINGS = ("metrics_file", "checkpoint_dir")


def find_reader(plan: Plan) -> ast.expr | None:
    """The first place of the file that seems to ask for the metrics file, for checkpoints by their names, or for where
    they lie.

    Checkpoints that the program itself saves by ``save_checkpoint(epoch)`` keep their names.
    """
    saves = any(use.attribute.attr == "save_checkpoint" for use in plan.found.uses)
    tree = plan.context.tree
    for name in _SETTINGS:
        for node in plan.context.flow.attributes(name):
            if isinstance(node.ctx, ast.Load) and _setting(tree, node) is None and not _is_new_code(plan, node):
                return node
    if (reader := _reader_of_path(plan)) is not None:
        return reader
    own = [use.attribute for use in plan.found.uses]
    if saves:  # another loop, or torch, would find a checkpoint of the trainer's
        for load in [*plan.context.flow.attributes("load_checkpoint"), *plan.context.flow.attributes("load")]:
            if load not in own and (load.attr != "load" or plan.context.names.path(load) == "torch.load"):
                return load
    constants = [node for node in tree.all_of(ast.Constant) if isinstance(node.value, str)]
    setting = {node: _setting(tree, node) for node in constants}
    set_to = [node for node in constants if setting[node] == "metrics_file" and _names_file(tree, node)]
    metrics = {_DEFAULT_METRICS, *map(_file_name, set_to)}
    for constant in constants:
        text = str(constant.value)
        if _is_new_code(plan, constant) or isinstance(tree.parents[constant], ast.Expr) or setting[constant]:
            continue
        if _CHECKPOINTS in text and not saves:
            return constant
        if _file_name(constant) in metrics:
            return constant
    return None


def _names_file(tree: Tree, node: ast.Constant) -> bool:
    """Whether a string in the value of ``metrics_file`` is the file's name, not a folder or a part of a name."""
    whole = isinstance(tree.parents[node], (ast.keyword, ast.Dict, ast.Assign))
    return whole or ("." in _file_name(node).strip(".") and not isinstance(tree.parents[node], ast.JoinedStr))


def _file_name(node: ast.Constant) -> str:
    return str(node.value).rpartition("/")[2]


def _is_new_code(plan: Plan, node: ast.expr) -> bool:
    """Whether a node stands where the new code of another object has it: it makes a ModelCheckpoint or names a file for
    ``save_checkpoint``.
    """
    for at in plan.context.tree.ancestors(node):
        if isinstance(at, ast.Call):
            name = at.func.attr if isinstance(at.func, ast.Attribute) else ""
            return name == "save_checkpoint" or plan.context.names.path(at.func) == MODEL_CHECKPOINT
    return False


def _setting(tree: Tree, node: ast.expr) -> str | None:
    """The setting that an expression is part of the value of: ``metrics_file=str(folder / "m.json")``,
    ``config.metrics_file = ...``, ``{"metrics_file": ...}``.
    """
    part: ast.AST = node
    for at in tree.ancestors(node):
        for name, value in _settings_at(at):
            if value is part:
                return name
        if isinstance(at, (ast.stmt, ast.Lambda)):
            break
        part = at
    return None


def _settings_at(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The settings of files that a node makes, with their values."""
    given: list[tuple[object, ast.expr]] = []
    if isinstance(node, ast.keyword):
        given = [(node.arg, node.value)]
    elif isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        given = list(zip(keys, node.values, strict=True))
    elif isinstance(node, ast.Assign):
        given = [(_last_name(target), node.value) for target in node.targets]
    yield from ((str(name), value) for name, value in given if name in _SETTINGS)


def _last_name(target: ast.expr) -> object:
    """``metrics_file`` of ``config.metrics_file`` and of ``settings["metrics_file"]``."""
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.slice.value if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) else None


def _reader_of_path(plan: Plan) -> ast.expr | None:
    """Who reads the very variable or attribute that names the metrics file: ``open(path)`` after
    ``metrics_file=str(path)``.
    """
    tree = plan.context.tree
    makers = [*tree.all_of(ast.keyword), *tree.all_of(ast.Dict), *tree.all_of(ast.Assign)]
    for maker in makers:
        for name, value in _settings_at(maker):
            path = value.args[0] if isinstance(value, ast.Call) and len(value.args) == 1 else value
            others: Sequence[ast.expr] = ()
            if name == "metrics_file" and isinstance(path, ast.Name):
                others = plan.context.names.variable(path).reads
            elif name == "metrics_file" and isinstance(path, ast.Attribute):
                same = ast.dump(path)
                others = [node for node in plan.context.flow.attributes(path.attr) if ast.dump(node) == same]
            for other in others:
                if other is not path and _setting(tree, other) is None and not _is_new_code(plan, other):
                    return other
    return None
