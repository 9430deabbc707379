"""Learning rates that rise at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_count, as_real
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


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
