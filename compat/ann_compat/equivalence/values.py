"""Equality of values, bit for bit, and where and by how much two of them differ."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ann_compat.equivalence.tolerance import Tolerance

CLOCK_KEYS = frozenset({"timestamp", "epoch_time"})
"""What the clock says in a legacy record: only presence, order and type are compared."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mismatch:
    """The first place where two values differ.

    Attributes:
        path: The way to it, such as ``[0]['val_loss']``.
        text: What differs, and by how much.
    """

    path: str
    text: str


def mismatch(old: Any, new: Any, tolerance: Tolerance | None = None, path: str = "") -> Mismatch | None:
    """Compare two values; ``None`` means that they are equal.

    Floats and tensors are equal if all their bits are (so a NaN equals itself, and 0.0 differs from -0.0); dicts if
    they have the same keys in the same order; lists and tuples element by element; ``1``, ``1.0`` and ``True`` all
    differ. Of the keys ``timestamp`` and ``epoch_time`` of a record of an epoch only the types are compared.

    Args:
        tolerance: Which floating-point values count as equal though their bits differ; default: none.

    Example:
        >>> mismatch([1.0, float("nan")], [1.0, float("nan")])
        >>> mismatch({"loss": 0.5}, {"loss": 0.25})
        Mismatch(path="['loss']", text='0.5 != 0.25')
    """
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        return _tensor_mismatch(old, new, tolerance, path)
    if isinstance(old, dict) and isinstance(new, dict):
        return _dict_mismatch(old, new, tolerance, path)
    for kind in (list, tuple):
        if isinstance(old, kind) and isinstance(new, kind):
            return _sequence_mismatch(old, new, tolerance, path)
    if type(old) is not type(new):
        return Mismatch(path, f"{_shown(old)} != {_shown(new)}")
    if isinstance(old, float):
        same = struct.pack("d", old) == struct.pack("d", new) or (
            tolerance is not None and tolerance.floats_close(old, new)
        )
        return None if same else Mismatch(path, f"{old!r} != {new!r}")
    if isinstance(old, np.ndarray | np.generic):
        return _array_mismatch(np.asarray(old), np.asarray(new), tolerance, path)
    if isinstance(old, nn.Module):
        return mismatch(dict(old.state_dict()), dict(new.state_dict()), tolerance, f"{path}.state_dict()")
    if dataclasses.is_dataclass(old) and not isinstance(old, type):
        names = [field.name for field in dataclasses.fields(old)]
        return _first(mismatch(getattr(old, n), getattr(new, n), tolerance, f"{path}.{n}") for n in names)
    if isinstance(old, _PLAIN) or old is None:
        return None if old == new else Mismatch(path, f"{_shown(old)} != {_shown(new)}")
    # Silence here would be a comparison that cannot fail.
    return Mismatch(path, f"values of type {type(old).__qualname__} cannot be compared")


def is_comparable(value: Any) -> bool:
    """Whether :func:`mismatch` can tell more of a value than its type."""
    if isinstance(value, dict):
        return all(is_comparable(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_comparable(item) for item in value)
    return value is None or isinstance(value, (Tensor, nn.Module, np.ndarray, np.generic, float, *_PLAIN))


_PLAIN = (bool, int, complex, str, bytes, set, frozenset, PurePath, range, torch.dtype, torch.device, torch.Size)


def _tensor_mismatch(old: Tensor, new: Tensor, tolerance: Tolerance | None, path: str) -> Mismatch | None:
    for name in ("dtype", "shape", "layout"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            shown = (tuple(before), tuple(after)) if name == "shape" else (before, after)
            return Mismatch(path, f"{name} {shown[0]} != {shown[1]}")
    old, new = _plain(old), _plain(new)
    if torch.equal(_bits(old), _bits(new)):
        return None
    inexact = old.is_floating_point() or old.is_complex()
    if tolerance is not None and inexact and tolerance.tensors_close(old, new):
        return None
    return Mismatch(path, _sizes(old, new))


def _plain(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu()
    return tensor.to_dense() if tensor.layout != torch.strided else tensor


def _bits(tensor: Tensor) -> Tensor:
    return tensor.resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)


def _sizes(old: Tensor, new: Tensor) -> str:
    """How many elements differ, and by how much at most."""
    elements = old.numel()
    if not (old.is_floating_point() or old.is_complex()):
        return f"{int((old != new).sum())} of {elements} elements differ"
    both = old.to(torch.complex128 if old.is_complex() else torch.float64)
    other = new.to(both.dtype)
    differ = (both != other) & ~(both.isnan() & other.isnan())
    if not differ.any():
        return "the values are equal, their bits are not (the sign of a zero, or the payload of a NaN)"
    distance = (both - other).abs()[differ]
    size = torch.maximum(both.abs(), other.abs())[differ]
    text = f"{int(differ.sum())} of {elements} elements differ"
    if not distance.isfinite().all():
        return f"{text}, some are not finite on one side"
    return f"{text}, at most by {float(distance.max()):.2g} ({float((distance / size).max()):.2g} of the value)"


def _dict_mismatch(
    old: Mapping[Any, Any], new: Mapping[Any, Any], tolerance: Tolerance | None, path: str
) -> Mismatch | None:
    if list(old) != list(new):
        missing = [key for key in old if key not in new]
        added = [key for key in new if key not in old]
        if missing or added:
            parts = [
                f"{word} {', '.join(map(repr, keys))}" for word, keys in (("lacks", missing), ("has", added)) if keys
            ]
            return Mismatch(path, f"the new one {' and '.join(parts)}")
        return Mismatch(path, f"keys in another order: {list(old)} != {list(new)}")
    record = "train_loss" in old
    for key, value in old.items():
        place = f"{path}[{key!r}]"
        if record and key in CLOCK_KEYS:
            if type(value) is not type(new[key]):
                return Mismatch(place, f"{type(value).__name__} != {type(new[key]).__name__}")
        elif found := mismatch(value, new[key], tolerance, place):
            return found
    return None


def _sequence_mismatch(
    old: Sequence[Any], new: Sequence[Any], tolerance: Tolerance | None, path: str
) -> Mismatch | None:
    # Elements before lengths: the first that differs says more than a count does.
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        if found := mismatch(before, after, tolerance, f"{path}[{index}]"):
            return found
    return None if len(old) == len(new) else Mismatch(path, f"{len(old)} elements != {len(new)} elements")


def _array_mismatch(old: Any, new: Any, tolerance: Tolerance | None, path: str) -> Mismatch | None:
    if old.dtype != new.dtype or old.shape != new.shape:
        return Mismatch(path, f"array {old.dtype}{old.shape} != {new.dtype}{new.shape}")
    if old.dtype == object:
        return mismatch(old.tolist(), new.tolist(), tolerance, path)
    if old.tobytes() == new.tobytes():
        return None
    inexact = np.issubdtype(old.dtype, np.inexact)
    if tolerance is not None and inexact and tolerance.tensors_close(torch.as_tensor(old), torch.as_tensor(new)):
        return None
    return Mismatch(path, f"{int((old != new).sum())} of {old.size} array elements differ")


def _first(found: Any) -> Mismatch | None:
    return next((item for item in found if item), None)


def _shown(value: Any) -> str:
    text = f"{value!r}" if isinstance(value, (*_PLAIN, float)) or value is None else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
