"""The hooks of a training run, and how they are called.

The loop with each hook at its place::

    on_train_begin
    for each epoch:
        on_epoch_begin
        for each batch:                       # moved to the device and transformed
            on_batch_begin
            forward pass, loss
            on_forward_end
            backward pass
            on_backward_end                   # gradients as they are: scaled under float16, part of a window
            if the accumulation window is full:
                unscale, normalise the window
                on_before_optimizer_step      # gradients as the optimizer would see them, before clipping
                clip, optimizer step
                on_optimizer_step_end
            on_batch_end
        if there is a validation loader:
            on_evaluate_begin
            each batch, without gradients
            on_evaluate_end
        scheduler step
        on_epoch_end
    on_train_end                              # also after stop_training
    on_exception                              # instead of on_train_end, when anything raised
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.training.metrics import Metric, MetricFunction

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer

LogsArgument = dict[str, Any] | None


class Callback:
    """Base class: override the hooks that you need; one that is not overridden costs nothing.

    No ``super().__init__()`` is needed. ``trainer`` is the running :class:`~adaptiveneuralnetwork.training.Trainer`;
    set ``trainer.stop_training = True`` to end after the current epoch. ``logs`` is a dict of what is known at that
    moment; values on a device become numbers when they are read, so what nobody reads costs no wait. What a callback
    writes into ``logs`` the next ones see; the history does not.

    Attributes:
        metrics: Metrics that this callback needs, computed beside the trainer's own: ``logs`` has them under
            ``train_<name>`` and ``val_<name>`` (``<name>`` within an epoch), the history leaves them out.

    Example:
        >>> class PrintLoss(Callback):
        ...     def on_epoch_end(self, epoch, trainer, logs=None):
        ...         print(f"epoch {epoch}: {logs['train_loss']:.4f}")
    """

    metrics: Mapping[str, MetricFunction | Metric] = {}

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Before the first epoch. ``logs``: empty."""

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After the last epoch of a run that ended normally, an early stop included. ``logs``: the last record."""

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Before the first batch of an epoch (counted from 0). ``logs``: empty."""

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After training and validation of an epoch. ``logs``: its record, and what callbacks' metrics give."""

    def on_batch_begin(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """When a training batch is on the device. ``logs``: ``batch_size``."""

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After forward pass and loss. ``logs``: ``batch_size``, ``loss``."""

    def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After the backward pass, before the step. ``logs``: ``batch_size``, ``loss``.

        Gradients are scaled under float16 and cover the accumulation window so far; for gradients as the optimizer sees
        them use :meth:`on_before_optimizer_step`.
        """

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Gradients are unscaled and normalised over the window, and not yet clipped. ``logs``: empty."""

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After the optimizer's step. ``logs``: ``skipped`` (float16 overflow); ``grad_norm``, if clipped."""

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After a training batch. ``logs``: ``batch_size``, its ``loss``; ``accuracy`` and metrics (so far)."""

    def on_evaluate_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Before the first validation batch, the model in evaluation mode. ``logs``: empty."""

    def on_evaluate_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After the last validation batch. ``logs``: ``val_loss``, ``val_accuracy`` and metrics."""

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        """When anything raised during ``fit``, instead of :meth:`on_train_end`: close what is open. It is raised on."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
"""The names of all hooks."""


class CallbackList:
    """Callbacks in the order in which their hooks are called.

    Args:
        callbacks: Copied, so the caller's list is never changed.

    Raises:
        TypeError: An element is no callback: it has none of the hooks, or is a class instead of an instance.

    Example:
        >>> from adaptiveneuralnetwork.training import LoggingCallback
        >>> callbacks = CallbackList([LoggingCallback()])
        >>> len(callbacks), [hook.__name__ for hook in callbacks.hooks("on_epoch_end")]
        (1, ['on_epoch_end'])
    """

    def __init__(self, callbacks: Iterable[Callback] | None = None) -> None:
        self.callbacks: list[Callback] = []
        if isinstance(callbacks, Callback):
            raise TypeError(
                f"callbacks must be a list of callbacks, got a single {type(callbacks).__name__}; write [it]"
            )
        for callback in callbacks or ():
            self.append(callback)

    def append(self, callback: Callback) -> None:
        if isinstance(callback, type):
            raise TypeError(
                f"callbacks takes instances, got the class {callback.__name__}; write {callback.__name__}()"
            )
        if not isinstance(callback, Callback) and not any(hasattr(callback, name) for name in HOOKS):
            raise TypeError(
                f"a callback must be a Callback or have one of its hooks {', '.join(HOOKS)}; got {callback!r}"
            )
        self.callbacks.append(callback)

    def hooks(self, name: str) -> tuple[Any, ...]:
        """The bound methods of the callbacks that override the hook ``name``."""
        return tuple(
            method
            for callback in self.callbacks
            if (method := getattr(callback, name, None)) is not None
            and getattr(method, "__func__", method) is not getattr(Callback, name)
        )

    def call(self, name: str, *arguments: Any) -> None:
        """Call the hook ``name`` of each callback that overrides it.

        Raises:
            ValueError: There is no such hook.
        """
        if name not in HOOKS:
            raise ValueError(f"there is no hook {name!r}; the hooks are {', '.join(HOOKS)}")
        for hook in self.hooks(name):
            hook(*arguments)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)

    def __getitem__(self, index: int) -> Callback:
        return self.callbacks[index]

    def __contains__(self, callback: object) -> bool:
        return any(callback is mine for mine in self.callbacks)

    def __repr__(self) -> str:
        return f"CallbackList({self.callbacks!r})"


class RunHooks:
    """The hooks of one run, resolved once: for each name a tuple of bound methods, empty where nobody overrides it."""

    __slots__ = HOOKS

    def __init__(self, callbacks: CallbackList) -> None:
        for name in HOOKS:
            setattr(self, name, callbacks.hooks(name))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> tuple[Any, ...]: ...
