"""What can be said of a loop's config: whether its device stays, whether it visibly writes no files."""

from __future__ import annotations

import ast

from ann_migrate.legacy_api import ADAPTIVE_CONFIG, ADAPTIVE_MODEL, LEGACY_PATHS
from ann_migrate.project.reach import files_reaching
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import device_changed
from ann_migrate.text.tree import dotted

_HARMLESS_WRITES = frozenset({"num_epochs", "learning_rate", "batch_size", "seed"})


def check_device_stays(plan: Plan) -> None:
    """Refuse an object whose config visibly gets another device while the object lives.

    Any write to ``.device`` of something that goes by the config's last name (``config`` or ``self.config``), or of a
    name that the config is assigned to, counts; one that is over before the object is made, or that follows its last
    use, does not.

    Raises:
        Decline: there is such a write.
    """
    names = _names_of_config(plan)
    if not names and not plan.found.far:
        return
    if not plan.found.holders:
        return
    tree = plan.context.tree
    writes: list[ast.expr] = [
        node
        for node in plan.context.flow.attributes("device")
        if not isinstance(node.ctx, ast.Load) and _may_be_config(node.value, names, plan)
    ]
    writes += [
        node for node in tree.calls.get("setattr", []) if node.args and _may_be_config(node.args[0], names, plan)
    ]
    for write in writes:
        if tree.path_after(tree.statement(write), plan.constructor) is None and not _follows_all_uses(plan, write):
            raise device_changed.decline(write)


def files_are_off(plan: Plan, config: ast.expr) -> bool:
    """Whether the config visibly writes nothing: made by a literal call of this file, and nobody else can have
    changed it.
    """
    given = visible_fields(plan, config)
    if given is None or not takes_log_interval(plan, given):
        return False
    values = [given.get(name) for name in ("save_checkpoint", "metrics_file")]
    return all(isinstance(value, ast.Constant) and not value.value for value in values)


def visible_fields(plan: Plan, config: ast.expr) -> dict[str, ast.expr] | None:
    """What a config that is made by a literal call of this file gives its fields, if nobody else can have changed them
    (but for a few that are of no matter for files); the others have their defaults. Else None.
    """
    context = plan.context
    made = context.values.is_made_by(config, ADAPTIVE_CONFIG)
    if made is None or made.args or any(keyword.arg is None for keyword in made.keywords):
        return None
    given = {keyword.arg: keyword.value for keyword in made.keywords if keyword.arg is not None}
    if made is config:
        return given
    if not isinstance(config, ast.Name):
        return None
    variable = context.names.variable(config)
    if files_reaching(context.names, context.project, variable):
        return None
    return given if all(_is_harmless(plan, read) for read in variable.reads) else None


def takes_log_interval(plan: Plan, given: dict[str, ast.expr]) -> bool:
    """Whether ``LoggingCallback`` takes the config's interval: whole numbers only; the legacy loop took any."""
    interval = given.get("log_interval")
    return interval is None or plan.context.values.is_nonzero_int(interval)


def _names_of_config(plan: Plan) -> set[str]:
    """The last parts of the names that the config goes by in this file."""
    config = plan.arguments["config"]
    parts = dotted(config)
    if parts is None:
        held = {plan.held_config.rpartition(".")[2]} if plan.held_config else set()
        return held | _names_given(config, plan)
    names = {parts[-1]}
    for node in plan.context.tree.assigned_chains.get(parts, []):
        names.update(last for target in node.targets if (last := _last_name(target)))
    return names


def _names_given(config: ast.expr, plan: Plan) -> set[str]:
    """The last parts of the names in an expression that makes the config: a call may give back what it was given."""
    if isinstance(config, ast.Call) and plan.context.names.path(config.func) == ADAPTIVE_CONFIG:
        return set()
    chains = (part for part in ast.walk(config) if isinstance(part, (ast.Name, ast.Attribute)))
    return {last for chain in chains if (last := _last_name(chain)) is not None}


def _may_be_config(node: ast.expr, names: set[str], plan: Plan) -> bool:
    """Whether an expression goes by a name of the config. Where the object passes through functions the config may do
    so too, under any name.
    """
    if plan.found.far:
        return not (isinstance(node, ast.Name) and node.id == "self")
    return _last_name(node) in names


def _last_name(node: ast.expr) -> str | None:
    parts = dotted(node)
    return parts[-1] if parts else None


def _follows_all_uses(plan: Plan, write: ast.expr) -> bool:
    """Whether a write stands behind every use of the object, in the same function and not in a loop."""
    tree = plan.context.tree
    if tree.inside_loop(write) or tree.function(write) is not tree.function(plan.constructor):
        return False
    uses = [use.attribute for use in plan.found.uses]
    return all(tree.function(use) is tree.function(write) and use.lineno < write.lineno for use in uses)


def _is_harmless(plan: Plan, read: ast.expr) -> bool:
    """Whether a use of the config's name cannot turn its files on or change its log interval."""
    context = plan.context
    parent = context.tree.parent(read)
    if isinstance(parent, ast.Attribute):
        return isinstance(parent.ctx, ast.Load) or parent.attr in _HARMLESS_WRITES
    if isinstance(parent, ast.keyword):
        parent = context.tree.parent(parent)
    if not isinstance(parent, ast.Call):
        return False
    path = context.names.path(parent.func)
    return path == ADAPTIVE_MODEL or path in LEGACY_PATHS
