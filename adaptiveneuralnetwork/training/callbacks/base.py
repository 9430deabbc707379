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
            if trainer.stop_at_step and the window is empty:
                leave both loops              # the epoch stays unfinished: no record, no on_epoch_end
        if there is a validation loader:
            on_evaluate_begin
            each batch, without gradients
            on_evaluate_end
        scheduler step
        on_epoch_end
        if trainer.stop_training:
            leave the loop
    on_train_end                              # also after stop_training and stop_at_step
    on_exception                              # instead of on_train_end, when anything raised

Within each hook, callbacks are called by phase (see :class:`Phase`) and, within a phase, in the order of the list. So
a checkpoint, wherever it stands in the list, is written after early stopping has counted the epoch and after the
loggers have written it. What a checkpoint keeps of a callback is its ``state_dict``; a continued run calls
``load_state_dict`` before ``on_train_begin``.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.training.metrics import Metric, MetricFunction

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer

LogsArgument = dict[str, Any] | None


class Phase(enum.IntEnum):
    """When a callback has its turn within each hook; in order.

    Attributes:
        SETUP: Before the others: what measures time, or prepares what the others see.
        NORMAL: The default.
        DECIDE: What acts on the metrics: early stopping, learning rates.
        RECORD: What writes down what the others found: loggers.
        PERSIST: Checkpoints, when nothing changes any more.

    Example:
        >>> class Late(Callback):
        ...     phase = Phase.PERSIST
        >>> [phase.name for phase in Phase if phase < Late.phase]
        ['SETUP', 'NORMAL', 'DECIDE', 'RECORD']
    """

    SETUP = 0
    NORMAL = 1
    DECIDE = 2
    RECORD = 3
    PERSIST = 4


