"""What processes tell each other, in the few forms that training needs. All of them must call, in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist


class OtherRankError(RuntimeError):
    """Another process failed, so this one could not go on; the message says which and why."""


def sum_(tensor: torch.Tensor) -> torch.Tensor:
    """Replace ``tensor`` by its sum over the ranks, in place."""
    dist.all_reduce(tensor)
    return tensor


def maxima(values: Sequence[float], device: torch.device) -> list[float]:
    """The maximum over the ranks of each of ``values``."""
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return tensor.tolist()


def gathered(value: Any) -> list[Any]:
    """``value`` of each rank, on every rank; what can be pickled."""
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def from_rank_zero(value: Any, device: torch.device) -> Any:
    """``value`` of rank 0, on every rank; what can be pickled."""
    values = [value]
    dist.broadcast_object_list(values, src=0, device=device)
    return values[0]


def integers_from_rank_zero(values: Sequence[int] | None, device: torch.device) -> list[int]:
    """The integers of rank 0, on every rank; the others give ``None``. Eight bytes each, not pickled."""
    size = torch.tensor([len(values or ())], device=device)
    dist.broadcast(size, src=0)
    tensor = torch.empty(int(size), dtype=torch.int64, device=device)
    if values is not None:
        tensor.copy_(torch.tensor(values, dtype=torch.int64))
    dist.broadcast(tensor, src=0)
    return tensor.tolist()


@contextmanager
def all_or_none() -> Iterator[None]:
    """Where one rank raises in the block, all raise after it.

    Raises:
        OtherRankError: On the ranks that had no error of their own.
    """
    error: Exception | None = None
    try:
        yield
    except Exception as raised:
        error = raised
    failures = gathered(None if error is None else f"{type(error).__name__}: {error}")
    if error is not None:
        raise error
    for rank, failure in enumerate(failures):
        if failure is not None:
            raise OtherRankError(f"rank {rank} failed with {failure}")
