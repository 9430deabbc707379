"""Noticing early that a run has gone wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.arguments import as_count
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.logs import Logs

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class NonFiniteError(FloatingPointError):
    """A loss or gradient is NaN or infinite.

    Args:
        message: What was seen.
        epoch: Where it was first so, counted from 0.
        batch_idx: The batch in this epoch, counted from 0.
        step: Optimizer steps before it.

    Attributes:
        epoch, batch_idx, step: As given.

    Example:
        >>> broken = [(torch.full((2, 6), torch.nan), torch.zeros(2, dtype=torch.long))]
        >>> model = nn.Linear(6, 4)
        >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
        >>> try:
        ...     _ = Trainer(model, optimizer, criterion, callbacks=[NaNGuard()]).fit(train_loader + broken, 1)
        ... except NonFiniteError as error:
        ...     print(error.epoch, error.batch_idx, error.step)
        0 3 3
    """

    def __init__(self, message: str, epoch: int, batch_idx: int, step: int) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.batch_idx = batch_idx
        self.step = step


class NaNGuard(Callback):
    """End the run when a loss is NaN or infinite, and say at which batch it was first so.

    Losses stay on the device and are looked at together every ``check_every`` batches and at the end of each epoch,
    before a checkpoint is written; so no step waits for the device, and the first bad batch is still named exactly.

    Args:
        check_every: Batches between two looks, at least 1. With 1, each step waits for the device, and the run ends
            before the bad batch has changed the weights.
        gradients: Look at the total norm of the gradients too. Not with float16, whose scaler expects and skips such
            gradients.

    Raises:
        NonFiniteError: During training.
        TypeError, ValueError: ``check_every`` is no integer of at least 1.

    Example:
        >>> broken = [(torch.full((2, 6), torch.nan), torch.zeros(2, dtype=torch.long))]
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[NaNGuard()])
        >>> trainer.fit(train_loader + broken, num_epochs=1)
        Traceback (most recent call last):
        ...
        adaptiveneuralnetwork.training.callbacks.nan_guard.NonFiniteError: loss is nan in epoch 0, batch 3 ...
    """

    # Before anything acts on the numbers.
    phase = Phase.SETUP

    def __init__(self, check_every: int = 50, *, gradients: bool = False) -> None:
        self.check_every = as_count(check_every, "check_every")
        self.gradients = gradients
        self._values: list[torch.Tensor] = []
        self._places: list[tuple[str, int, int, int]] = []
        self._batch_idx = self._batches = 0

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._clear()

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._batch_idx = batch_idx
        self._batches += 1
        self._note("loss", logs.raw("loss") if isinstance(logs, Logs) else (logs or {})["loss"], trainer)
        if self._batches >= self.check_every:
            self._check(trainer)

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.gradients and not trainer.precision.scaler.is_enabled():
            gradients = [parameter.grad for parameter in trainer.model.parameters() if parameter.grad is not None]
            self._note("gradient norm", torch.nn.utils.get_total_norm(gradients), trainer)
            if self.check_every == 1:
                self._check(trainer)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._check(trainer)

    def _note(self, kind: str, value: Any, trainer: Trainer) -> None:
        self._values.append(torch.as_tensor(value).detach().reshape(()))
        self._places.append((kind, trainer.current_epoch, self._batch_idx, trainer.global_step))

    def _check(self, trainer: Trainer) -> None:
        if not self._values:
            return
        values, places = torch.stack([value.float() for value in self._values]), self._places
        self._clear()
        finite = values.isfinite().tolist()
        if all(finite):
            return
        first = finite.index(False)
        kind, epoch, batch_idx, step = places[first]
        message = (
            f"{kind} is {values[first].item()} in epoch {epoch}, batch {batch_idx} (after {step} optimizer steps); "
            f"not finite by now: {_not_finite(trainer.model)}"
        )
        raise NonFiniteError(message, epoch, batch_idx, step)

    def _clear(self) -> None:
        self._values, self._places, self._batches = [], [], 0


def _not_finite(model: torch.nn.Module) -> str:
    """The parameters and buffers with NaN or infinity in them."""
    names = [
        name
        for name, value in (*model.named_parameters(), *model.named_buffers())
        if value.is_floating_point() and not bool(value.isfinite().all())
    ]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more if names else "no parameter"
