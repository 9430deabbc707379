"""From a loss to an optimizer step: accumulation windows, gradient scaling, clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.precision import Precision


class Stepping:
    """Take losses, and step the optimizer once for each window of ``accumulation_steps`` of them.

    The gradient of a window is that of one batch with all its samples: each loss (a mean over its batch) is weighted by
    its number of samples, and a window that ends early, or whose batches differ in size, is rescaled before the step.
    So the last, shorter window of an epoch counts its samples as every other window does.

    Args:
        max_grad_norm: Clip the total norm of the gradients of ``model.parameters()`` to this; ``None`` does not clip.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        precision: Precision,
        accumulation_steps: int,
        max_grad_norm: float | None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.scaler = precision.scaler
        self.scaling = self.scaler.is_enabled()
        self.accumulation_steps = accumulation_steps
        self.max_grad_norm = max_grad_norm
        self._losses = 0
        self._items = 0
        self._expected_items = 0

    @property
    def window_is_full(self) -> bool:
        return self._losses >= self.accumulation_steps

    @property
    def window_is_empty(self) -> bool:
        return self._losses == 0

    def begin_batch(self) -> None:
        """Clear the gradients if a window begins (so what was left in ``.grad`` before never counts)."""
        if self._losses == 0:
            self.optimizer.zero_grad()

    def backward(self, loss: torch.Tensor, items: int) -> None:
        """Add the gradients of a batch of ``items`` samples to the window."""
        if self._losses == 0:
            self._expected_items = items * self.accumulation_steps
        self._losses += 1
        self._items += items
        if self.accumulation_steps > 1:
            loss = loss * (items / self._expected_items)
        if self.scaling:
            loss = self.scaler.scale(loss)
        loss.backward()  # type: ignore[no-untyped-call]

    def prepare_step(self) -> None:
        """Make the gradients those of the window: unscaled, and normalised by the samples that it really had."""
        if self.scaling:
            self.scaler.unscale_(self.optimizer)
        if self._items != self._expected_items and self._items:
            factor = self._expected_items / self._items
            for parameter in self._all_parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(factor)
        self._losses = self._items = 0

    def step(self) -> Logs:
        """Clip, step, and say what happened: ``skipped``, and ``grad_norm`` before clipping if it was measured."""
        report = Logs(skipped=False)
        if self.max_grad_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=self.max_grad_norm)
            dict.__setitem__(report, "grad_norm", norm)
        if self.scaling:
            scale = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            # The scaler says so in no other way: it lowers the scale exactly when it has skipped the step.
            report["skipped"] = self.scaler.get_scale() < scale
        else:
            self.optimizer.step()
        return report

    def _all_parameters(self) -> list[Any]:
        """The model's parameters and those that only the optimizer holds, each once."""
        held = (parameter for group in self.optimizer.param_groups for parameter in group["params"])
        return list({id(parameter): parameter for parameter in (*self.model.parameters(), *held)}.values())
