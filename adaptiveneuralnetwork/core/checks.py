"""Checks of arguments that are numbers: each error names the argument, what was given and what is accepted."""

import math
from numbers import Integral, Real
from typing import Any


def check_int(name: str, value: Any, low: int = 1) -> None:
    """Raise unless ``value`` is an int (NumPy's too, a bool not) of ``low`` or more."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an int of {low} or more, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be {low} or more, got {value!r}")


def check_finite(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")


def check_rate(name: str, value: Any) -> None:
    """Raise unless ``value`` is a finite number of 0 or more."""
    check_finite(name, value)
    if value < 0:
        raise ValueError(f"{name} must be 0 or more, got {value!r}")
