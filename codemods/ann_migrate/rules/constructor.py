"""``TrainingLoop(model, config)`` becomes an optimizer, a criterion and a ``Trainer``.

The legacy constructor makes Adam with the config's learning rate and a cross entropy loss, unless given; the loop
clips gradients to a norm of 1.0, moves batches to ``config.device``, flattens 4-D batches, and writes files and
prints as the config says. The new call names each of these.

Before::

    trainer = TrainingLoop(model, config)

After::

    optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
    criterion = nn.CrossEntropyLoss()
    trainer = Trainer(
        model,
        optimizer,
        criterion,
        device=config.device,
        max_grad_norm=1.0,
        batch_transform=flatten_images,
        callbacks=legacy_callbacks(config),
    )

``batch_transform`` is left out where the model is visibly an ``AdaptiveModel`` (which flattens by itself). Where a
visible literal config turns the files off, and nobody needs the legacy records, ``LoggingCallback`` takes the place
of ``legacy_callbacks``. Where no statement can be put before the call, optimizer and criterion are made inside it;
where model or config are not plain names either, ``legacy_trainer(model, config)`` evaluates each once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ann_migrate.calls import Call, New, Piece, Pieces, Place, lay_out, parse_call, pieces_of, rename_function
from ann_migrate.legacy_api import ADAPTIVE_CONFIG, ADAPTIVE_MODEL, LOGGING_CALLBACK, TRAINER
from ann_migrate.plan import Plan
from ann_migrate.rules import comment_lost, device_changed, order_of_evaluation
from ann_migrate.source import Span, comments
from ann_migrate.tree import dotted
from ann_migrate.values import is_plain

CODE = "ANN101"
VALID = ("class TrainingLoop: ...\nTrainingLoop(model, config)\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks
import torch.nn as nn
import torch.optim as optim

optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
criterion = nn.CrossEntropyLoss()
loop = Trainer(
    model,
    optimizer,
    criterion,
    device=config.device,
    max_grad_norm=1.0,
    batch_transform=flatten_images,
    callbacks=legacy_callbacks(config),
)
""",
    ),
    (
        """\
from torch import nn, optim
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config, optim.SGD(model.parameters(), lr=0.1), nn.NLLLoss())
""",
        """\
from torch import nn, optim
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks

loop = Trainer(
    model,
    optim.SGD(model.parameters(), lr=0.1),
    nn.NLLLoss(),
    device=config.device,
    max_grad_norm=1.0,
    batch_transform=flatten_images,
    callbacks=legacy_callbacks(config),
)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

config = AdaptiveConfig(save_checkpoint=False, metrics_file=None)
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
loop.train(loader, num_epochs=3)
""",
        """\
from adaptiveneuralnetwork.training import LoggingCallback, Trainer
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
import torch.nn as nn
import torch.optim as optim

config = AdaptiveConfig(save_checkpoint=False, metrics_file=None)
model = AdaptiveModel(config)
optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
criterion = nn.CrossEntropyLoss()
loop = Trainer(
    model,
    optimizer,
    criterion,
    device=config.device,
    max_grad_norm=1.0,
    callbacks=[LoggingCallback(log_interval=config.log_interval)],
)
loop.fit(loader, num_epochs=3)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop
from adaptiveneuralnetwork.api import AdaptiveModel


def run(config, optimizer, loader):
    loop = TrainingLoop(AdaptiveModel(config), config, optimizer=optimizer)
    loop.train(loader)
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from adaptiveneuralnetwork.api import AdaptiveModel
from ann_compat import legacy_callbacks
import torch.nn as nn
import torch.optim as optim


def run(config, optimizer, loader):
    model = AdaptiveModel(config)
    criterion = nn.CrossEntropyLoss()
    loop = Trainer(
        model,
        optimizer or optim.Adam(model.parameters(), lr=config.learning_rate),
        criterion,
        device=config.device,
        max_grad_norm=1.0,
        callbacks=legacy_callbacks(config),
    )
    loop.fit(loader, num_epochs=config.num_epochs)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

if fast: loop = TrainingLoop(build(), config)
""",
        """\
from ann_compat import legacy_trainer

if fast: loop = legacy_trainer(build(), config)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

run = lambda: TrainingLoop(build(), load()).train(loader)
""",
        """\
from ann_compat import legacy_history, legacy_trainer

run = lambda: legacy_history(legacy_trainer(build(), config := load()).fit(loader, num_epochs=config.num_epochs))
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(
    model,  # the model
    # as read from the file
    config,
)
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks
import torch.nn as nn
import torch.optim as optim

optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
criterion = nn.CrossEntropyLoss()
loop = Trainer(
    model,  # the model
    optimizer,
    criterion,
    # as read from the file
    device=config.device,
    max_grad_norm=1.0,
    batch_transform=flatten_images,
    callbacks=legacy_callbacks(config),
)
""",
    ),
)

