"""The guide style: the migration guide's own forms, without the bridge.

Kept is what the training numbers depend on: clipping, the device, flattening, the number of epochs, the optimizer and
the criterion. Everything else is left behind by a code of its own (:mod:`ann_migrate.rewriting.dropped`), and every
reader of a number that changes its unit is turned with it (:mod:`ann_migrate.readers`), or the object is declined.
"""

from __future__ import annotations

import ast
import re

from ann_migrate.facts.arguments import Arguments
from ann_migrate.facts.config_facts import takes_log_interval, visible_fields
from ann_migrate.facts.history import loop_of
from ann_migrate.facts.legacy_files import find_reader
from ann_migrate.facts.model_facts import flattens_itself, has_pure_metrics, metrics_effect
from ann_migrate.flow.flow import Use
from ann_migrate.legacy_api import FLATTEN_IMAGES, LOGGING_CALLBACK, METHODS, MODEL_CHECKPOINT
from ann_migrate.readers import Readers
from ann_migrate.rewriting import dropped
from ann_migrate.rewriting.calls import New, rename_method
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import (
    bound_method,
    guide_file_read,
    guide_model_metrics,
    guide_no_words,
    guide_resume,
    star_arguments,
)
from ann_migrate.text.tree import COMPREHENSIONS, LOOPS
from ann_migrate.wordings import Value

_FITS_F_STRING = re.compile(r"[\w.+\-* ()]+")


