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


class EpochRates:
    """The learning rates with which an epoch began, also when a continued run takes it up in its middle.

    Attributes:
        rates: One for each parameter group.
    """

    def __init__(self) -> None:
        self.rates: list[float] = []
        self._epoch = -1
        self._kept = False

    def begin(self, epoch: int, optimizer: torch.optim.Optimizer) -> None:
        """Note the rates, unless those of this epoch were kept in a checkpoint."""
        if not (self._kept and epoch == self._epoch):
            self.rates = learning_rates(optimizer)
        self._epoch, self._kept = epoch, False

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "rates": list(self.rates)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._epoch, self.rates, self._kept = state["epoch"], list(state["rates"]), True
