"""Checks of what people pass: a wrong argument is refused by name, with what was given and what is accepted."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch
from torch import nn


def as_count(value: int, name: str, minimum: int = 1) -> int:
    """An integer (NumPy's too, a bool not) of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(
            f"{name} must be an integer of at least {minimum}, got {value!r} of type {type(value).__name__}"
        )
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def as_real(
    value: float, name: str, low: float = -math.inf, high: float = math.inf, *, without_low: bool = False
) -> float:
    """A finite number from ``low`` to ``high``; with ``without_low``, greater than ``low``."""
    accepted = "a number"
    if low > -math.inf:
        accepted += f" greater than {low:g}" if without_low else f" of at least {low:g}"
    if high < math.inf:
        accepted += f"{' and' if low > -math.inf else ''} at most {high:g}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be {accepted}, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if not low <= value <= high or (without_low and value == low):
        raise ValueError(f"{name} must be {accepted}, got {value!r}")
    return float(value)


def as_choice(value: str, name: str, choices: Sequence[str]) -> str:
    """One of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}")
    return value


def as_path(value: str | os.PathLike[str], name: str) -> Path:
    """The path of a file or folder."""
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise TypeError(f"{name} must be the path of a file or folder, got {value!r} of type {type(value).__name__}")
    return Path(value)


def as_epochs(num_epochs: Any) -> int:
    """Any integer, also NumPy's; ``True`` is 1, as for ``range``."""
    try:
        return operator.index(num_epochs)
    except TypeError:
        given = f"{num_epochs!r} of type {type(num_epochs).__name__}"
        raise TypeError(f"num_epochs must be an integer, got {given}") from None


def as_device(device: str | torch.device | None) -> torch.device:
    """A device, its name, or ``None`` for CUDA where there is one and else the CPU."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(device, (str, torch.device)):
        raise TypeError(f"device must be a torch.device or its name, such as 'cpu' or 'cuda:0', got {device!r}")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be a name such as 'cpu' or 'cuda:0', got {device!r}: {error}") from error


def as_limits(train: int | None, val: int | None) -> tuple[int | None, int | None]:
    """Numbers of batches of at least 1, or ``None`` for all."""
    return (
        None if train is None else as_count(train, "limit_train_batches"),
        None if val is None else as_count(val, "limit_val_batches"),
    )


def as_clip(value: float | None, name: str) -> float | None:
    """A positive number, or ``None`` for no clipping."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number greater than 0, or None for no clipping, got {value!r}")
    if not value > 0:
        raise ValueError(f"{name} must be greater than 0, or None for no clipping, got {value!r}")
    return value


def check_parts(model: Any, optimizer: Any, criterion: Any) -> None:
    """Refuse what a trainer cannot be made of."""
    check_model(model)
    # By what is used of it: wrappers around an optimizer need not be subclasses.
    if isinstance(optimizer, type) or not all(
        hasattr(optimizer, name) for name in ("step", "zero_grad", "param_groups", "state_dict")
    ):
        raise TypeError(f"optimizer must be a torch.optim.Optimizer, got {optimizer!r}")
    check_callable(criterion, "criterion")


def check_model(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {model!r} of type {type(model).__name__}")


def check_callable(value: Any, name: str, *, optional: bool = False) -> None:
    if not callable(value) and not (optional and value is None):
        raise TypeError(f"{name} must be callable, got {value!r} of type {type(value).__name__}")


def moved(model: nn.Module, device: torch.device) -> nn.Module:
    """``model`` on ``device``.

    Raises:
        ValueError: The move replaced parameters, so that the optimizer holds others than the model.
    """
    before = [id(parameter) for parameter in model.parameters()]
    model.to(device)
    if before != [id(parameter) for parameter in model.parameters()]:
        raise ValueError(
            f"moving the model to {device} replaced its parameters, so the optimizer holds the old ones; "
            "move the model first and make the optimizer from its parameters then"
        )
    return model
