"""``loop.config`` becomes the config itself.

Trainer keeps no config. Where the config that the loop was made with is still reachable under its own name, that name
takes the place.
"""

from __future__ import annotations

import ast

from ann_migrate.facts.values import is_plain
from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import config_out_of_reach, device_changed, unsupported_attribute

CODE = "ANN110"
ATTRIBUTES = ("config",)
VALID = ("other.config\n",)
INVALID: tuple[tuple[str, str], ...] = (
    (
        """\
from adaptiveneuralnetwork.training import TrainingLoop

loop = TrainingLoop(model, config)
print(loop.config.seed)
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
print(config.seed)
""",
    ),
)


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one read of ``config``."""
    if not isinstance(use.attribute.ctx, ast.Load):
        raise unsupported_attribute.decline(use)
    plain = is_plain(use.receiver)
    if not (plain or plan.wording.asks_for_config):
        raise config_out_of_reach.decline(use.attribute)
    parent = plan.context.tree.parent(use.attribute)
    if isinstance(parent, ast.Attribute) and parent.attr == "device" and not isinstance(parent.ctx, ast.Load):
        raise device_changed.decline(parent)
    text = plan.config_in_reach(use.attribute) if plain else None  # what is not plain must be evaluated all the same
    if text is not None:
        plan.edit(use.attribute, lambda _: text)
        return
    plan.wording.plan_config(use, plan)
