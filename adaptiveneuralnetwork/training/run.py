"""What one call of ``fit``, ``train_epoch`` or ``evaluate`` works with: hooks, the counting, and where it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.callbacks.base import CallbackList, RunHooks
from adaptiveneuralnetwork.training.data_position import EpochStart, set_epoch
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.metrics import Metric, MetricFunction
from adaptiveneuralnetwork.training.position import Position
from adaptiveneuralnetwork.training.seeding import deterministic_algorithms
from adaptiveneuralnetwork.training.stepping import Stepping
from adaptiveneuralnetwork.training.strategy import Strategy

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Run:
    """The state of one call.

    Args:
        callbacks: Those of this call.
        metrics: Those that go into its records.
        train_loader, val_loader: The data of a ``fit``; left out by other calls.
        limits: At most so many training and validation batches an epoch.
        strategy: How the work is shared with other processes.

    Attributes:
        hooks: For each hook, the methods to call.
        train: What is counted over the training batches of an epoch.
        val: What is counted over the batches of an evaluation.
        between_batches: True from the first to the last batch of a training epoch.
        position: Where it is.
        hook: The hook being called by the run itself, at a moment when the run could be taken up again.
        deferred: Checkpoints asked for within a batch, to be written at its end.
        stepping: The accumulation windows of the present epoch.
        iterator: Of a resumed run, the rest of the epoch's batches.
        active: False once it has failed.
        settled: True at a batch's end and after the run's, when nothing is half done.
    """

    def __init__(
        self,
        callbacks: CallbackList,
        metrics: Mapping[str, MetricFunction | Metric],
        train_loader: Iterable[Any] | None = None,
        val_loader: Iterable[Any] | None = None,
        limits: tuple[int | None, int | None] = (None, None),
        *,
        strategy: Strategy,
    ) -> None:
        wanted = {name: metric for callback in callbacks for name, metric in getattr(callback, "metrics", {}).items()}
        self.callbacks = callbacks
        self.hooks = RunHooks(callbacks)
        self.train = strategy.tally(metrics, wanted, training=True)
        self.val = strategy.tally(metrics, wanted, training=False)
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.train_limit, self.val_limit = limits
        self.between_batches = False
        self.position = Position()
        self.hook: str | None = None
        self.deferred: list[str | os.PathLike[str]] = []
        self.stepping: Stepping | None = None
        self.epoch_start: EpochStart | None = None
        self.iterator: Iterator[Any] | None = None
        self.active = True
        self.settled = False
        self._hook_index = 0
        self._hook_arguments: tuple[Any, ...] = ()

    @property
    def is_fit(self) -> bool:
        return self.train_loader is not None

    @property
    def within_batch(self) -> bool:
        """Whether something is half done, so that a checkpoint written now could not be taken up."""
        return self.hook is None and not self.settled

    def tell(self, name: str, *arguments: Any) -> None:
        """Call a hook of each callback; of a resumed run, those callbacks that have not been called before.

        Not for hooks in the middle of a batch, since a checkpoint can be written in the ones called by this.
        """
        hooks = getattr(self.hooks, name)
        told = self._take_told(name)
        # Left as it is by an exception: a checkpoint written because of it then knows where the run was.
        self.hook, self._hook_arguments = name, arguments
        for self._hook_index, hook in enumerate(hooks):
            if not told or self._key_of(name, hook) not in told:
                hook(*arguments)
        self.hook = None

    def call(self, name: str, *arguments: Any) -> None:
        """Call a hook of each callback, on behalf of another hook or of nobody's ``fit``."""
        call(getattr(self.hooks, name), *arguments)

    def told_again(self, name: str, *arguments: Any) -> None:
        """Call a hook that had been called before the run was resumed, for callbacks to set themselves up."""
        position = self.position
        for hook in getattr(self.hooks, name):
            if position.hook != name or self._key_of(name, hook) in position.told:
                hook(*arguments)

    def position_state(self) -> dict[str, Any]:
        """Where the run is, with the callbacks that the hook being called has reached."""
        state = self.position.state_dict() | {"hook": None, "told": [], "logs": {}}
        if self.hook is not None and self.hook != "on_train_end":
            hooks = getattr(self.hooks, self.hook)
            told = [self._key_of(self.hook, hook) for hook in hooks[: self._hook_index + 1]]
            state |= {"hook": self.hook, "told": told, "logs": dict(self._hook_arguments[-1])}
        return state

    def new_stepping(self, trainer: Trainer, loader: Iterable[Any]) -> Stepping:
        stepping = Stepping(
            trainer.model,
            trainer.optimizer,
            trainer.criterion,
            trainer.precision,
            trainer.gradient_accumulation_steps,
            trainer.max_grad_norm,
            trainer.max_grad_value,
        )
        return trainer.strategy.stepping(stepping, self.training_length(loader))

    def optimizer_step(self, trainer: Trainer) -> None:
        """End an accumulation window."""
        hooks, stepping = self.hooks, self.stepping
        assert stepping is not None
        stepping.prepare_step()
        if hooks.on_before_optimizer_step:
            call(hooks.on_before_optimizer_step, trainer, Logs())
        skipped = stepping.step()
        trainer.global_step += not skipped
        if hooks.on_optimizer_step_end:
            norm = {} if stepping.max_grad_norm is None else {"grad_norm": stepping.grad_norm}
            call(hooks.on_optimizer_step_end, trainer, Logs(skipped=skipped, **norm))

    def prepare_samplers(self, trainer: Trainer, loader: Iterable[Any]) -> None:
        set_epoch(loader, trainer.current_epoch, trainer.sampler_set_epoch)

    def training_batches(self, trainer: Trainer, loader: Iterable[Any]) -> Iterator[Any]:
        """The batches of the epoch that are still to come."""
        iterator, self.iterator = self.iterator, None
        if iterator is None:
            iterator = self._first_batches(trainer, loader)
        if self.train_limit is None:
            return iterator
        return islice(iterator, self.train_limit - self.position.batches)

    def training_length(self, loader: Iterable[Any]) -> int | None:
        """The number of batches in an epoch of training, ``None`` where the loader has no length."""
        length = length_of(loader)
        if self.train_limit is None:
            return length
        return self.train_limit if length is None else min(length, self.train_limit)

    def _first_batches(self, trainer: Trainer, loader: Iterable[Any]) -> Iterator[Any]:
        """Begin an epoch of training: modes, counts, samplers, and an iterator of the batches."""
        self.train.reset()
        self.stepping = self.new_stepping(trainer, loader)
        trainer.model.train()
        self.prepare_samplers(trainer, loader)
        if self.is_fit:
            self.epoch_start = EpochStart(loader)
        return iter(loader)

    def _take_told(self, name: str) -> list[str]:
        if self.position.hook != name:
            return []
        self.position.hook = None
        return self.position.told

    def _key_of(self, name: str, hook: Any) -> str:
        keys = callback_keys(self.callbacks)
        return next(key for key, callback in keys.items() if getattr(callback, name, None) == hook)


