"""What averages of the weights over training have in common: the averaged model, and when it replaces the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel

from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument
from adaptiveneuralnetwork.training.reduction import local_part

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class WeightAveraging(Callback):
    """Base class of :class:`EMACallback` and :class:`SWACallback`.

    Attributes:
        averaged: The ``torch.optim.swa_utils.AveragedModel``; ``None`` before training. A ``fit`` that continues
            nothing starts a new average.
    """

    averaged: AveragedModel | None = None

    def __init__(self, *, use_buffers: bool, evaluate: bool, apply_at_end: bool) -> None:
        self.use_buffers = use_buffers
        self.evaluate = evaluate
        self.apply_at_end = apply_at_end
        self._updates = 0
        self._swapped = self._running = False
        self._saved: dict[str, Any] | None = None

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self.averaged = self._make_average(trainer.strategy.copyable(trainer.model))
        self._updates = 0
        self._running = True
        saved, self._saved = self._saved, None
        if saved is not None:
            self.averaged.load_state_dict(trainer.strategy.own_part(saved["averaged"], self.averaged))
            self._updates = saved["updates"]

    def on_evaluate_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.evaluate and self._running and self._updates:
            self._swap(trainer)

    def on_evaluate_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._swapped:
            self._swap(trainer)

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._running = False
        if self.apply_at_end and self._updates:
            self._apply(trainer)

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._running = False
        if self._swapped:
            self._swap(trainer)

    def state_dict(self) -> dict[str, Any]:
        # Asked before training, what was loaded is still to be taken up.
        if self._saved is not None or self.averaged is None:
            return self._saved or {}
        return {"averaged": self.averaged.state_dict(), "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        # The averaged model is made when training begins, since only then the model is known.
        self._saved = state or None

    def _make_average(self, model: torch.nn.Module) -> AveragedModel:
        raise NotImplementedError

    def _update(self, trainer: Trainer) -> None:
        assert self.averaged is not None, "made in on_train_begin"
        self.averaged.update_parameters(trainer.model)
        self._updates += 1

    def _swap(self, trainer: Trainer) -> None:
        """Exchange the model's weights and the averaged ones."""
        for one, other in self._pairs(trainer):
            if local_part(one) is one:
                one.data, other.data = other.data, one.data  # storages change hands, nothing is copied
            else:
                own, averaged = local_part(one.detach()), local_part(other.detach())
                kept = own.clone()
                own.copy_(averaged)
                averaged.copy_(kept)
        self._swapped = not self._swapped

    @torch.no_grad()
    def _apply(self, trainer: Trainer) -> None:
        for one, other in self._pairs(trainer):
            one.copy_(other)

    def _pairs(self, trainer: Trainer) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        assert self.averaged is not None, "made in on_train_begin"
        yield from zip(trainer.model.parameters(), self.averaged.module.parameters(), strict=True)
        if self.use_buffers:
            yield from zip(trainer.model.buffers(), self.averaged.module.buffers(), strict=True)
