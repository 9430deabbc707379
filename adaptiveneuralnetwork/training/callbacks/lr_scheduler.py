"""Learning rates that change: after each epoch, after each step, on a plateau, and at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from adaptiveneuralnetwork.arguments import as_choice, as_count, as_real
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


class LinearWarmup(Callback):
    """Raise the learning rate linearly over the first optimizer steps, beside any scheduler.

    Step ``k`` (from 0) is made with ``lr * (start_factor + (1 - start_factor) * k / steps)``, the formula of torch's
    ``LinearLR``; from step ``steps`` on with ``lr`` itself. The rates of the optimizer are scaled for the moment of the
    step and put back after it, so that schedulers neither see nor disturb it.

    Args:
        steps: Optimizer steps, at least 1. Steps that the gradient scaler skipped do not count.
        start_factor: Greater than 0 (a step of rate 0 would be lost), at most 1.

    Attributes:
        steps_done: Steps counted so far, over all calls of ``fit``.

    Raises:
        TypeError, ValueError: An argument is wrong.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[LinearWarmup(steps=2)])
        >>> _ = trainer.fit(train_loader, num_epochs=1)
        >>> trainer.callbacks[0].steps_done
        2
    """

    # Not DECIDE: the rates are put back before any scheduler has its turn.
    phase = Phase.NORMAL

    def __init__(self, steps: int, start_factor: float = 0.1) -> None:
        self.steps = as_count(steps, "steps")
        self.start_factor = as_real(start_factor, "start_factor", 0, 1, without_low=True)
        self.steps_done = 0
        self._rates: list[Any] = []

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.steps_done >= self.steps:
            return
        factor = self.start_factor + (1 - self.start_factor) * self.steps_done / self.steps
        groups = trainer.optimizer.param_groups
        self._rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = group["lr"] * factor

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not self._rates:
            return
        self._put_back(trainer)
        if not (logs and logs["skipped"]):
            self.steps_done += 1

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._put_back(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"steps_done": self.steps_done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps_done = state["steps_done"]

    def _put_back(self, trainer: Trainer) -> None:
        # The very values: dividing by the factor would not give back every bit.
        for group, rate in zip(trainer.optimizer.param_groups, self._rates, strict=False):
            group["lr"] = rate
        self._rates = []


def _plateau_monitor(metric: str | None, mode: str) -> Monitor:
    if metric is None:
        return Monitor("val_loss")
    try:
        return as_monitor(metric)
    except ValueError:
        return as_monitor(metric, mode)
