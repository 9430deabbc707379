"""``loop.save_metrics()`` becomes ``legacy_save_metrics(trainer)``.

Writes the records so far to ``config.metrics_file``, as the legacy method does.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

CODE = "ANN107"
ATTRIBUTES = ("save_metrics",)
VALID = ("model.save_metrics()\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
loop.save_metrics()
""",
        """\
from adaptiveneuralnetwork.training import Trainer
from ann_compat import flatten_images, legacy_callbacks, legacy_save_metrics
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
legacy_save_metrics(loop)
""",
    ),
)


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``save_metrics`` call."""
    plan.wording.plan_method(use, plan)
