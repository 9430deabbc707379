"""Watching a metric: which one, whether less or more is better, and what counts as better."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptiveneuralnetwork.arguments import as_choice, as_real

_LESS_IS_BETTER = {"loss", "error", "err", "perplexity", "mse", "mae", "rmse", "nll", "wer", "cer"}
_MORE_IS_BETTER = {"accuracy", "acc", "f1", "auc", "auroc", "precision", "recall", "iou", "dice", "bleu", "r2"}


@dataclass(frozen=True)
class Monitor:
    """The metric that early stopping, checkpoints and learning-rate plateaus go by.

    Args:
        metric: Its name in the logs of ``on_epoch_end``, such as ``val_loss`` or ``train_accuracy``.
        mode: ``min`` (less is better), ``max``, or ``auto``: told from the name, by words such as loss, error, accuracy
            and f1.
        min_delta: A value counts as better only if it is better by more than this; at least 0.
        required: True: it is an error if the metric is not there. False: such an epoch is passed over.

    Raises:
        TypeError: ``metric`` is not a string or ``min_delta`` not a number.
        ValueError: ``mode`` is none of the three, or ``auto`` does not know the name; ``min_delta`` is negative.

    Example:
        >>> monitor = Monitor("val_accuracy")
        >>> monitor.mode
        'max'
        >>> monitor.is_better(0.9, than=0.8), monitor.is_better(float("nan"), than=None)
        (True, False)
        >>> monitor.read({"train_loss": 0.5, "val_loss": 0.6})
        Traceback (most recent call last):
        ...
        ValueError: there is no metric 'val_accuracy' to monitor; known are 'train_loss', 'val_loss'
    """

    metric: str
    mode: str = "auto"
    min_delta: float = 0.0
    required: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str):
            raise TypeError(f"monitor must be the name of a metric or a Monitor, got {self.metric!r}")
        as_choice(self.mode, "mode", ("min", "max", "auto"))
        as_real(self.min_delta, "min_delta", 0)
        if self.mode == "auto":
            object.__setattr__(self, "mode", _mode_of(self.metric))

    def read(self, logs: Mapping[str, Any] | None) -> float | None:
        """The metric's value; ``None`` if it is not there and not required.

        Raises:
            ValueError: It is not there; the message lists what is.
            TypeError: It is no number.
        """
        if logs is None or self.metric not in logs:
            if not self.required:
                return None
            known = ", ".join(repr(name) for name in logs or () if name != "epoch")
            hint = "; there was no validation: give fit a val_loader" if _lacks_validation(self.metric, logs) else ""
            raise ValueError(f"there is no metric {self.metric!r} to monitor; known are {known or 'none'}{hint}")
        value = logs[self.metric]
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"metric {self.metric!r} is to be monitored but is no number: {value!r}") from error

    def is_better(self, value: float | None, than: float | None) -> bool:
        """Whether ``value`` is better than the best so far; anything but NaN is better than nothing (``None``)."""
        # A NaN is never the best, and as it never gets there it cannot block the values after it.
        if value is None or math.isnan(value):
            return False
        if than is None:
            return True
        return value < than - self.min_delta if self.mode == "min" else value > than + self.min_delta


def as_monitor(monitor: str | Monitor, mode: str = "auto", min_delta: float = 0.0) -> Monitor:
    """A :class:`Monitor`, made from the arguments of a callback if it is not one already.

    Raises:
        ValueError: Both a ``Monitor`` and its parts were given.
    """
    if not isinstance(monitor, Monitor):
        return Monitor(monitor, mode, min_delta)
    if mode != "auto" or min_delta:
        raise ValueError("mode and min_delta belong into the Monitor; give them there")
    return monitor


def _mode_of(metric: str) -> str:
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    less, more = bool(words & _LESS_IS_BETTER), bool(words & _MORE_IS_BETTER)
    if less == more:
        raise ValueError(f"mode 'auto' cannot tell whether less or more {metric!r} is better; give 'min' or 'max'")
    return "min" if less else "max"


def _lacks_validation(metric: str, logs: Mapping[str, Any] | None) -> bool:
    return metric.startswith("val_") and not any(name.startswith("val_") for name in logs or ())