class Callback:
    """Base class: override the hooks that you need; one that is not overridden costs nothing.

    No ``super().__init__()`` is needed. ``trainer`` is the running :class:`~adaptiveneuralnetwork.training.Trainer`;
    set ``trainer.stop_training = True`` to end after the current epoch, ``trainer.stop_at_step = True`` to end after
    the current optimizer step. ``logs`` is a dict of what is known at that moment; values on a device become numbers
    when they are read, so what nobody reads costs no wait. What a callback writes into ``logs`` the next ones see; the
    history does not.

    Attributes:
        phase: When this callback has its turn within each hook.
        metrics: Metrics that this callback needs, computed beside the trainer's own: ``logs`` has them under
            ``train_<name>`` and ``val_<name>`` (``<name>`` within an epoch), the history leaves them out.

    Example:
        >>> class PrintLoss(Callback):
        ...     def on_epoch_end(self, epoch, trainer, logs=None):
        ...         print(f"epoch {epoch}: {logs['train_loss']:.4f}")
    """

    phase: Phase = Phase.NORMAL
    metrics: Mapping[str, MetricFunction | Metric] = {}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback: tensors and plain values (numbers, strings, lists, dicts)."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave. Called before ``on_train_begin`` of the run that continues."""

    def outputs(self) -> list[str]:
        """The files and folders that it writes, for ``Trainer.explain``: its ``path`` or ``folder``, if it has one."""
        return [str(place) for name in ("path", "folder") if (place := getattr(self, name, None)) is not None]

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Before the first epoch. ``logs``: empty."""

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        """After the last epoch of a run that ended normally, an early stop included. ``logs``: the last record."""

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        """Before the first batch of an epoch (counted from 0). ``logs``: empty.

        Called once more where a run is continued within the epoch, for callbacks to set themselves up; what this then
        changes in model, optimizer and random states is undone.
        """

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
    """Callbacks, and the order in which their hooks are called.

    It keeps the order in which they were given; :meth:`hooks` sorts by :class:`Phase`, and within a phase keeps that
    order.

    Args:
        callbacks: Copied, so the caller's list is never changed.

    Raises:
        TypeError: An element is no callback: it has none of the hooks, or is a class instead of an instance. Or a hook
            does not take what it is called with, or a method's name is a near miss of a hook's (``on_epochs_end``),
            which would never be called.

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
        """Add a callback, checked as the constructor does."""
        if isinstance(callback, type):
            raise TypeError(
                f"callbacks takes instances, got the class {callback.__name__}; write {callback.__name__}()"
            )
        _check_names(callback)
        if not isinstance(callback, Callback) and not any(hasattr(callback, name) for name in HOOKS):
            raise TypeError(
                f"a callback must be a Callback or have one of its hooks {', '.join(HOOKS)}; got {callback!r}"
            )
        _check_parameters(callback)
        _phase_of(callback)
        self.callbacks.append(callback)

    def hooks(self, name: str) -> tuple[Any, ...]:
        """The bound methods of the callbacks that override the hook ``name``, in the order of their calls."""
        return tuple(
            method
            for callback in sorted(self.callbacks, key=_phase_of)
            if (method := _overridden(callback, name)) is not None
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


def _overridden(callback: Any, name: str) -> Any:
    """The bound method for the hook ``name``, or ``None`` where it is the base class's own, which does nothing."""
    method = getattr(callback, name, None)
    return None if getattr(method, "__func__", method) is getattr(Callback, name) else method


def _phase_of(callback: Any) -> Phase:
    # Looked up statically: a Mock would invent a phase, and an object with hooks need not have one.
    phase = inspect.getattr_static(callback, "phase", Phase.NORMAL)
    if not isinstance(phase, Phase):
        raise TypeError(
            f"{type(callback).__name__}.phase must be one of {', '.join(map(str, Phase.__members__))} of Phase, "
            f"got {phase!r}"
        )
    return phase


_SYNONYMS = {
    "start": "begin",
    "started": "begin",
    "finish": "end",
    "finished": "end",
    "ended": "end",
    "val": "evaluate",
}
_ELSEWHERE = {
    "on_train_batch_begin": "on_batch_begin",
    "on_train_batch_end": "on_batch_end",
    "on_train_epoch_begin": "on_epoch_begin",
    "on_train_epoch_end": "on_epoch_end",
    "on_validation_begin": "on_evaluate_begin",
    "on_validation_end": "on_evaluate_end",
    "on_after_backward": "on_backward_end",
    "on_optimizer_step_begin": "on_before_optimizer_step",
}
"""Names of hooks in other libraries, by which people reach for ours."""


def _check_names(callback: Any) -> None:
    """Refuse a method whose name is nearly that of a hook: it would silently never be called."""
    names = {*dir(type(callback)), *getattr(callback, "__dict__", {})}
    for name in sorted(names - set(HOOKS)):
        if not name.lower().startswith("on"):
            continue
        meant = meant_hook(name)
        if meant is not None and callable(inspect.getattr_static(callback, name, None)):
            raise TypeError(
                f"{type(callback).__name__}.{name} is no hook and would never be called; did you mean {meant}?"
            )


def meant_hook(name: str) -> str | None:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")
    plain = "_".join(_SYNONYMS.get(word, word) for word in words)
    if plain in HOOKS:
        return plain
    if plain in _ELSEWHERE:
        return _ELSEWHERE[plain]
    return next(iter(difflib.get_close_matches(plain, HOOKS, n=1, cutoff=0.85)), None)


def _check_parameters(callback: Any) -> None:
    """Refuse a hook that cannot be called as the trainer calls it, or that has its parameters in another order."""
    for name in HOOKS:
        method = _overridden(callback, name)
        if method is None:
            continue
        expected = list(inspect.signature(getattr(Callback, name)).parameters)[1:]
        try:
            signature = inspect.signature(method)
        except ValueError:  # some callables written in C tell nothing
            continue
        try:
            bound = signature.bind(*expected).arguments
        except TypeError:
            fits = False
        else:
            # Each argument, a parameter's name here, must not land in a parameter that bears another one's name.
            fits = all(taken == given or taken not in expected for taken, given in bound.items())
        if not fits:
            default = "=None" if expected[-1] == "logs" else ""
            raise TypeError(
                f"{type(callback).__name__}.{name} takes {signature}, but is called with ({', '.join(expected)}); "
                f"write def {name}(self, {', '.join(expected)}{default})"
            )
