"""``loop.metrics_history`` becomes ``legacy_history(trainer)``.

The list of legacy records of this object: the same list each time, growing with each epoch.
(``Trainer.metrics_history`` holds one call's rows.)
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import unsupported_attribute

CODE = "ANN108"
ATTRIBUTES = ("metrics_history",)
VALID = ("other.metrics_history\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(loader, num_epochs=2)
print(loop.metrics_history[0]["active_node_ratio"])
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
loop.fit(loader, num_epochs=2)
print(legacy_history(loop)[0]["active_node_ratio"])
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.train(loader, num_epochs=2)
for row in loop.metrics_history:
    print(row["epoch"], row["train_loss"])
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
loop.fit(train_loader=loader, num_epochs=2)
for row in loop.metrics_history:
    print(row["epoch"], row["train_loss"])
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one read of ``metrics_history``."""
    if not isinstance(use.attribute.ctx, ast.Load):
        raise unsupported_attribute.decline(use)
    plan.wording.plan_history(use, plan)
