"""``loop.model``, ``loop.optimizer``, ``loop.criterion`` stay: Trainer has them too.

They are read under the same names. The optimizer and the criterion may be set as well: both classes look at them at
each step.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import unsupported_attribute

CODE = "ANN109"
ATTRIBUTES = ("model", "optimizer", "criterion")
VALID = ("other.model\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(loader, num_epochs=2)
loop.model.eval()
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
loop.model.eval()
""",
    ),
)


def plan_use(use: Use, plan: Plan) -> None:
    """Nothing is edited: the attribute is the same object in both classes."""
    writable = use.attribute.attr != "model" and isinstance(use.attribute.ctx, ast.Store)
    if not (isinstance(use.attribute.ctx, ast.Load) or writable):
        raise unsupported_attribute.decline(use)
