"""What comes out of a loader: taken apart, moved to the device, reshaped where asked."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import torch


class EmptyLoaderError(ValueError, ZeroDivisionError):
    """A loader gave no batch, so there is no mean to report.

    It is a ``ZeroDivisionError`` too, because that is what the legacy loop raised.

    Example:
        >>> Trainer(model, optimizer, criterion).fit([], num_epochs=1)
        Traceback (most recent call last):
        ...
        adaptiveneuralnetwork.training.batches.EmptyLoaderError: train_loader gave no batch; at least one is needed
    """


def split_batch(batch: Any) -> tuple[Any, Any]:
    """Take a batch of the form ``(inputs, targets)`` apart.

    Raises:
        TypeError: The batch is not a tuple or list.
        ValueError: The batch does not have two parts.
    """
    if not isinstance(batch, (tuple, list)):
        raise TypeError(f"a batch must be a pair (inputs, targets), got {type(batch).__name__}")
    if len(batch) != 2:
        raise ValueError(f"a batch must be a pair (inputs, targets), got {len(batch)} parts")
    return batch[0], batch[1]


def inputs_of(batch: Any, split: Callable[[Any], tuple[Any, Any]] = split_batch) -> Any:
    """The inputs of a batch for prediction, which needs no targets: a tuple's first part, or the batch itself."""
    if split is not split_batch:
        return split(batch)[0]
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def move(value: Any, device: torch.device) -> Any:
    """Move the tensors in a batch to ``device``; other values pass through."""
    if isinstance(value, torch.Tensor):
        if value.device == device:
            return value
        # Only a copy from pinned memory can run beside the computation.
        return value.to(device, non_blocking=value.is_pinned())
    return map_tensors(value, lambda tensor: move(tensor, device))


def map_tensors(value: Any, function: Callable[[torch.Tensor], Any]) -> Any:
    """Apply ``function`` to each tensor in a nest of tuples, lists, dicts and dataclasses, keeping their types.

    Example:
        >>> map_tensors({"x": torch.ones(2), "name": "a"}, lambda tensor: tensor.sum().item())
        {'x': 2.0, 'name': 'a'}
    """
    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, MutableMapping):
        # A shallow copy keeps the type, such as transformers' BatchEncoding: constructors may take other arguments.
        mapped = copy.copy(value)
        mapped.update((key, map_tensors(item, function)) for key, item in value.items())
        return mapped
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, function) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(map_tensors(item, function) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: map_tensors(getattr(value, field.name), function)
            for field in dataclasses.fields(value)
            if field.init
        }
        return dataclasses.replace(value, **fields)
    return value


def count_items(value: Any) -> int:
    """The number of samples in a batch: the length of the first dimension of its first tensor (1 if it has none)."""
    if isinstance(value, torch.Tensor):
        return value.size(0) if value.dim() else 1
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (tuple, list)) and value:
        return count_items(value[0])
    return 1


def length_of(loader: Any) -> int | None:
    """The number of batches, or ``None`` where the loader does not know it."""
    try:
        return len(loader)
    except TypeError:
        return None


def flatten_images(inputs: Any) -> Any:
    """Reshape 4-D inputs ``(N, C, H, W)`` to ``(N, C*H*W)``, as the legacy loop did; anything else passes through.

    For ``Trainer(batch_transform=flatten_images)``. It is a view: inputs whose memory cannot be viewed so
    (``channels_last``) are refused, as they were.

    Args:
        inputs: Of a batch, in any form.

    Raises:
        RuntimeError: The memory layout does not allow the view; call ``.contiguous()`` on the images first.

    Example:
        >>> flatten_images(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 64])
    """
    if isinstance(inputs, torch.Tensor) and inputs.dim() == 4:
        return inputs.view(inputs.size(0), -1)
    return inputs
