"""``loop.evaluate(loader)`` becomes ``legacy_evaluate(trainer, loader)``.

The legacy method returns ``val_loss`` and ``val_accuracy`` (percent) and leaves the model in evaluation mode;
``Trainer.evaluate`` reports a fraction under other conditions. The bridge evaluates by the legacy rule.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

CODE = "ANN103"
ATTRIBUTES = ("evaluate",)
VALID = ("model.evaluate(loader)\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
print(loop.evaluate(test_loader=loader)["val_accuracy"])
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_evaluate
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
print(legacy_evaluate(loop, loader)["val_accuracy"])
""",
    ),
)
GUIDE: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
print("%.1f%%" % loop.evaluate(test_loader=loader)["val_accuracy"])
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
print("{:.1%}".format(loop.evaluate(loader=loader)["val_accuracy"]))
""",
    ),
)
"""With ``--style guide``."""


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``evaluate`` call."""
    plan.wording.plan_method(use, plan)
