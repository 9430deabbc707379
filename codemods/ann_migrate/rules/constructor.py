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
from collections import Counter

from ann_migrate.facts.config_facts import check_device_stays
from ann_migrate.facts.values import is_plain
from ann_migrate.legacy_api import TRAINER
from ann_migrate.rewriting.calls import Piece, Pieces, Place, lay_out, lay_out_list, parse_call, pieces_of
from ann_migrate.rewriting.plan import Plan, PlanFailed
from ann_migrate.rules import comment_lost, order_of_evaluation
from ann_migrate.text.source import Span, comments
from ann_migrate.wordings import Value

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
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
""",
        """\
from adaptiveneuralnetwork.training import LoggingCallback, ModelCheckpoint, Trainer, flatten_images
import torch.nn as nn
import torch.optim as optim

optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
criterion = nn.CrossEntropyLoss()
loop = Trainer(
    model=model,
    optimizer=optimizer,
    criterion=criterion,
    device=config.device,
    max_grad_norm=1.0,
    batch_transform=flatten_images,
    callbacks=[
        LoggingCallback(log_interval=config.log_interval),
        *(
            [ModelCheckpoint(config.checkpoint_dir, top_k=None, every_n_epochs=5)]
            if config.save_checkpoint
            else []
        ),
    ],
)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

config = AdaptiveConfig(num_epochs=10)
model = AdaptiveModel(config)
loop = TrainingLoop(model, config)
""",
        """\
from adaptiveneuralnetwork.training import LoggingCallback, ModelCheckpoint, Trainer
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
import torch.nn as nn
import torch.optim as optim

