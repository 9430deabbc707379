"""``loop.load_checkpoint(path)`` becomes ``legacy_load_checkpoint(trainer, path)``.

The legacy method reads the legacy format, restores model, optimizer and history and returns the epoch; it arms no
resume.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

CODE = "ANN106"
ATTRIBUTES = ("load_checkpoint",)
VALID = ("model.load_checkpoint(p)\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
start = loop.load_checkpoint("checkpoints/checkpoint_epoch_4.pt")
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_load_checkpoint
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
start = legacy_load_checkpoint(loop, "checkpoints/checkpoint_epoch_4.pt")
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.load_checkpoint("checkpoint_of_last_week.pt")
print(loop.evaluate(loader)["val_loss"])
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
loop.load_checkpoint("checkpoint_of_last_week.pt")
print(loop.evaluate(loader)["val_loss"])
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``load_checkpoint`` call."""
    plan.wording.plan_method(use, plan)
