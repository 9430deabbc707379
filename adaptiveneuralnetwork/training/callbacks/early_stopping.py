"""Ending a run that gets no better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_count, as_real
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.monitor import Monitor, as_monitor

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class EarlyStopping(Callback):
    """Stop after ``patience`` epochs without improvement of a metric.

    The decision is kept in checkpoints: a run that was stopped and is continued from its checkpoint stays stopped,
    unless it is continued with ``keep_stopped=False``. A ``fit`` that continues nothing starts to count anew.

    Args:
        monitor: Name of the metric, or a :class:`Monitor`.
        patience: Epochs without improvement to wait, at least 1. With 1, the first such epoch ends the run.
        mode: ``min``, ``max`` or ``auto``, as for :class:`Monitor`.
        min_delta: What an improvement must exceed; at least 0.
        target: Stop as soon as the metric is at least this good. Default: no such value.
        keep_stopped: False lets a continued run train on, with its patience renewed.

    Attributes:
        best: The best value so far; ``None`` before there is one. NaN is never it.
        best_epoch: The epoch of the best value, ``None`` before there is one.
        wait: Epochs since then.
        stopped_epoch: The epoch after which the run was stopped, ``None`` if it was not.

    Raises:
        TypeError, ValueError: An argument is wrong.
        ValueError: During training, if the metric is not there; the message lists those that are.

    Example:
        >>> early_stopping = EarlyStopping("val_loss", patience=2)
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[early_stopping])
        >>> history = trainer.fit(train_loader, num_epochs=50, val_loader=val_loader)
        >>> len(history) == early_stopping.best_epoch + 3 or early_stopping.stopped_epoch is None
        True
    """

    phase = Phase.DECIDE
    best: float | None
    best_epoch: int | None
    wait: int
    stopped_epoch: int | None

    def __init__(
        self,
        monitor: str | Monitor = "val_loss",
        patience: int = 3,
        mode: str = "auto",
        min_delta: float = 0.0,
        *,
        target: float | None = None,
        keep_stopped: bool = True,
    ) -> None:
        self.monitor = as_monitor(monitor, mode, min_delta)
        self.patience = as_count(patience, "patience")
        self.target = None if target is None else as_real(target, "target")
        self.keep_stopped = keep_stopped
        self._continued = False
        self._reset()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not self._continued:
            self._reset()
        self._continued = False
        if self.stopped_epoch is not None:
            trainer.stop_training = self.keep_stopped
            if not self.keep_stopped:
                self.wait, self.stopped_epoch = 0, None

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        value = self.monitor.read(logs)
        if value is None:
            return
        if self.monitor.is_better(value, than=self.best):
            self.best, self.best_epoch, self.wait = value, epoch, 0
        else:
            self.wait += 1
        if self.wait >= self.patience or self._reaches_target(value):
            self.stopped_epoch = epoch
            trainer.stop_training = True

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "stopped_epoch": self.stopped_epoch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.wait, self.stopped_epoch = state["wait"], state["stopped_epoch"]
        self._continued = True

    def _reset(self) -> None:
        self.best = self.best_epoch = self.stopped_epoch = None
        self.wait = 0

    def _reaches_target(self, value: float) -> bool:
        if self.target is None:
            return False
        return value <= self.target if self.monitor.mode == "min" else value >= self.target
