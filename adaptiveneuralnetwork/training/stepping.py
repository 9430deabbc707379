"""From a loss to an optimizer step: accumulation windows, gradient scaling, clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.training.batches import count_items
from adaptiveneuralnetwork.training.precision import Precision


class Stepping:
    """Take losses, and step the optimizer once for each window of ``accumulation_steps`` of them.

    The gradient of a window is that of one batch with all its samples: each loss (a mean over its batch) is weighted by
    what it is the mean of (:func:`loss_weight`), and a window that ends early, or whose batches differ in size, is
    rescaled before the step. So the last, shorter window of an epoch counts its samples as every other window does.

    Args:
        max_grad_norm: Clip the total norm of the gradients of ``model.parameters()`` to this; ``None`` does not clip.
        max_grad_value: Clip each element of those gradients to this in absolute value, before the norm.

    Attributes:
        grad_norm: With ``max_grad_norm``, the norm before the last clipping.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        criterion: Callable[..., torch.Tensor],
        precision: Precision,
        accumulation_steps: int,
        max_grad_norm: float | None,
        max_grad_value: float | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.criterion = criterion
        self.scaler = precision.scaler
        self.scaling = self.scaler.is_enabled()
        self.accumulation_steps = accumulation_steps
        self.max_grad_norm = max_grad_norm
        self.max_grad_value = max_grad_value
        self.weighing = accumulation_steps > 1
        self.grad_norm: Any = None
        self._losses = 0
        self._weight: Any = 0
        self._expected_weight: Any = 0

    @property
    def window_is_full(self) -> bool:
        return self._losses >= self.accumulation_steps

    @property
    def window_is_empty(self) -> bool:
        return self._losses == 0

    def begin_batch(self, is_last: bool = False) -> None:
        """Clear the gradients if a window begins (so what was left in ``.grad`` before never counts).

        Args:
            is_last: Whether the epoch is known to end with this batch.
        """
        if self._losses == 0:
            self.optimizer.zero_grad()

    def backward(self, loss: torch.Tensor, targets: Any) -> None:
        """Add the gradients of a batch to the window."""
        if self.weighing:
            loss = self._weighted(loss, targets)
        self._losses += 1
        if self.scaling:
            loss = self.scaler.scale(loss)
        loss.backward()  # type: ignore[no-untyped-call]

    def _weighted(self, loss: torch.Tensor, targets: Any) -> torch.Tensor:
        weight = loss_weight(self.criterion, targets)
        if weight is None:
            return loss
        if self._losses == 0:
            self._expected_weight = self._expected_weight_of_window(targets)
        self._weight = self._weight + weight
        if isinstance(weight, torch.Tensor):
            # The mean over nothing is NaN, and counts nothing.
            loss = torch.where(weight > 0, loss, torch.zeros_like(loss))
            weight = weight.to(loss.dtype)
        weighted: torch.Tensor = loss * (weight / self._expected_weight)
        return weighted

    def _expected_weight_of_window(self, targets: Any) -> int:
        # Any number would do, since the step corrects it; this one keeps the gradients in their usual range.
        return count_items(targets) * self.accumulation_steps

    def prepare_step(self) -> None:
        """Make the gradients those of the window: unscaled, and normalised by the samples that it really had."""
        if self.scaling:
            self.scaler.unscale_(self.optimizer)
        if self.weighing:
            self._normalise()
        self._losses = 0

    def _normalise(self) -> None:
        weight = self._weight_of_window()
        if isinstance(weight, torch.Tensor):
            self._multiply_gradients(torch.where(weight > 0, self._expected_weight / weight, 1.0))
        elif weight and weight != self._expected_weight:
            self._multiply_gradients(self._expected_weight / weight)
        self._weight = self._expected_weight = 0

    def _weight_of_window(self) -> Any:
        return self._weight

    def step(self) -> bool:
        """Clip and step; whether the scaler has skipped the step."""
        if self.max_grad_value is not None:
            torch.nn.utils.clip_grad_value_(self.model.parameters(), self.max_grad_value)
        if self.max_grad_norm is not None:
            self.grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=self.max_grad_norm)
        if not self.scaling:
            self.optimizer.step()
            return False
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        # The scaler says so in no other way: it lowers the scale exactly when it has skipped the step.
        return self.scaler.get_scale() < scale

    def state_dict(self) -> dict[str, Any]:
        """The window so far: its counts and gradients (``None`` for parameters without one). Empty between windows."""
        if self.window_is_empty:
            return {}
        return {
            "losses": self._losses,
            "weight": self._weight,
            "expected_weight": self._expected_weight,
            "gradients": [parameter.grad for parameter in self._all_parameters()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a window that :meth:`state_dict` gave."""
        if not state:
            return
        self._losses, self._weight, self._expected_weight = state["losses"], state["weight"], state["expected_weight"]
        for parameter, gradient in zip(self._all_parameters(), state["gradients"], strict=True):
            parameter.grad = None if gradient is None else self._as_gradient(gradient, parameter)

    def _as_gradient(self, value: torch.Tensor, parameter: Any) -> torch.Tensor:
        return value.to(parameter.device, copy=True)

    def _multiply_gradients(self, factor: Any) -> None:
        for parameter in self._all_parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(factor)

    def _all_parameters(self) -> list[Any]:
        """The model's parameters and those that only the optimizer holds, each once."""
        held: Iterable[Any] = (parameter for group in self.optimizer.param_groups for parameter in group["params"])
        return list({id(parameter): parameter for parameter in (*self.model.parameters(), *held)}.values())


def loss_weight(criterion: Any, targets: Any) -> Any:
    """What a loss is the mean of, so that the means of several batches can be put together to that of all.

    The number of samples; for ``nn.CrossEntropyLoss`` and ``nn.NLLLoss`` with class ids (and others with an
    ``ignore_index``) the number of targets that count, or the sum of their class weights; ``None`` for losses that are
    sums (``reduction="sum"``), which need no weight.

    Example:
        >>> criterion = nn.CrossEntropyLoss(ignore_index=0)
        >>> int(loss_weight(criterion, torch.tensor([0, 2, 1])))
        2
        >>> loss_weight(nn.MSELoss(), torch.zeros(3, 1))
        3
    """
    if getattr(criterion, "reduction", "mean") == "sum":
        return None
    ignored = getattr(criterion, "ignore_index", None)
    if not isinstance(ignored, int) or not isinstance(targets, torch.Tensor) or targets.is_floating_point():
        return count_items(targets)
    # float64, so that counts stay exact; counted on the device, so that no step waits for it.
    precise = torch.float32 if targets.device.type == "mps" else torch.float64
    counted = targets != ignored
    weights = getattr(criterion, "weight", None)
    if isinstance(weights, torch.Tensor):
        return (weights.to(precise)[torch.where(counted, targets, 0)] * counted).sum()
    return counted.sum().to(precise)
