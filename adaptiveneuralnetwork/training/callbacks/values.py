"""What loggers read off a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def numbers(logs: Mapping[str, Any] | None, *, skip: tuple[str, ...] = ()) -> dict[str, float]:
    """The numbers in ``logs``, by name; reading them waits for the device.

    Example:
        >>> numbers({"epoch": 3, "train_loss": 0.5, "note": "a"}, skip=("epoch",))
        {'train_loss': 0.5}
    """
    values = ((name, logs[name]) for name in logs or () if name not in skip) if logs else ()
    return {name: value for name, value in values if isinstance(value, (int, float)) and not isinstance(value, bool)}


def learning_rates(optimizer: torch.optim.Optimizer) -> list[float]:
    """The learning rate of each parameter group."""
    return [float(group["lr"]) for group in optimizer.param_groups]