config = AdaptiveConfig(num_epochs=10)
model = AdaptiveModel(config)
optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
criterion = nn.CrossEntropyLoss()
loop = Trainer(
    model=model,
    optimizer=optimizer,
    criterion=criterion,
    device=config.device,
    max_grad_norm=1.0,
    callbacks=[
        LoggingCallback(log_interval=config.log_interval),
        ModelCheckpoint(config.checkpoint_dir, top_k=None, every_n_epochs=5),
    ],
)
""",
    ),
)
"""With ``--style guide``."""

_STEPS = ("optimizer", "criterion")


def plan_constructor(plan: Plan) -> None:
    """Plan the edit of the constructor, once the plans of all uses are known.

    Raises:
        Decline: the new call cannot do the same.
    """
    arguments = plan.arguments
    for node in ast.walk(plan.constructor):
        if isinstance(node, ast.NamedExpr):
            raise order_of_evaluation.decline(node, "an argument binds a name, so it")
    check_device_stays(plan)
    effects = [name for name in arguments.order if not is_plain(arguments[name])]
    # Model and config are needed more than once: anything else than a plain name is evaluated into one first.
    hoist = any(name in effects for name in ("model", "config"))
    hoisted = effects if hoist else []
    if plan.held_in_call or (hoist and not (plan.insertable() and not plan.edited_inside(effects))):
        plan.wording.plan_in_place(plan)
        plan.verdict = (CODE, "TrainingLoop becomes legacy_trainer")
        return
    others = plan.edited_inside(["model", "config"])
    if others:
        raise PlanFailed([plan.site, *others], order_of_evaluation.decline_dependent(plan.constructor))
    text = {name: _text(plan, name) for name in arguments.order}
    lines: list[str] = []
    for name in hoisted:
        temporary = _temporary(plan, name)
        lines += [*_comments_of(plan, name), f"{temporary} = {_standalone(text[name])}"]
        text[name] = temporary
    if plan.held_config is not None and text["config"] != plan.held_config:
        lines.append(f"{plan.held_config} = {text['config']}")
    new = _New(plan, text, hoisted)
    new.make_steps(lines, in_statement=plan.is_assigned() and plan.insertable())
    new.make_rest()
    plan.before_statement(lines)
    plan.edit(plan.constructor, new.transform)
    plan.note("clips gradients to a norm of 1.0 (max_grad_norm)")
    plan.note("computes on config.device")
    plan.verdict = (CODE, "TrainingLoop becomes Trainer")


class _New:
    """The new call: ``model``, then the ``steps`` (optimizer and criterion), then the ``rest`` as keywords."""

    def __init__(self, plan: Plan, text: dict[str, str], hoisted: list[str]) -> None:
        self.plan = plan
        self.text = text
        self.hoisted = hoisted
        self.steps: list[tuple[str, str]] = []
        self.rest: list[tuple[str, Value]] = []
        self.trainer = plan.symbol(TRAINER)

    def make_steps(self, lines: list[str], *, in_statement: bool) -> None:
        """Optimizer and criterion, in the order in which they must be evaluated, as templates of the old argument's
        text.

        Defaults go into ``lines`` (statements before) where that is possible.
        """
        plan, arguments = self.plan, self.plan.arguments
        given = [name for name in arguments.order if name in _STEPS and arguments.given(name) is not None]
        defaults = [name for name in _STEPS if name not in given]
        # An explicit argument with effects is evaluated before the default of the other, as the legacy loop did.
        in_order = any(name not in self.hoisted and _has_effect(plan, name) for name in given)
        made = {name: self._explicit(name) for name in given}
        for name in defaults:
            made[name] = self._default(name)
            if in_statement and not in_order and _name_is_free(plan, name):
                lines.append(f"{name} = {made[name]}")
                made[name] = name
        order = [*given, *defaults] if in_order else _STEPS
        self.steps = [(name, made[name]) for name in order]

    def _explicit(self, name: str) -> str:
        value = self.plan.arguments[name]
        template = self.text[name] if name in self.hoisted else "{}"
        if self.plan.context.values.is_true(value):
            return template
        self.plan.note(f"a false {name} still means the legacy default")
        loose = isinstance(value, (ast.IfExp, ast.Lambda, ast.Yield, ast.YieldFrom)) and name not in self.hoisted
        return f"{f'({template})' if loose else template} or {self._default(name)}"

    def _default(self, name: str) -> str:
        if name == "criterion":
            return f"{self.plan.symbol('torch.nn.CrossEntropyLoss')}()"
        adam = self.plan.symbol("torch.optim.Adam")
        return f"{adam}({self.text['model']}.parameters(), lr={self.text['config']}.learning_rate)"

    def make_rest(self) -> None:
        """Device, clipping, flattening and callbacks."""
        plan, config = self.plan, self.text["config"]
        self.rest = [("device", f"{config}.device"), ("max_grad_norm", "1.0"), *plan.wording.callbacks(plan, config)]

    def transform(self, old: str) -> str:
        """The new call's text for the old one's."""
        arguments = self.plan.arguments
        pieces = pieces_of(parse_call(old))
        by_name = {name: pieces.arguments[arguments.number(name)] for name in arguments.order}
        named = self.plan.wording.names_arguments
        positional = [name for name, _ in self.steps] == list(_STEPS) and not named
        model = self._piece(by_name, "model", ("model=" if named else "") + self.text["model"])
        new = Pieces(pieces.opening, [model], pieces.closing)
        for name, template in self.steps:
            step = template.replace("{}", by_name[name].text) if name in by_name else template
            new.arguments.append(self._piece(by_name, name, step if positional else f"{name}={step}"))
        place = _place(self.plan)
        for name, value in self.rest:
            shown = value if isinstance(value, str) else lay_out_list(value, place, used=len(name) + 2)
            new.arguments.append(self._piece(by_name, "config" if name == "device" else "", f"{name}={shown}"))
        made = lay_out(self.trainer, new, place)
        moved = Counter(comment for name in self.hoisted for comment in _comments_of(self.plan, name))
        lost = comments(old) - comments(made) - moved
        if lost:
            raise comment_lost.decline(next(iter(lost)))
        return made

    def _piece(self, by_name: dict[str, Piece], name: str, text: str) -> Piece:
        old = by_name.get(name)
        return Piece(text) if old is None or name in self.hoisted else Piece(text, old.leading, old.trailing)


def _has_effect(plan: Plan, name: str) -> bool:
    """Whether evaluating an explicit argument may be seen by what follows (torch's own constructors do not count)."""
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


def _standalone(text: str) -> str:
    """An expression as the value of a statement: in brackets if its own brackets do not join its lines."""
    try:
        ast.parse(f"x = {text}")
    except SyntaxError:
        return f"({text})"
    return text


def _text(plan: Plan, name: str) -> str:
    call = parse_call(plan.context.source.node_text(plan.constructor))
    return call.arguments[plan.arguments.number(name)].value


def _comments_of(plan: Plan, name: str) -> list[str]:
    pieces = pieces_of(parse_call(plan.context.source.node_text(plan.constructor)))
    piece = pieces.arguments[plan.arguments.number(name)]
    return [*piece.leading, *piece.trailing]


def _place(plan: Plan) -> Place:
    source = plan.context.source
    span = source.span(plan.constructor)
    before = len(source.text(Span(source.line_start(span.start), span.start)))
    after = len(source.text(Span(span.end, source.line_end(span.end))).rstrip())
    return Place(source.indentation(span.start), source.indent_unit, source.newline_at(span.start), before + after)