def callback_keys(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Callbacks by class, name (the attribute ``name``, if there is one) and number among equal ones.

    Example:
        >>> from adaptiveneuralnetwork.training import LoggingCallback
        >>> list(callback_keys([LoggingCallback(), LoggingCallback()]))
        ['LoggingCallback', 'LoggingCallback 2']
    """
    keys: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for callback in callbacks:
        name = vars(callback).get("name") if hasattr(callback, "__dict__") else None
        key = type(callback).__qualname__ + (f" {name!r}" if isinstance(name, str) and name else "")
        counts[key] = counts.get(key, 0) + 1
        keys[key if counts[key] == 1 else f"{key} {counts[key]}"] = callback
    return keys


def call(hooks: tuple[Any, ...], *arguments: Any) -> None:
    for hook in hooks:
        hook(*arguments)


@contextmanager
def fitting(trainer: Trainer, run: Run) -> Iterator[None]:
    """What surrounds the epochs of ``fit``: with an error, every callback and every process is told of it."""
    try:
        with gradients_on(), deterministic_algorithms(trainer.deterministic):
            yield
    except BaseException as error:
        run.active = False
        report_exception(run.hooks, trainer, error)
        trainer.strategy.fail(error)
        raise
    finally:
        trainer._run = None


@contextmanager
def gradients_on() -> Iterator[None]:
    """Whoever calls may have switched gradients off; training needs them."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


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
