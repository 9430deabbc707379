"""Which rank gets which samples."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler

from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.collectives import from_rank_zero, integers_from_rank_zero, maxima


def can_shard(loader: Any) -> bool:
    """Whether the samples of ``loader`` can be dealt out to ranks, and have not been already.

    That is a ``DataLoader`` whose batches are lists of indices, of a known number, and whose samplers do not shard the
    data themselves (as ``DistributedSampler`` does).
    """
    if not isinstance(loader, DataLoader) or isinstance(loader.dataset, IterableDataset):
        return False
    return (
        loader.batch_sampler is not None and length_of(loader.batch_sampler) is not None and not shards_itself(loader)
    )


def shards_itself(loader: Any) -> bool:
    """Whether a sampler of ``loader`` gives each rank its part."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    samplers = (getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None))
    return any(hasattr(sampler, "num_replicas") for sampler in samplers)


def is_shard(loader: Any) -> bool:
    """Whether ``loader`` is what :func:`sharded` has made."""
    return isinstance(getattr(loader, "batch_sampler", None), BatchShard)


def sharded(loader: DataLoader[Any], shard: type[BatchShard], rank: int, world_size: int, device: torch.device) -> Any:
    """A loader like ``loader``, subclasses included, with this rank's share of its batches."""
    twin = copy.copy(loader)
    # A DataLoader refuses new samplers after its construction, lest batch_size and drop_last say something else; here
    # the batches stay those of the old sampler. Constructing another one would need to know a subclass's arguments.
    vars(twin)["batch_sampler"] = shard(loader.batch_sampler, rank, world_size, device)
    vars(twin)["_iterator"] = None  # persistent workers are not shared
    return twin


class BatchShard:
    """This rank's share of the batches of ``batches``; which these are and in what order, rank 0 says.

    So the order is what it would be in one process that has rank 0's random states.

    Args:
        batches: A batch sampler, of known length.
        device: Where the order is sent through: that of the process group's backend.
    """

    def __init__(self, batches: Any, rank: int, world_size: int, device: torch.device) -> None:
        self.batches = batches
        self.rank = rank
        self.world_size = world_size
        self.device = device

    @property
    def sampler(self) -> Any:
        return getattr(self.batches, "sampler", None)

    def _all_batches(self) -> list[list[Any]]:
        if type(self.batches) is BatchSampler and type(self.batches.sampler) is SequentialSampler:
            return list(self.batches)  # the same everywhere
        # Every rank draws, so that all generators stay in step; only what rank 0 drew counts.
        batches = [list(batch) for batch in self.batches]
        indices = [index for batch in batches for index in batch]
        plain = from_rank_zero(all(type(index) is int for index in indices), self.device)
        if not plain:
            return from_rank_zero(batches, self.device)  # type: ignore[no-any-return]
        main = self.rank == 0
        sizes = integers_from_rank_zero([len(batch) for batch in batches] if main else None, self.device)
        rest = iter(integers_from_rank_zero(indices if main else None, self.device))
        return [[next(rest) for _ in range(size)] for size in sizes]


class TrainingShard(BatchShard):
    """Batches for training: ``world_size`` ranks are together one process with batches ``world_size`` times as large.

    Each rank takes one of ``world_size`` consecutive batches, so all have the same number. Where the last ones are
    fewer, their samples are split again, evenly to within one; or left out, if the loader drops incomplete batches. Are
    there not enough samples for one each, the first of them are used twice: the only ones that ever are.
    """

    def __iter__(self) -> Iterator[list[Any]]:
        batches = self._all_batches()
        whole = len(batches) // self.world_size * self.world_size
        yield from batches[self.rank : whole : self.world_size]
        if len(batches) > whole and not self._drops_last():
            yield self._share_of([index for batch in batches[whole:] for index in batch])

    def __len__(self) -> int:
        whole, rest = divmod(len(self.batches), self.world_size)
        return whole + (rest > 0 and not self._drops_last())

    def _drops_last(self) -> bool:
        return bool(getattr(self.batches, "drop_last", False))

    def _share_of(self, samples: list[Any]) -> list[Any]:
        missing = max(0, self.world_size - len(samples))
        samples = [*samples, *(samples[place % len(samples)] for place in range(missing))]
        start, stop = (len(samples) * rank // self.world_size for rank in (self.rank, self.rank + 1))
        return samples[start:stop]


class EvaluationShard(BatchShard):
    """Batches for evaluation: every ``world_size``-th one as it is. None is padded, split or seen twice."""

    def __iter__(self) -> Iterator[list[Any]]:
        yield from self._all_batches()[self.rank :: self.world_size]

    def __len__(self) -> int:
        return len(range(self.rank, len(self.batches), self.world_size))


def agreed(loader: Iterable[Any], device: torch.device) -> Iterable[Any]:
    """``loader``, ended on all ranks after the same number of batches: that of the shortest."""
    length = length_of(loader)
    unknown, longest, negated = maxima([length is None, length or 0, -(length or 0)], device)
    if unknown:
        return _AskedBatches(loader, device)
    return loader if longest == -negated else _FirstBatches(loader, -int(negated))


class SharedLoader:
    """A loader that all ranks end alike."""

    def __init__(self, loader: Iterable[Any]) -> None:
        self.loader = loader


class _FirstBatches(SharedLoader):
    """The first ``length`` batches of a loader."""

    def __init__(self, loader: Iterable[Any], length: int) -> None:
        super().__init__(loader)
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return itertools.islice(self.loader, self.length)


class _AskedBatches(SharedLoader):
    """The batches of a loader without length, until that of any rank ends: they ask each other before each batch."""

    def __init__(self, loader: Iterable[Any], device: torch.device) -> None:
        super().__init__(loader)
        self.device = device

    def __iter__(self) -> Iterator[Any]:
        iterator = iter(self.loader)
        while True:
            batch = next(iterator, _END)
            (ended,) = maxima([batch is _END], self.device)
            if ended:
                return
            yield batch


_END: Any = object()


def in_order(parts: Sequence[list[Any]]) -> list[Any]:
    """What the ranks made of their :class:`EvaluationShard`, a list each, put together in the order of the data."""
    return [part[turn] for turn in range(max(map(len, parts))) for part in parts if turn < len(part)]
