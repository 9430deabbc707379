"""``loop.current_epoch`` stays: Trainer has it too.

Both classes set it when an epoch of ``train`` (``fit``) begins, so both tell the epoch that runs or ran last, 0 before
the first. Inside a ``train_epoch`` call they differ: the legacy loop leaves the number alone there, Trainer shows the
epoch that it was given. So a read that may run inside such a call is declined, and so is a write.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import unsupported_attribute

CODE = "ANN113"
ATTRIBUTES = ("current_epoch",)
VALID = ("other.current_epoch\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(loader, num_epochs=2)
print(loop.current_epoch + 1, "epochs")
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
loop.fit(loader, num_epochs=2)
print(loop.current_epoch + 1, "epochs")
""",
    ),
)


def plan_use(use: Use, plan: Plan) -> None:
    """Nothing is edited: the attribute is the same in both classes."""
    if not isinstance(use.attribute.ctx, ast.Load) or _may_run_inside_train_epoch(use, plan):
        raise unsupported_attribute.decline(use)


def _may_run_inside_train_epoch(use: Use, plan: Plan) -> bool:
    """Whether a read stands in code that a ``train_epoch`` call may run: the loader, the model, the criterion."""
    tree = plan.context.tree
    callers = [tree.function(other.attribute) for other in plan.found.uses if other.attribute.attr == "train_epoch"]
    if not callers:
        return False
    lazy = any(isinstance(node, ast.GeneratorExp) for node in tree.ancestors(use.attribute))
    return lazy or any(tree.function(use.attribute) is not caller for caller in callers)
