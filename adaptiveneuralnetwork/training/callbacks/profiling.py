"""Where the time and memory of training go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import torch

from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class ProfilingCallback(Callback):
    """Measure epochs, batches, forward passes, backward passes and optimizer steps, and the memory in use.

    The forward time covers the model and the loss, the optimizer time clipping and step. A batch's time covers all
    three, not the loader. Within an accumulation window only the last batch has an optimizer time.

    Args:
        profile_memory: Record memory after each batch, in bytes. On CUDA what torch has allocated and reserved;
            elsewhere the resident set size of the process, and the largest one seen so far.
        profile_cuda: Wait for the GPU at each measuring point, so that its work is counted where it belongs. False
            measures only the time to queue the work. Without CUDA it changes nothing.

    Example:
        >>> profiling = ProfilingCallback()
        >>> profiling.get_metrics()["batch_times"]
        []
    """

    # First at each hook, so that it does not measure the other callbacks.
    phase = Phase.SETUP

    def __init__(self, profile_memory: bool = True, profile_cuda: bool = True) -> None:
        self.profile_memory = profile_memory
        self.profile_cuda = profile_cuda
        self._process = psutil.Process()
        self._cuda = False
        self._epoch_started = self._batch_started = self._last = 0.0
        self._metrics: dict[str, list[float]] = {
            name: [] for name in ("epoch_times", "batch_times", "forward_times", "backward_times", "optimizer_times")
        }
        if profile_memory:
            self._metrics |= {"memory_allocated": [], "memory_reserved": []}

    def get_metrics(self) -> dict[str, list[float]]:
        """Lists of seconds (``*_times``) and bytes (``memory_*``), in the order of the run; copies."""
        return {name: list(values) for name, values in self._metrics.items()}

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._cuda = trainer.device.type == "cuda"

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._epoch_started = self._now()

    def on_batch_begin(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._batch_started = self._last = self._now()

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._lap("forward_times")

    def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._lap("backward_times")

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._lap("optimizer_times")

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._metrics["batch_times"].append(self._now() - self._batch_started)
        if self.profile_memory:
            allocated, reserved = self._memory()
            self._metrics["memory_allocated"].append(allocated)
            self._metrics["memory_reserved"].append(reserved)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._metrics["epoch_times"].append(self._now() - self._epoch_started)

    def _lap(self, name: str) -> None:
        """Record the time since the last measuring point."""
        now = self._now()
        self._metrics[name].append(now - self._last)
        self._last = now

    def _now(self) -> float:
        if self._cuda and self.profile_cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def _memory(self) -> tuple[float, float]:
        if self._cuda:
            return float(torch.cuda.memory_allocated()), float(torch.cuda.memory_reserved())
        resident = float(self._process.memory_info().rss)
        highest = self._metrics["memory_reserved"]
        return resident, max(resident, highest[-1] if highest else 0.0)