_STEPS = ("optimizer", "criterion")


def plan_constructor(plan: Plan) -> None:
    """Plan the edit of the constructor, once the plans of all uses are known."""
    for argument in ast.walk(plan.constructor):
        if isinstance(argument, ast.NamedExpr):
            raise order_of_evaluation.decline(argument, "an argument binds a name, so it")
    _check_device(plan)
    arguments = plan.arguments
    effects = [name for name in arguments.order if not is_plain(arguments[name])]
    # Model and config are needed more than once: anything else than a plain name is evaluated into one first.
    hoist = any(name in effects for name in ("model", "config"))
    if plan.held_in_call or (hoist and not (plan.insertable() and _is_quiet(plan, effects))):
        _plan_legacy_trainer(plan)
        return
    text = {name: _text(plan, arguments[name]) for name in arguments.order}
    lines: list[str] = []
    kept: list[str] = []
    if hoist:
        for name in effects:
            temporary = _temporary(plan, name)
            lines += [*_comments_of(plan, name), f"{temporary} = {_standalone(text[name])}"]
            text[name] = temporary
        kept = effects
    if plan.held_config is not None and text["config"] != plan.held_config:
        lines.append(f"{plan.held_config} = {text['config']}")
    steps = _steps(plan, text, lines, in_statement=plan.is_assigned() and plan.insertable())
    tail = {"device": f"device={text['config']}.device", "max_grad_norm": "max_grad_norm=1.0"}
    if not _is_adaptive(plan, arguments["model"]):
        tail["batch_transform"] = f"batch_transform={plan.symbol('ann_compat.flatten_images')}"
        plan.note("flattens 4-D batches (batch_transform)")
    tail["callbacks"] = f"callbacks={_callbacks(plan, text['config'])}"
    plan.note("clips gradients to a norm of 1.0 (max_grad_norm)")
    plan.note("computes on config.device")
    trainer = plan.symbol(TRAINER)
    plan.verdict = (CODE, "TrainingLoop becomes Trainer")
    plan.before_statement(lines)
    plan.edit(plan.constructor, _transform(plan, trainer, text, steps, tail, kept))


# -- optimizer and criterion ------------------------------------------------------------------------------------------


def _steps(plan: Plan, text: dict[str, str], lines: list[str], *, in_statement: bool) -> list[tuple[str, str]]:
    """The arguments for optimizer and criterion, in the order in which they must be evaluated; defaults may go
    before.
    """
    arguments, values = plan.arguments, plan.context.values
    model, config = text["model"], text["config"]
    made = {
        "optimizer": lambda: f"{plan.symbol('torch.optim.Adam')}({model}.parameters(), lr={config}.learning_rate)",
        "criterion": lambda: f"{plan.symbol('torch.nn.CrossEntropyLoss')}()",
    }
    later: list[str] = []
    result: dict[str, str] = {}
    for name in _STEPS:
        given = arguments.given(name)
        if given is None:
            later.append(name)
        elif values.is_true(given):
            result[name] = text[name]
        else:
            loose = isinstance(given, (ast.IfExp, ast.Lambda, ast.Yield, ast.YieldFrom)) and text[name] not in (
                "optimizer",
                "criterion",
            )
            result[name] = f"{'(' if loose else ''}{text[name]}{')' if loose else ''} or {made[name]()}"
            plan.note(f"a false {name} still means the legacy default")
    # An explicit argument with effects of its own is evaluated before the default of the other, as the legacy loop did.
    pending = any(_has_effect(plan, name) and text[name] == _text(plan, arguments[name]) for name in result)
    for name in later:
        if in_statement and not pending and _name_is_free(plan, name):
            lines.append(f"{name} = {made[name]()}")
            result[name] = name
        else:
            result[name] = made[name]()
    if pending and len(result) > 1 and later:
        given_first = [name for name in arguments.order if name in result and name not in later]
        return [(name, result[name]) for name in [*given_first, *later]]
    explicit = [name for name in arguments.order if name in _STEPS and name in result and name not in later]
    if explicit == ["criterion", "optimizer"] and pending:
        return [(name, result[name]) for name in explicit]
    return [(name, result[name]) for name in _STEPS]


