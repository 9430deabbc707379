"""Automatic mixed precision: which dtype the forward pass runs in, and the scaler that float16 needs."""

from __future__ import annotations

import contextlib
from typing import Any

import torch


class Precision:
    """Autocast and gradient scaling for one device.

    On CUDA the forward pass and the loss run in float16 with a gradient scaler, elsewhere in bfloat16, which has the
    range of float32 and needs none (the scaler is then a disabled one, never ``None``).

    Args:
        device: Where the model is.
        enabled: False gives full precision: :meth:`autocast` does nothing.
        dtype: ``torch.float16`` or ``torch.bfloat16``, or their names, instead of that choice.

    Raises:
        ValueError: ``dtype`` is neither.
    """

    def __init__(self, device: torch.device, enabled: bool, dtype: torch.dtype | str | None = None) -> None:
        self.enabled = bool(enabled)
        self.device_type = device.type
        if dtype is None:
            dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
        elif dtype not in _DTYPES:
            raise ValueError(f"amp_dtype must be one of {', '.join(map(repr, _DTYPES))}, got {dtype!r}")
        self.dtype = _DTYPES[dtype]
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.enabled and self.dtype is torch.float16)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        if not self.enabled:
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)


_DTYPES: dict[Any, torch.dtype] = {
    torch.float16: torch.float16,
    torch.bfloat16: torch.bfloat16,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
