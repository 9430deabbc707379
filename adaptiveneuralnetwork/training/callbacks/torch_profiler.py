"""A trace of some training steps, operator by operator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from torch.profiler import ProfilerActivity, profile, record_function, schedule

from adaptiveneuralnetwork.arguments import as_count, as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class TorchProfilerCallback(Callback):
    """Record a few batches with ``torch.profiler`` and write a trace for chrome://tracing or ui.perfetto.dev.

    The trace has ranges ``forward``, ``backward`` and ``optimizer`` around torch's operators. Only the first ``active``
    batches after ``wait`` and ``warmup`` are recorded, once in a ``fit``; the others run at full speed. For the times
    of a whole run there is :class:`ProfilingCallback`.

    Args:
        path: The trace file (JSON), written as soon as it is complete, or at the end of a shorter run.
        wait: Batches to let pass first.
        warmup: Batches that are traced but not kept, since tracing itself is slow at first.
        active: Batches to keep, at least 1.
        record_shapes: Note the shapes of the operators' inputs.
        profile_memory: Note what memory operators take and give back.
        with_stack: Note the Python lines; slow.

    Attributes:
        written: Whether the trace of the current or last run is there.

    Raises:
        TypeError, ValueError: An argument is wrong.
        OSError: During training, if the file cannot be written.

    Example:
        >>> callback = TorchProfilerCallback(folder / "trace.json", wait=0)
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[callback])  # and trainer.fit(...)
    """

    # First at each hook, so that the ranges hold the training and not the other callbacks.
    phase = Phase.SETUP

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        wait: int = 1,
        warmup: int = 1,
        active: int = 3,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
    ) -> None:
        self.path = as_path(path, "path")
        self.wait = as_count(wait, "wait", minimum=0)
        self.warmup = as_count(warmup, "warmup", minimum=0)
        self.active = as_count(active, "active")
        self.options: dict[str, Any] = {
            "record_shapes": record_shapes,
            "profile_memory": profile_memory,
            "with_stack": with_stack,
        }
        self.written = False
        self._profile: Any = None
        self._range: Any = None

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._stop()
        self.written = False
        activities = [ProfilerActivity.CPU]
        if trainer.device.type == "cuda":
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(
            activities=activities,
            schedule=schedule(wait=self.wait, warmup=self.warmup, active=self.active, repeat=1),
            on_trace_ready=self._write,
            **self.options,
        )
        self._profile.start()

    def on_batch_begin(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._enter("forward")

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._enter("backward")

    def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._leave()

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._enter("optimizer")

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._leave()

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._profile is not None:
            self._profile.step()
            if self.written:
                self._stop()

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._stop()

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._stop()

    def _write(self, finished: Any) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        try:
            finished.export_chrome_trace(os.fspath(temporary))
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        self.written = True

    def _enter(self, name: str) -> None:
        self._leave()
        if self._profile is not None:
            self._range = record_function(name)
            self._range.__enter__()

    def _leave(self) -> None:
        if self._range is not None:
            self._range.__exit__(None, None, None)
            self._range = None

    def _stop(self) -> None:
        self._leave()
        if self._profile is not None:
            # A run that ends while batches are recorded writes what there is.
            running, self._profile = self._profile, None
            running.stop()
