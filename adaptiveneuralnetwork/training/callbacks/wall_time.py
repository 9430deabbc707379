"""Ending a run in time."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING

from adaptiveneuralnetwork.arguments import as_real
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class WallTimeLimit(Callback):
    """End training normally when a ``fit`` has taken its time, for jobs that are killed at a limit.

    With a :class:`ModelCheckpoint` beside it, the state at which it stopped is saved, in the middle of an epoch too,
    and a later run continues from there. The time counts from the beginning of each ``fit``, a continued one too.

    Args:
        limit: Seconds (greater than 0) or a ``datetime.timedelta``. Leave some for the last checkpoint.
        mid_epoch: Stop after the optimizer step in which the limit is reached; the unfinished epoch has no record.
            False: stop after the epoch in which it is reached.

    Attributes:
        reached: Whether the limit ended the current or last run.

    Raises:
        TypeError, ValueError: ``limit`` is neither.

    Example:
        >>> limit = WallTimeLimit(datetime.timedelta(hours=23, minutes=50))
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[limit]).fit(train_loader, num_epochs=1)
        >>> limit.reached
        False
    """

    phase = Phase.DECIDE

    def __init__(self, limit: float | datetime.timedelta, *, mid_epoch: bool = True) -> None:
        seconds = limit.total_seconds() if isinstance(limit, datetime.timedelta) else limit
        self.seconds = as_real(seconds, "limit", 0, without_low=True)
        self.mid_epoch = mid_epoch
        self.reached = False
        self._deadline = 0.0

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self.reached = False
        self._deadline = time.monotonic() + self.seconds

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.mid_epoch and time.monotonic() >= self._deadline:
            self.reached = trainer.stop_at_step = True

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if time.monotonic() >= self._deadline:
            # Not stop_training, which is kept in checkpoints: this run is to be continued.
            self.reached = trainer.stop_at_step = True
