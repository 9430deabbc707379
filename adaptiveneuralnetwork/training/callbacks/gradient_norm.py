"""How large the gradients are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.arguments import as_real
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class GradientNormMonitor(Callback):
    """Measure the total norm of the gradients at each optimizer step: unscaled, of the whole window, before clipping.

    Loggers see it as ``grad_norm`` in ``on_optimizer_step_end`` and as ``grad_norm_mean`` and ``grad_norm_max`` at the
    end of an epoch. Sums are kept on the device, so no step waits for it. Steps that the gradient scaler skipped are
    left out of mean and maximum.

    Args:
        norm_type: The order of the norm, greater than 0; infinity gives the largest element.
        per_parameter: Measure each parameter's gradient too, for :attr:`parameter_norms`; takes longer.

    Attributes:
        history: For each epoch a dict with ``epoch``, ``steps``, ``mean``, ``max``.
        parameter_norms: With ``per_parameter``, the mean norm of each parameter's gradient in the last epoch, by name.

    Raises:
        TypeError, ValueError: ``norm_type`` is no number greater than 0.

    Example:
        >>> monitor = GradientNormMonitor()
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[monitor]).fit(train_loader, num_epochs=2)
        >>> [record["steps"] for record in monitor.history]
        [3, 3]
    """

    _steps: int
    _sum: Any
    _max: Any
    _sums: dict[str, Any]

    def __init__(self, norm_type: float = 2.0, *, per_parameter: bool = False) -> None:
        self.norm_type = math.inf if norm_type == math.inf else as_real(norm_type, "norm_type", 0, without_low=True)
        self.per_parameter = per_parameter
        self.history: list[dict[str, Any]] = []
        self.parameter_norms: dict[str, float] = {}
        self._continued = False
        self._norm: Any = None
        self._parts: dict[str, torch.Tensor] = {}
        self._clear()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not self._continued:
            self.history, self.parameter_norms = [], {}
            self._clear()
        self._continued = False

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.per_parameter:
            self._parts = {
                name: torch.linalg.vector_norm(parameter.grad, self.norm_type)
                for name, parameter in trainer.model.named_parameters()
                if parameter.grad is not None
            }
        gradients = [parameter.grad for parameter in trainer.model.parameters() if parameter.grad is not None]
        self._norm = torch.nn.utils.get_total_norm(gradients, self.norm_type).detach()

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if logs is not None:
            logs["grad_norm"] = self._norm
            if logs["skipped"]:
                return
        self._steps += 1
        self._sum = self._sum + self._norm
        self._max = self._norm if self._max is None else torch.maximum(self._max, self._norm)
        for name, norm in self._parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + norm

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not self._steps:
            return
        record = {
            "epoch": epoch,
            "steps": self._steps,
            "mean": float(self._sum) / self._steps,
            "max": float(self._max),
        }
        self.history.append(record)
        self.parameter_norms = {name: float(total) / self._steps for name, total in self._sums.items()}
        if logs is not None:
            logs["grad_norm_mean"], logs["grad_norm_max"] = record["mean"], record["max"]
        self._clear()

    def state_dict(self) -> dict[str, Any]:
        return {
            "history": [dict(record) for record in self.history],
            "steps": self._steps,
            "sum": self._sum,
            "max": self._max,
            "sums": dict(self._sums),
            "parameter_norms": dict(self.parameter_norms),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.history = [dict(record) for record in state["history"]]
        self._steps, self._sum, self._max = state["steps"], state["sum"], state["max"]
        self._sums, self.parameter_norms = dict(state["sums"]), dict(state["parameter_norms"])
        self._continued = True

    def _clear(self) -> None:
        self._steps, self._sum, self._max, self._sums = 0, 0.0, None, {}
