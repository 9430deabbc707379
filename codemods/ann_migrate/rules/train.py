"""``loop.train(...)`` becomes ``trainer.fit(...)``.

``train(train_loader, test_loader=None, num_epochs=None)`` and ``fit(train_loader, num_epochs, val_loader=None)`` take
their arguments in different orders, so they are named. A number of epochs that is left out, None or 0 means the
config's, read at this moment. What ``train`` returns is the list of legacy records; where somebody may read what
``fit``'s rows lack (percent, times, the model's metrics, records of earlier calls), the bridge's ``legacy_history``
gives that list. Where ``*`` or ``**`` hides which argument is which, ``legacy_train`` takes them as ``train`` did.

Before::

    metrics = loop.train(train_loader, test_loader, num_epochs=10)

After::

    metrics = loop.fit(train_loader, num_epochs=10, val_loader=test_loader)
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ann_migrate.facts.arguments import Arguments
from ann_migrate.facts.values import is_plain
from ann_migrate.flow.flow import Use
from ann_migrate.legacy_api import METHODS
from ann_migrate.rewriting.calls import New, rename_method
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import bound_method, order_of_evaluation, star_arguments

CODE = "ANN102"
ATTRIBUTES = ("train",)
VALID = (
    "model.train()\n",
    "loop.train(loader)\n",
)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop


class Runner:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)

    def fit(self, *loaders, **options):
        return self.loop.train(*loaders, **options)
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_train
import torch.nn as nn
import torch.optim as optim


class Runner:
    def __init__(self, model, config):
        optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
        criterion = nn.CrossEntropyLoss()
        self.loop = Trainer(
            model,
            optimizer,
            criterion,
            device=config.device,
            max_grad_norm=1.0,
            batch_transform=flatten_images,
            callbacks=legacy_callbacks(config),
        )

    def fit(self, *loaders, **options):
        return legacy_train(self.loop, *loaders, **options)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
metrics = loop.train(train_loader, test_loader, num_epochs=10)
print(metrics[-1]["val_accuracy"])
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_history
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
metrics = legacy_history(loop.fit(train_loader, num_epochs=10, val_loader=test_loader))
print(metrics[-1]["val_accuracy"])
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(train_loader, None, epochs)
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
loop.fit(train_loader, num_epochs=epochs or config.num_epochs)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(test_loader=test(), train_loader=train(), num_epochs=0)
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
loop.fit(val_loader=test(), train_loader=train(), num_epochs=config.num_epochs)
""",
    ),
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(
    train_loader,  # shuffled
    test_loader,
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
    model,
    optimizer,
    criterion,
    device=config.device,
    max_grad_norm=1.0,
    batch_transform=flatten_images,
    callbacks=legacy_callbacks(config),
)
loop.fit(
    train_loader,  # shuffled
    val_loader=test_loader,
    num_epochs=config.num_epochs,
)
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
metrics = loop.train(train_loader, test_loader, num_epochs=10)
accuracy = metrics[-1]["val_accuracy"]
print(f"{accuracy:.2f}%", accuracy > 90.0)
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
metrics = loop.fit(train_loader=train_loader, num_epochs=10, val_loader=test_loader)
accuracy = metrics[-1]["val_accuracy"]
print(f"{accuracy:.2%}", accuracy > 0.9)
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``train`` call."""
    if use.call is None:
        raise bound_method.decline(use)
    call = use.call
    if star_arguments.has_any(call):
        plan.wording.plan_starred_train(call, plan)
        return
    arguments = Arguments(call, METHODS["train"])
    if _needs_config(plan, arguments) and plan.config_in_reach(call) is None:
        plan.wording.plan_train_by_config(use, plan)
        return
    named = plan.wording.names_arguments
    new: dict[str, New] = {}
    for number, name in enumerate(arguments.order):
        if name == "train_loader":
            new[name] = New(number, "train_loader" if named or number or arguments.is_keyword(name) else None)
        elif name == "test_loader":
            if arguments.given(name) is not None or _has_comment(plan, call):
                new[name] = New(number, "val_loader")
        else:
            new[name] = New(number, "num_epochs", _epochs(plan, arguments, call))
    if "num_epochs" not in new:
        new["num_epochs"] = New(None, "num_epochs", f"{plan.config_at(call)}.num_epochs")
        plan.note("trains for config.num_epochs epochs, read at this call")
    order = list(new)
    if all(is_plain(arguments[name]) for name in arguments.order) and not _has_comment(plan, call):
        order = [name for name in ("train_loader", "num_epochs", "test_loader") if name in new]
    wrapper = plan.wording.around_fit(plan, call)
    plan.edit(call, _transform([new[name] for name in order], wrapper))


def _needs_config(plan: Plan, arguments: Arguments) -> bool:
    """Whether the number of epochs may be the config's."""
    if "num_epochs" not in arguments:
        return True
    value = arguments["num_epochs"]
    known = isinstance(value, ast.Constant) and bool(value.value)
    return not known and not plan.context.values.is_nonzero_int(value)


def _transform(arguments: list[New], wrapper: str | None) -> Callable[[str], str]:
    def transform(text: str) -> str:
        fit = rename_method(text, "train", "fit", arguments)
        return f"{wrapper}({fit})" if wrapper else fit

    return transform


def _has_comment(plan: Plan, call: ast.Call) -> bool:
    return "#" in plan.context.source.node_text(call)


def _epochs(plan: Plan, arguments: Arguments, call: ast.Call) -> str:
    """The template for the number of epochs: itself where it is surely not 0, else ``n or config.num_epochs``."""
    value = arguments["num_epochs"]
    if plan.context.values.is_nonzero_int(value):
        return "{}"
    if isinstance(value, ast.Constant) and not value.value:
        plan.note("trains for config.num_epochs epochs, read at this call")
        return f"{plan.config_at(call)}.num_epochs"
    if isinstance(value, ast.Constant):
        return "{}"
    config = f"{plan.config_at(call)}.num_epochs"
    for name in arguments.order[arguments.number("num_epochs") + 1 :]:
        if _may_set_epochs(plan, arguments[name], config.partition(".")[0]):
            raise order_of_evaluation.decline(value, "the number of epochs is followed by an argument that")
    if plan.context.source.node_text(value) == config:
        return "{}"
    plan.note("0 or None epochs still mean config.num_epochs")
    loose = isinstance(value, (ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom))
    return f"({{}}) or {config}" if loose else f"{{}} or {config}"


def _may_set_epochs(plan: Plan, argument: ast.expr, config: str) -> bool:
    """Whether evaluating an argument may visibly change ``config.num_epochs``, which the legacy loop reads after all
    of them.

    It is handed the config, or it calls something and some code of the file sets an attribute of that name.
    """
    if is_plain(argument):
        return False
    if any(not isinstance(node.ctx, ast.Load) for node in plan.context.flow.attributes("num_epochs")):
        return True
    return any(isinstance(part, ast.Name) and part.id == config for part in ast.walk(argument))