def _has_effect(plan: Plan, name: str) -> bool:
    """Whether evaluating an explicit argument may be seen by what follows (constructors of torch's own do not
    count).
    """
    value = plan.arguments[name]
    if is_plain(value) or isinstance(value, ast.Lambda):
        return False
    path = plan.context.names.path(value.func) if isinstance(value, ast.Call) else None
    return not (path or "").startswith(("torch.optim.", "torch.nn."))


def _name_is_free(plan: Plan, name: str) -> bool:
    taken = plan.context.temporaries.setdefault(plan.scope, set())
    if name in taken or plan.context.imports.is_free(name, plan.scope):
        taken.add(name)
        return True
    return False


# -- arguments that are evaluated first -------------------------------------------------------------------------------


def _temporary(plan: Plan, name: str) -> str:
    if name == "config" and plan.held_config is not None:
        return plan.held_config
    free = next((item for item in plan.names_for(name) if _name_is_free(plan, item)), None)
    if free is None:
        raise order_of_evaluation.decline(plan.arguments[name])
    return free


def _is_quiet(plan: Plan, effects: list[str]) -> bool:
    """Whether the arguments can be taken out as text: no other site inside them."""
    sites = {use.node for use in plan.context.sites}
    return not any(node in sites for name in effects for node in ast.walk(plan.arguments[name]))


def _standalone(text: str) -> str:
    """An expression as the value of a statement: in brackets if it runs over lines that its own brackets do not
    join.
    """
    try:
        ast.parse(f"x = {text}")
    except SyntaxError:
        return f"({text})"
    return text


def _comments_of(plan: Plan, name: str) -> list[str]:
    pieces = pieces_of(parse_call(plan.context.source.node_text(plan.constructor)))
    piece = pieces.arguments[plan.arguments.number(name)]
    return [*piece.leading, *piece.trailing]


def _text(plan: Plan, node: ast.expr) -> str:
    call = parse_call(plan.context.source.node_text(plan.constructor))
    for name in plan.arguments.order:
        if plan.arguments[name] is node:
            return call.arguments[plan.arguments.number(name)].value
    raise AssertionError("not an argument of the constructor")


def _plan_legacy_trainer(plan: Plan) -> None:
    """``legacy_trainer(model, config)``: takes the same arguments and evaluates each once, for places without
    statements.
    """
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
    plan.verdict = (CODE, "TrainingLoop becomes legacy_trainer")
    plan.note("legacy_trainer makes optimizer, criterion, clipping, device and callbacks as the legacy loop did")


# -- device, model, callbacks -----------------------------------------------------------------------------------------


def _check_device(plan: Plan) -> None:
    """Raise Decline if the file sets the config's device where it may run after the Trainer was made and before its
    last use.
    """
    context = plan.context
    parts = dotted(plan.arguments["config"])
    if parts is None or not plan.found.holders:
        return
    for node in context.flow.attributes("device"):
        if isinstance(node.ctx, ast.Load) or dotted(node.value) != parts:
            continue
        statement = context.tree.statement(node)
        if context.tree.path_after(statement, plan.constructor) is None and not _is_over(plan, node):
            raise device_changed.decline(node)
    for call in ast.walk(context.tree.module):
        sets = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "setattr"
        if not (isinstance(call, ast.Call) and sets and call.args and dotted(call.args[0]) == parts):
            continue
        if context.tree.path_after(context.tree.statement(call), plan.constructor) is None:
            raise device_changed.decline(call)


