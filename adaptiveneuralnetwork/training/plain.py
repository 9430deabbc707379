"""Tensors and plain values only: what a checkpoint may hold."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def plain(value: Any, where: str = "state") -> Any:
    """``value`` with everything in it a tensor or a plain value, so that ``weights_only`` loading accepts it.

    Numbers of NumPy become Python's, its arrays tensors, mappings dicts, paths strings; tensors stay the same objects.

    Args:
        value: Tensors, numbers, strings, bytes, ``None``, dtypes and devices, in dicts, lists, tuples and sets.
        where: What the value is, for the error.

    Raises:
        TypeError: It holds something else; the message says where, and of which type it is.

    Example:
        >>> import numpy as np
        >>> plain({"best": np.float64(0.5), "seen": (1, "a")})
        {'best': 0.5, 'seen': (1, 'a')}
    """
    kind = type(value)
    if value is None or kind in _AS_THEY_ARE:
        return value
    if isinstance(value, torch.Tensor):
        return value
    for base in (bool, int, float, complex, str, bytes):  # subclasses: enumerations, NumPy's float64
        if isinstance(value, base):
            return base(value)  # type: ignore[arg-type]  # it is one already
    if isinstance(value, np.generic):
        return plain(value.item(), where)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return torch.from_numpy(value.copy())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value, where)
    if isinstance(value, (list, tuple, set)):
        base_kind = next(base for base in (list, tuple, set) if isinstance(value, base))
        return base_kind(plain(item, f"{where}[{index}]") for index, item in enumerate(value))
    raise TypeError(
        f"{where} is a {kind.__module__}.{kind.__qualname__}, and a checkpoint holds only tensors and plain values "
        "(numbers, strings, lists, dicts), which can be loaded without running code"
    )


_AS_THEY_ARE = frozenset({bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size})


def _plain_mapping(mapping: Mapping[Any, Any], where: str) -> dict[Any, Any]:
    content = {plain(key, f"a key of {where}"): plain(item, f"{where}[{key!r}]") for key, item in mapping.items()}
    if isinstance(mapping, Counter):
        return Counter(content)
    if isinstance(mapping, OrderedDict):
        ordered = OrderedDict(content)
        if hasattr(mapping, "_metadata"):  # the versions of the modules in a model's state
            ordered._metadata = dict(mapping._metadata)  # type: ignore[attr-defined]
        return ordered
    return content
