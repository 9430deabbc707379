"""``loop.save_checkpoint(epoch)`` becomes ``legacy_save_checkpoint(trainer, epoch)``.

The legacy method takes an epoch and writes ``checkpoint_dir/checkpoint_epoch_{epoch}.pt`` with the config and the
history; ``Trainer.save_checkpoint`` takes a path and writes another format.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

CODE = "ANN105"
ATTRIBUTES = ("save_checkpoint",)
VALID = ("model.save_checkpoint(1)\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.save_checkpoint(epoch=3)
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_save_checkpoint
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
legacy_save_checkpoint(loop, 3)
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.save_checkpoint(epoch=3)
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
loop.save_checkpoint(f"{config.checkpoint_dir}/checkpoint_epoch_3.pt")
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``save_checkpoint`` call."""
    plan.wording.plan_method(use, plan)
