"""``loop.train_epoch(loader, epoch)`` becomes ``legacy_train_epoch(trainer, loader, epoch)``.

Trainer has no public method for one epoch; the bridge runs one by the legacy rule and returns its two figures.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

CODE = "ANN104"
ATTRIBUTES = ("train_epoch",)
VALID = ("model.train_epoch(loader, 0)\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
for epoch in range(3):
    print(loop.train_epoch(loader, epoch))
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_train_epoch
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
for epoch in range(3):
    print(legacy_train_epoch(loop, loader, epoch))
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
for epoch in range(3):
    print(loop.train_epoch(loader, epoch)["train_loss"])
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
for epoch in range(3):
    print(loop.train_epoch(loader, epoch)["train_loss"])
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``train_epoch`` call."""
    plan.wording.plan_method(use, plan)
