"""Progress on the console."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adaptiveneuralnetwork.arguments import as_count
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument
from adaptiveneuralnetwork.training.callbacks.values import numbers
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class LoggingCallback(Callback):
    """Print a line every ``log_interval`` batches and a summary each epoch.

    Each line is whole and comes at once, in a file or pipe too. Of several processes only the first prints. The values
    of a line are read from the device, so a small interval makes training wait for it.

    Args:
        log_interval: Batches between two lines, the first batch included; at least 1.
        verbose: False leaves only the epoch summaries.

    Raises:
        TypeError: ``log_interval`` is not an integer.
        ValueError: ``log_interval`` is less than 1.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[LoggingCallback(log_interval=100)])
        >>> _ = trainer.fit(train_loader, num_epochs=1)
        Training Sequential (59 parameters) on ...
        Epoch 1, batch 0: loss ..., accuracy ...
        Epoch 1/1: train_loss ..., train_accuracy ... (... s)
        Training finished
    """

    def __init__(self, log_interval: int = 10, verbose: bool = True) -> None:
        self.log_interval = as_count(log_interval, "log_interval")
        self.verbose = verbose
        self._started = 0.0

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
        _say(f"Training {type(trainer.model).__name__} ({parameters:,} parameters) on {trainer.device}")

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._started = time.perf_counter()

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if logs is None or not self.verbose or batch_idx % self.log_interval:
            return
        _say(f"Epoch {trainer.current_epoch + 1}, batch {batch_idx}: {_metrics(logs, skip=('batch_size',))}")

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        seconds = time.perf_counter() - self._started
        line = _metrics(logs or {}, skip=("epoch",))
        _say(f"Epoch {epoch + 1}/{trainer.num_epochs}: {line} ({seconds:.2f} s)")

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        _say("Training finished")


def _metrics(logs: dict[str, object], skip: tuple[str, ...]) -> str:
    """``name value`` for each number in ``logs``."""
    return ", ".join(f"{name} {value:.4f}" for name, value in numbers(logs, skip=skip).items())


def _say(line: str) -> None:
    if is_main_process():
        print(line, flush=True)
