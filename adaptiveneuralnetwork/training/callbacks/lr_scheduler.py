"""Learning rates that change: after each epoch, after each step, on a plateau."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from adaptiveneuralnetwork.arguments import as_choice
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.monitor import Monitor, as_monitor

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class LRSchedulerCallback(Callback):
    """Step a scheduler of ``torch.optim.lr_scheduler`` after each epoch or after each optimizer step.

    A step that the gradient scaler skipped does not count, and neither do batches within an accumulation window. The
    scheduler's state is kept in checkpoints.

    Args:
        scheduler: Made for the trainer's optimizer.
        interval: ``epoch`` or ``step`` (an optimizer step).
        monitor: What ``ReduceLROnPlateau`` gets: the name of a metric, or a :class:`Monitor` (its ``min_delta`` is not
            used: the scheduler has a threshold of its own). Default: ``val_loss``. For no other scheduler.

    Raises:
        TypeError: ``scheduler`` is none.
        ValueError: The interval is unknown; ``ReduceLROnPlateau`` is to be stepped by the step, or takes more for
            better where the metric wants less; another scheduler has a monitor; at the start of training, the
            scheduler's optimizer is not the trainer's.

    Example:
        >>> scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30)
        >>> callback = LRSchedulerCallback(scheduler, interval="step")
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[callback])
        >>> _ = trainer.fit(train_loader, num_epochs=1)
        >>> scheduler.last_epoch == len(train_loader)
        True
    """

    phase = Phase.DECIDE

    def __init__(
        self,
        scheduler: LRScheduler | ReduceLROnPlateau,
        interval: str = "epoch",
        monitor: str | Monitor | None = None,
    ) -> None:
        if isinstance(scheduler, type) or not all(
            hasattr(scheduler, name) for name in ("step", "state_dict", "load_state_dict")
        ):
            raise TypeError(f"scheduler must be one of torch.optim.lr_scheduler, got {scheduler!r}")
        self.scheduler = scheduler
        self.interval = as_choice(interval, "interval", ("epoch", "step"))
        self.monitor: Monitor | None = None
        if isinstance(scheduler, ReduceLROnPlateau):
            # With a name that tells nothing, less or more is better as the scheduler says.
            self.monitor = monitor if isinstance(monitor, Monitor) else _plateau_monitor(monitor, scheduler.mode)
            if interval != "epoch":
                raise ValueError("ReduceLROnPlateau goes by a metric of the epoch; interval must be 'epoch'")
            if self.monitor.mode != scheduler.mode:
                raise ValueError(
                    f"ReduceLROnPlateau(mode={scheduler.mode!r}) does not fit {self.monitor.metric!r}, "
                    f"for which {self.monitor.mode!r} is better"
                )
        elif monitor is not None:
            raise ValueError(f"monitor is for ReduceLROnPlateau; {type(scheduler).__name__} takes no metric")

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if getattr(self.scheduler, "optimizer", trainer.optimizer) is not trainer.optimizer:
            raise ValueError(f"{type(self.scheduler).__name__} was made for another optimizer than the trainer's")

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.interval == "step" and not (logs and logs["skipped"]):
            self.scheduler.step()  # type: ignore[call-arg]  # ReduceLROnPlateau was refused

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.interval != "epoch":
            return
        if self.monitor is None:
            self.scheduler.step()  # type: ignore[call-arg]  # only ReduceLROnPlateau needs a metric
        elif (value := self.monitor.read(logs)) is not None:
            self.scheduler.step(value)  # type: ignore[arg-type]  # only ReduceLROnPlateau has a monitor

    def state_dict(self) -> dict[str, Any]:
        return {"scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state["scheduler"])


def _plateau_monitor(metric: str | None, mode: str) -> Monitor:
    if metric is None:
        return Monitor("val_loss")
    try:
        return as_monitor(metric)
    except ValueError:
        return as_monitor(metric, mode)
