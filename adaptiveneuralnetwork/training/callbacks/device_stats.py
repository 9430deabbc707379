"""Memory and processor use over training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psutil
import torch

from adaptiveneuralnetwork.arguments import as_count
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class DeviceStatsMonitor(Callback):
    """Note memory and processor use at the end of each epoch and, if asked, every so many batches.

    Loggers see the values at the end of an epoch. They are: ``process_memory`` (resident, bytes), ``memory_available``
    (of the machine, bytes), ``cpu_percent`` (of the process since the last look; 100 is one core) and, on CUDA,
    ``cuda_allocated``, ``cuda_reserved``, ``cuda_peak`` (bytes; the peak since the last epoch's end). Asking for them
    does not wait for the device.

    Args:
        every_n_batches: Look every so many batches as well. Default: at the end of epochs only.

    Attributes:
        records: A dict for each look: ``epoch``, ``batch`` (``None`` at the end of an epoch) and the values.

    Raises:
        TypeError, ValueError: ``every_n_batches`` is no integer of at least 1.

    Example:
        >>> stats = DeviceStatsMonitor()
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[stats]).fit(train_loader, num_epochs=1)
        >>> stats.records[0]["process_memory"] > 0
        True
    """

    def __init__(self, every_n_batches: int | None = None) -> None:
        self.every_n_batches = None if every_n_batches is None else as_count(every_n_batches, "every_n_batches")
        self.records: list[dict[str, Any]] = []
        self._process = psutil.Process()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self.records = []
        self._process.cpu_percent()  # the first call only starts the measurement

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.every_n_batches is not None and (batch_idx + 1) % self.every_n_batches == 0:
            self._note(trainer, trainer.current_epoch, batch_idx)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        values = self._note(trainer, epoch, None)
        if logs is not None:
            logs.update(values)
        if trainer.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(trainer.device)

    def _note(self, trainer: Trainer, epoch: int, batch_idx: int | None) -> dict[str, float]:
        values = {
            "process_memory": float(self._process.memory_info().rss),
            "memory_available": float(psutil.virtual_memory().available),
            "cpu_percent": float(self._process.cpu_percent()),
        }
        if trainer.device.type == "cuda":
            values |= {
                "cuda_allocated": float(torch.cuda.memory_allocated(trainer.device)),
                "cuda_reserved": float(torch.cuda.memory_reserved(trainer.device)),
                "cuda_peak": float(torch.cuda.max_memory_allocated(trainer.device)),
            }
        self.records.append({"epoch": epoch, "batch": batch_idx, **values})
        return values
