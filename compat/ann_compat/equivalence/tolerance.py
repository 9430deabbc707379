"""How far floating-point values may lie apart, where devices or precisions do not repeat themselves bit for bit.

Only values that are floating-point are ever close. Integers, keys, shapes, dtypes, modes, the states of the random
generators, and the number and order of events stay exact: a difference in those is a defect on every device. (Dropout
on a device draws from a generator of that device, which no mode compares.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ann_compat.equivalence.trace import Trace


class Tolerance(Protocol):
    """Tells which floating-point values are close enough."""

    def tensors_close(self, old: Tensor, new: Tensor) -> bool:
        """For two tensors of equal shape and of equal floating-point or complex dtype."""

    def floats_close(self, old: float, new: float) -> bool:
        """For two Python floats."""


Tolerated = float | Literal["torch"] | Tolerance | None
"""How a tolerance is given: a relative size, ``"torch"`` for :class:`TorchDefaults`, or ``None`` for bit-equality."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative difference that is allowed for all values, and an absolute one of the same size near zero."""

    size: float

    def tensors_close(self, old: Tensor, new: Tensor) -> bool:
        return torch.allclose(old, new, self.size, self.size, equal_nan=True)

    def floats_close(self, old: float, new: float) -> bool:
        return old == new or (old != old and new != new) or abs(old - new) <= self.size * max(1.0, abs(old), abs(new))


@dataclass(frozen=True, slots=True)
class TorchDefaults:
    """What ``torch.testing.assert_close`` allows by default, which depends on the dtype.

    A Python float, such as a loss in a history, does not say with which precision it was computed, and a gradient of
    ``float32`` that came through ``bfloat16`` is no better than that. So nothing is held to more than the least precise
    dtype in which the run computed.

    Args:
        least: That dtype.

    Example:
        >>> TorchDefaults(torch.float32).floats_close(1.0, 1.000001)
        True
        >>> TorchDefaults(torch.float32).floats_close(1.0, 1.001)
        False
        >>> TorchDefaults(torch.bfloat16).floats_close(1.0, 1.001)
        True
    """

    least: torch.dtype

    def tensors_close(self, old: Tensor, new: Tensor) -> bool:
        relative, absolute = max(_ALLOWED[self.least], _ALLOWED.get(_real(old.dtype), _ALLOWED[self.least]))
        wide = torch.complex128 if old.is_complex() else torch.float64
        return torch.allclose(new.to(wide), old.to(wide), relative, absolute, equal_nan=True)

    def floats_close(self, old: float, new: float) -> bool:
        return self.tensors_close(torch.tensor(old, dtype=torch.float64), torch.tensor(new, dtype=torch.float64))


def resolved(tolerated: Tolerated, *traces: Trace) -> Tolerance | None:
    """The tolerance that is meant.

    Args:
        tolerated: As given.
        traces: Of the runs to compare, from which :class:`TorchDefaults` take the least precise dtype.

    Raises:
        ValueError: It is another word, or a size that is not positive.
    """
    if tolerated == "torch":
        return TorchDefaults(_least_precise(traces))
    if isinstance(tolerated, str) or (isinstance(tolerated, int | float) and not tolerated > 0):
        raise ValueError(f"tolerance must be 'torch', a positive number or None, got {tolerated!r}")
    return Relative(tolerated) if isinstance(tolerated, int | float) else tolerated


_ALLOWED: dict[torch.dtype, tuple[float, float]] = {
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.float32: (1.3e-6, 1e-5),
    torch.float64: (1e-7, 1e-7),
}
"""``rtol`` and ``atol`` by dtype: the table in the documentation of ``torch.testing.assert_close``."""


def _real(dtype: torch.dtype) -> torch.dtype:
    return dtype.to_real() if dtype.is_complex else dtype


def _least_precise(traces: Iterable[Trace]) -> torch.dtype:
    found = {_real(tensor.dtype) for trace in traces for tensor in _tensors(trace.events)}
    if any(getattr(event, "autocast", False) for trace in traces for event in trace.events):
        found.add(torch.get_autocast_dtype("cpu"))
    return max(found & _ALLOWED.keys(), key=_ALLOWED.__getitem__, default=torch.float32)


def _tensors(value: Any) -> Iterable[Tensor]:
    """The floating-point tensors in a value, those of events included."""
    if isinstance(value, Tensor):
        if value.is_floating_point() or value.is_complex():
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    else:
        for name in ("inputs", "output", "gradients"):
            yield from _tensors(getattr(value, name, ()))
