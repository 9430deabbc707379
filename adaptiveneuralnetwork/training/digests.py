"""Short names for the exact bits of tensors, models and random states, to tell whether two runs are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from adaptiveneuralnetwork.training.seeding import rng_state

_PLAIN = {int, float, str, bool, type(None)}


def digest(value: Any) -> str:
    """16 hexadecimal digits that differ, for all practical purposes, when any bit of ``value`` does.

    Args:
        value: A nest of tensors, plain values, lists, tuples, dicts and objects with fields. Types, dtypes, shapes and
            keys count; devices and memory layouts do not. Tensors on an accelerator are copied to the CPU, which waits
            for it.

    Example:
        >>> digest(torch.zeros(2)) == digest(torch.zeros(2)), digest(torch.zeros(2)) == digest(-torch.zeros(2))
        (True, False)
    """
    accumulated = hashlib.sha256()
    _add(accumulated, value)
    return accumulated.hexdigest()[:16]


def rng_digest() -> str:
    """The :func:`digest` of the global random states: Python's, NumPy's and torch's."""
    return digest(rng_state())


def _add(accumulated: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        value = value.detach()
        accumulated.update(f"tensor {value.dtype} {tuple(value.shape)};".encode())
        # As bytes, because NumPy lacks bfloat16 and others.
        accumulated.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(value, Mapping):
        accumulated.update(f"mapping {len(value)};".encode())
        for key, item in value.items():
            _add(accumulated, key)
            _add(accumulated, item)
    elif isinstance(value, (list, tuple)) and all(type(item) in _PLAIN for item in value):
        # At once: the state of Python's generator is a list of 625 integers.
        accumulated.update(f"values {list(value)!r};".encode())
    elif isinstance(value, (list, tuple)):
        accumulated.update(f"sequence {len(value)};".encode())
        for item in value:
            _add(accumulated, item)
    elif hasattr(value, "__dict__"):
        accumulated.update(f"{type(value).__qualname__};".encode())
        _add(accumulated, vars(value))
    else:
        # repr gives every bit of a float.
        accumulated.update(f"{type(value).__name__} {value!r};".encode())