def _is_over(plan: Plan, node: ast.AST) -> bool:
    """Whether a write stands behind every use of the object, in the same function and not in a loop."""
    tree = plan.context.tree
    if tree.inside_loop(node) or tree.function(node) is not tree.function(plan.constructor):
        return False
    line = getattr(node, "lineno", 0)
    return all(
        tree.function(use.attribute) is tree.function(node) and use.attribute.lineno < line for use in plan.found.uses
    )


def _is_adaptive(plan: Plan, model: ast.expr) -> bool:
    return plan.context.values.is_made_by(model, ADAPTIVE_MODEL) is not None


def _callbacks(plan: Plan, config: str) -> str:
    arguments = plan.arguments
    if not plan.records_needed and _is_adaptive(plan, arguments["model"]) and _files_are_off(plan, arguments["config"]):
        plan.note("the config writes no files: LoggingCallback prints")
        return f"[{plan.symbol(LOGGING_CALLBACK)}(log_interval={config}.log_interval)]"
    plan.note("writes files and prints as the config says (legacy_callbacks)")
    return f"{plan.symbol('ann_compat.legacy_callbacks')}({config})"


def _files_are_off(plan: Plan, config: ast.expr) -> bool:
    """Whether the config visibly writes nothing: a literal of this file that nobody else can have changed."""
    context = plan.context
    made = context.values.is_made_by(config, ADAPTIVE_CONFIG)
    if made is None or any(keyword.arg is None for keyword in made.keywords):
        return False
    off = {keyword.arg: keyword.value for keyword in made.keywords}
    for name in ("save_checkpoint", "metrics_file"):
        value = off.get(name)
        if not isinstance(value, ast.Constant) or value.value:
            return False
    if made is config:
        return True
    return isinstance(config, ast.Name) and all(
        _is_harmless_read(plan, read) for read in context.names.variable(config).reads
    )


def _is_harmless_read(plan: Plan, read: ast.Name) -> bool:
    """Whether a use of the config's name cannot turn its files on or change its log interval."""
    context = plan.context
    parent = context.tree.parent(read)
    if isinstance(parent, ast.Attribute):
        return isinstance(parent.ctx, ast.Load) or parent.attr in ("num_epochs", "learning_rate", "batch_size")
    if isinstance(parent, ast.keyword):
        parent = context.tree.parent(parent)
    if isinstance(parent, ast.Call):
        return context.names.path(parent.func) == ADAPTIVE_MODEL or parent is plan.constructor
    return False


# -- the new call -----------------------------------------------------------------------------------------------------


def _transform(
    plan: Plan, trainer: str, text: dict[str, str], steps: list[tuple[str, str]], tail: dict[str, str], kept: list[str]
) -> Callable[[str], str]:
    positional = [name for name, _ in steps] == list(_STEPS)
    place = _place(plan)

    def transform(old: str) -> str:
        call: Call = parse_call(old)
        pieces = pieces_of(call)
        by_name = {name: pieces.arguments[plan.arguments.number(name)] for name in plan.arguments.order}
        new = Pieces(pieces.opening, [_piece(by_name, kept, "model", text["model"])], pieces.closing)
        for name, value in steps:
            new.arguments.append(_piece(by_name, kept, name, value if positional else f"{name}={value}"))
        for name, value in tail.items():
            new.arguments.append(_piece(by_name, kept, "config" if name == "device" else "", value))
        made = lay_out(trainer, new, place)
        moved = sum((comments("\n".join(_comments_of(plan, name))) for name in kept), comments(""))
        lost = comments(old) - comments(made) - moved
        if lost:
            raise comment_lost.decline(next(iter(lost)))
        return made

    return transform


def _piece(by_name: dict[str, Piece], kept: list[str], name: str, text: str) -> Piece:
    old = by_name.get(name)
    return Piece(text) if old is None or name in kept else Piece(text, old.leading, old.trailing)


def _place(plan: Plan) -> Place:
    source = plan.context.source
    span = source.span(plan.constructor)
    before = len(source.text(Span(source.line_start(span.start), span.start)))
    after = len(source.text(Span(span.end, source.line_end(span.end))).rstrip())
    return Place(source.indentation(span.start), source.indent_unit, source.newline_at(span.start), before + after)