class Guide:
    """See :class:`~ann_migrate.wordings.Wording`."""

    names_arguments = True
    asks_for_config = False

    def __init__(self) -> None:
        self._readers = Readers()

    def callbacks(self, plan: Plan, config: str) -> list[tuple[str, Value]]:
        rest: list[tuple[str, Value]] = []
        if not flattens_itself(plan):
            rest.append(("batch_transform", plan.symbol(FLATTEN_IMAGES)))
            plan.note("flattens 4-D batches (batch_transform)")
        given = visible_fields(plan, plan.arguments["config"])
        plan.leave_behind(dropped.CONSOLE)
        interval = given is None or takes_log_interval(plan, given)
        arguments = f"log_interval={config}.log_interval" if interval else ""
        callbacks: list[str | tuple[str, ...]] = [
            f"{plan.symbol(LOGGING_CALLBACK)}({arguments})",
            *self._checkpoints(plan, config, given),
        ]
        if given is None or "metrics_file" not in given or not _is_false(given["metrics_file"]):
            plan.leave_behind(dropped.METRICS_FILE)
        return [*rest, ("callbacks", callbacks)]

    def _checkpoints(self, plan: Plan, config: str, given: dict[str, ast.expr] | None) -> list[str | tuple[str, ...]]:
        """What saves after each fifth epoch, if the config wants that; ``given`` is what it visibly says."""
        wanted = True if given is None else given.get("save_checkpoint")
        if isinstance(wanted, ast.Constant) and not wanted.value:
            return []
        plan.leave_behind(dropped.CHECKPOINT_FORMAT)
        made = f"{plan.symbol(MODEL_CHECKPOINT)}({config}.checkpoint_dir, top_k=None, every_n_epochs=5)"
        if given is not None and (wanted is None or isinstance(wanted, ast.Constant)):
            return [made]
        return [("*(", f"[{made}]", f"if {config}.save_checkpoint", "else []", ")")]

    def plan_in_place(self, plan: Plan) -> None:
        what = "a loop whose model or config is needed again where no statement can be put before it"
        raise guide_no_words.decline(what, plan.constructor, "give the model and the config names of their own first")

    def around_fit(self, plan: Plan, call: ast.Call) -> str | None:
        if _trained_again(plan, call):
            self._readers.add_last(call)
        else:
            self._readers.add_history(call)
            if not _surely_once(plan, call):
                plan.leave_behind(dropped.ACCUMULATION)
        return None

    def plan_method(self, use: Use, plan: Plan) -> None:
        call = use.call
        if call is None:
            raise bound_method.decline(use)
        name = use.attribute.attr
        arguments = Arguments(call, METHODS[name])
        if name == "save_metrics":
            advice = "write the rows that fit returns with json.dump"
            raise guide_no_words.decline("save_metrics()", use.attribute, advice)
        if name in ("evaluate", "train_epoch"):
            self._readers.add_record(call)
            if arguments.is_keyword("test_loader"):
                plan.edit(call, lambda text: rename_method(text, "evaluate", "evaluate", [New(0, "loader")]))
        elif name == "save_checkpoint":
            self._plan_save(call, arguments, plan)
        else:
            self._check_load(call, plan)

    def _plan_save(self, call: ast.Call, arguments: Arguments, plan: Plan) -> None:
        """``save_checkpoint(epoch)`` to ``save_checkpoint(path)``: the same folder and name."""
        epoch = arguments["epoch"]
        text = plan.context.source.node_text(epoch)
        if not _FITS_F_STRING.fullmatch(text) or "#" in plan.context.source.node_text(call):
            raise guide_no_words.decline("this epoch in the name of a checkpoint", epoch, "give it a name first")
        number = text if isinstance(epoch, ast.Constant) else f"{{{text}}}"
        path = f'f"{{{plan.config_at(call)}.checkpoint_dir}}/checkpoint_epoch_{number}.pt"'
        plan.edit(call, lambda old: rename_method(old, "save_checkpoint", "save_checkpoint", [New(0, None, path)]))
        plan.leave_behind(dropped.CHECKPOINT_FORMAT, call)

    def _check_load(self, call: ast.Call, plan: Plan) -> None:
        """``load_checkpoint(path)`` stays, where nobody asks for the epoch and nothing is trained afterwards."""
        if not isinstance(plan.context.tree.parents[call], ast.Expr):
            advice = "read it from the file's dict, which Trainer.load_checkpoint returns"
            raise guide_no_words.decline("the epoch that load_checkpoint returns", call, advice)
        tree = plan.context.tree
        for use in plan.found.uses:
            if use.attribute.attr == "train":
                together = tree.function(use.attribute) is tree.function(call) and not tree.inside_loop(call)
                if not together or use.attribute.lineno >= call.lineno:
                    raise guide_resume.decline(call)

    def plan_train_by_config(self, use: Use, plan: Plan) -> None:
        what = "the config's number of epochs where only the loop knows the config"
        raise guide_no_words.decline(what, use.attribute, "name the number of epochs in this call")

    def plan_starred_train(self, call: ast.Call, plan: Plan) -> None:
        star_arguments.check(call)

    def plan_config(self, use: Use, plan: Plan) -> None:
        what = "a config that only the loop knows"
        raise guide_no_words.decline(what, use.attribute, "hand the config on beside the loop")

    def plan_history(self, use: Use, plan: Plan) -> None:
        trains = [other.call for other in plan.found.uses if other.attribute.attr == "train" and other.call]
        loads = any(other.attribute.attr == "load_checkpoint" for other in plan.found.uses)
        again = loads or len(trains) > 1 or any(_trained_again(plan, call) for call in trains)
        tree = plan.context.tree
        kept = isinstance(tree.parents[use.attribute], (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.Return))
        after = len(trains) == 1 and tree.path_after(tree.statement(trains[0]), use.attribute) is not None
        if again or (kept and not after):
            self._readers.add_last(use.attribute)
        else:
            self._readers.add_history(use.attribute)
            if not all(_surely_once(plan, call) for call in trains):
                plan.leave_behind(dropped.ACCUMULATION)

    def plan_quick_train(self, plan: Plan) -> None:
        advice = "write the model, the optimizer and the Trainer out, as the guide does"
        raise guide_no_words.decline("quick_train(...)", plan.constructor, advice)

    def finish(self, plan: Plan) -> None:
        reader = find_reader(plan)
        if reader is not None:
            raise guide_file_read.decline(reader)
        for mate in plan.mates:
            effect = metrics_effect(mate)
            if effect is not None:
                raise guide_model_metrics.decline(effect)
            if not has_pure_metrics(mate):
                plan.leave_behind(dropped.MODEL_METRICS)
        self._readers.turn(plan)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _trained_again(plan: Plan, call: ast.Call) -> bool:
    """Whether the object is visibly trained more than once: by other calls too, or by this one in a loop."""
    uses = [use for use in plan.found.uses if use.attribute.attr in ("train", "load_checkpoint")]
    around = loop_of(plan, call)
    repeats = isinstance(around, (*LOOPS, ast.While, *COMPREHENSIONS))
    tree = plan.context.tree
    made_anew = all(any(at is around for at in tree.ancestors(made)) for made in plan.found.constructors)
    return len(uses) > 1 or (repeats and not made_anew and not _is_chained(plan, call))


def _surely_once(plan: Plan, call: ast.Call) -> bool:
    """Whether one object is trained by this call once: made anew each time that it runs."""
    tree = plan.context.tree
    together = plan.found.simple and tree.function(call) is tree.function(plan.constructor)
    return together or _is_chained(plan, call)


def _is_chained(plan: Plan, call: ast.Call) -> bool:
    """``TrainingLoop(model, config).train(loader)``."""
    return all(call in plan.context.tree.ancestors(made) for made in plan.found.constructors)
