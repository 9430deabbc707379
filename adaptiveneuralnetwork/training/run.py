"""What one call of ``fit``, ``train_epoch`` or ``evaluate`` works with: hooks resolved once, and the counting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from adaptiveneuralnetwork.training.callbacks.base import CallbackList, RunHooks
from adaptiveneuralnetwork.training.metrics import EpochTally, Metric, MetricFunction

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Run:
    """The state of one call.

    Attributes:
        hooks: For each hook, the methods to call.
        train: What is counted over the training batches of an epoch.
        val: What is counted over the batches of an evaluation.
        between_batches: True from the first to the last batch of a training epoch.
    """

    def __init__(self, callbacks: CallbackList, metrics: Mapping[str, MetricFunction | Metric]) -> None:
        wanted = {name: metric for callback in callbacks for name, metric in getattr(callback, "metrics", {}).items()}
        self.hooks = RunHooks(callbacks)
        self.train = EpochTally(metrics, wanted)
        self.val = EpochTally(metrics, wanted)
        self.between_batches = False


def call(hooks: tuple[Any, ...], *arguments: Any) -> None:
    for hook in hooks:
        hook(*arguments)


def report_exception(hooks: RunHooks, trainer: Trainer, error: BaseException) -> None:
    """Tell every callback; one that fails itself neither stops the others nor hides the error."""
    for hook in hooks.on_exception:
        try:
            hook(trainer, error)
        except Exception as failure:
            error.add_note(f"{hook.__qualname__} failed as well: {type(failure).__name__}: {failure}")


def step_scheduler(scheduler: Any, record: Mapping[str, Any]) -> None:
    """Step a scheduler after an epoch; only ``ReduceLROnPlateau`` takes a metric."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(record.get("val_loss", record["train_loss"]))
    else:
        scheduler.step()


@contextmanager
def evaluation_mode(model: nn.Module, *, restore: bool) -> Iterator[None]:
    """Put ``model`` into evaluation mode; with ``restore``, each submodule back into its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()] if restore else []
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
