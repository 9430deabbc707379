"""The faithful style: numbers, records, files and console as they were, by the bridge where somebody may see them."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ann_migrate.facts.arguments import Arguments
from ann_migrate.facts.config_facts import files_are_off
from ann_migrate.facts.history import needs_legacy_history
from ann_migrate.facts.model_facts import flattens_itself, has_pure_metrics
from ann_migrate.flow.flow import Use
from ann_migrate.legacy_api import LOGGING_CALLBACK, METHODS
from ann_migrate.rewriting.calls import New, method_to_function, rename_function
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import bound_method, order_of_evaluation
from ann_migrate.wordings import Value

_BRIDGE = {
    "evaluate": ("legacy_evaluate", {"test_loader": "loader"}, "evaluates by the legacy rule: accuracy in percent"),
    "train_epoch": (
        "legacy_train_epoch",
        {"train_loader": "loader", "epoch": "epoch"},
        "trains one epoch by the legacy rule",
    ),
    "save_checkpoint": ("legacy_save_checkpoint", {"epoch": "epoch"}, "writes the legacy checkpoint file"),
    "load_checkpoint": ("legacy_load_checkpoint", {"path": "path"}, "reads the legacy checkpoint file"),
    "save_metrics": ("legacy_save_metrics", {}, "writes the legacy metrics file"),
}
"""For each method the bridge's function, the names of its parameters, and the note."""


class Faithful:
    """See :class:`~ann_migrate.wordings.Wording`."""

    names_arguments = False
    asks_for_config = True

    def callbacks(self, plan: Plan, config: str) -> list[tuple[str, Value]]:
        rest: list[tuple[str, Value]] = []
        if not flattens_itself(plan):
            rest.append(("batch_transform", plan.symbol("ann_compat.flatten_images")))
            plan.note("flattens 4-D batches (batch_transform)")
        if has_pure_metrics(plan) and not plan.records_needed and files_are_off(plan, plan.arguments["config"]):
            callbacks = f"[{plan.symbol(LOGGING_CALLBACK)}(log_interval={config}.log_interval)]"
            plan.note("the config writes no files: LoggingCallback prints")
            plan.drop("the words on the console are those of LoggingCallback")
        else:
            callbacks = f"{plan.symbol('ann_compat.legacy_callbacks')}({config})"
            plan.note("writes files and prints as the config says (legacy_callbacks)")
        return [*rest, ("callbacks", callbacks)]

    def plan_in_place(self, plan: Plan) -> None:
        """``legacy_trainer(model, config)``: takes the same arguments and evaluates each once."""
        held = plan.held_config
        if held is not None and not plan.held_in_call:
            raise order_of_evaluation.decline(plan.arguments["config"], "the config")
        name = plan.symbol("ann_compat.legacy_trainer")
        new = []
        for number, parameter in enumerate(plan.arguments.order):
            keyword = parameter if plan.arguments.is_keyword(parameter) else None
            template = "{}"
            if held is not None and parameter == "config":
                template = f"({held} := {{}})" if keyword else f"{held} := {{}}"
            new.append(New(number, keyword, template))
        plan.edit(plan.constructor, lambda text: rename_function(text, name, new))
        plan.note("legacy_trainer makes optimizer, criterion, clipping, device and callbacks as the legacy loop did")

    def around_fit(self, plan: Plan, call: ast.Call) -> str | None:
        if not needs_legacy_history(plan, call):
            return None
        plan.records_needed = True
        plan.note("returns the legacy records: accuracies in percent, times, the model's metrics")
        return plan.symbol("ann_compat.legacy_history", call)

    def plan_method(self, use: Use, plan: Plan) -> None:
        function, parameters, note = _BRIDGE[use.attribute.attr]
        _call_bridge(use, plan, function, parameters)
        plan.note(note)

    def plan_train_by_config(self, use: Use, plan: Plan) -> None:
        _call_bridge(use, plan, "legacy_train", {name: name for name in METHODS["train"].parameters})
        plan.note("trains for the config's number of epochs, which the bridge knows (legacy_train)")

    def plan_starred_train(self, call: ast.Call, plan: Plan) -> None:
        places = sorted(
            [(each, None) for each in call.args] + [(each.value, each.arg) for each in call.keywords], key=_at
        )
        new = [New(number, keyword) for number, (_, keyword) in enumerate(places)]
        plan.records_needed = True
        name = plan.symbol("ann_compat.legacy_train", call)
        plan.edit(call, lambda text: method_to_function(text, name, new))
        plan.note("takes its arguments as train did (legacy_train)")

    def plan_config(self, use: Use, plan: Plan) -> None:
        plan.records_needed = True
        name = plan.symbol("ann_compat.legacy_config", use.attribute)
        plan.edit(use.attribute, lambda old: f"{name}({old[: old.rindex('.')].rstrip()})")
        plan.note("the bridge knows which config each loop was made with (legacy_config)")

    def plan_history(self, use: Use, plan: Plan) -> None:
        plan.records_needed = True
        name = plan.symbol("ann_compat.legacy_history", use.attribute)
        plan.edit(use.attribute, lambda text: f"{name}({text[: text.rindex('.')].rstrip()})")
        plan.note("metrics_history is the bridge's list of legacy records")

    def plan_quick_train(self, plan: Plan) -> None:
        name = plan.symbol("ann_compat.legacy_quick_train")
        plan.edit(plan.constructor, lambda text: rename_function(text, name))
        plan.drop('the dict has a Trainer under "trainer", which nobody is seen to read')

    def finish(self, plan: Plan) -> None:
        """Nothing is left to say."""


def _call_bridge(use: Use, plan: Plan, function: str, parameters: Mapping[str, str]) -> None:
    """Plan ``loop.method(a, b)`` to ``function(loop, a, b)``; ``parameters`` maps legacy parameter names to the
    function's.

    Arguments that stand in the signature's order become positional, others are named: either way they are evaluated
    as before.
    """
    if use.call is None:
        raise bound_method.decline(use)
    signature = METHODS[use.attribute.attr]
    arguments = Arguments(use.call, signature)
    in_order = arguments.order == list(signature.parameters)[: len(arguments.order)]
    new = [New(number, None if in_order else parameters[name]) for number, name in enumerate(arguments.order)]
    plan.records_needed = True
    name = plan.symbol(f"ann_compat.{function}", use.call)
    plan.edit(use.call, lambda text: method_to_function(text, name, new))


def _at(argument: tuple[ast.expr, str | None]) -> tuple[int, int]:
    return argument[0].lineno, argument[0].col_offset
