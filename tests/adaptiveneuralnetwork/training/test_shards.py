"""Which rank gets which samples, for any numbers of samples and ranks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, IterableDataset, SequentialSampler

from adaptiveneuralnetwork.training.data_position import inexact_order
from adaptiveneuralnetwork.training.shards import (
    EvaluationShard,
    TrainingShard,
    _AskedBatches,
    can_shard,
    in_order,
    sharded,
)

SIZES = {"samples": st.integers(0, 60), "batch_size": st.integers(1, 9), "ranks": st.integers(1, 5)}


def shares(kind: Any, samples: int, batch_size: int, ranks: int, drop_last: bool = False) -> list[list[list[int]]]:
    batches = BatchSampler(SequentialSampler(range(samples)), batch_size, drop_last)
    shards = [kind(batches, rank, ranks, torch.device("cpu")) for rank in range(ranks)]
    assert all(len(list(shard)) == len(shard) for shard in shards)
    return [list(shard) for shard in shards]


@given(**SIZES)
def test_ranks_train_together_on_the_batches_of_one_process(samples: int, batch_size: int, ranks: int) -> None:
    parts = shares(TrainingShard, samples, batch_size, ranks)
    assert len({len(part) for part in parts}) == 1
    together = [[index for part in parts for index in part[turn]] for turn in range(len(parts[0]))]
    alone = list(BatchSampler(SequentialSampler(range(samples)), batch_size * ranks, False))
    short = alone.pop() if alone and len(alone[-1]) < ranks else None
    assert together[: len(alone)] == alone
    if short is not None:  # the one batch in which samples are used twice, so that each rank has one
        assert sorted({*together[-1]}) == short
        assert all(len(part[-1]) == 1 for part in parts)
    assert all(1 <= len(batch) <= batch_size for part in parts for batch in part)


def test_a_short_rest_is_split_evenly() -> None:
    first, second = shares(TrainingShard, 13, 5, 2)
    assert (first, second) == ([[0, 1, 2, 3, 4], [10]], [[5, 6, 7, 8, 9], [11, 12]])


@given(**SIZES)
def test_incomplete_batches_are_dropped_as_by_one_process(samples: int, batch_size: int, ranks: int) -> None:
    parts = shares(TrainingShard, samples, batch_size, ranks, drop_last=True)
    seen = sorted(index for part in parts for batch in part for index in batch)
    assert seen == list(range(samples // (batch_size * ranks) * batch_size * ranks))


@given(**SIZES)
def test_evaluation_sees_each_batch_once_and_whole(samples: int, batch_size: int, ranks: int) -> None:
    parts = shares(EvaluationShard, samples, batch_size, ranks)
    assert in_order(parts) == list(BatchSampler(SequentialSampler(range(samples)), batch_size, False))


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        return iter(range(4))


@pytest.mark.parametrize(
    ("loader", "answer"),
    [
        (DataLoader(range(8), batch_size=2), True),
        (DataLoader(range(8), batch_size=2, shuffle=True), True),
        (DataLoader(range(8), batch_sampler=[[0, 1], [2]]), True),
        (DataLoader(range(8), sampler=DistributedSampler(range(8), 2, 0)), False),
        (DataLoader(range(8), batch_size=None), False),
        (DataLoader(Stream(), batch_size=2), False),
        ([(1, 2)], False),
    ],
)
def test_what_can_be_dealt_out(loader: Any, answer: bool) -> None:
    assert can_shard(loader) is answer


def test_a_shard_is_the_loader_with_other_batches() -> None:
    class Mine(DataLoader[int]):
        def __init__(self, data: Any, size: int) -> None:
            super().__init__(data, batch_size=size, collate_fn=tuple)

    loader = Mine(range(10), 2)
    shard = sharded(loader, EvaluationShard, 1, 2, torch.device("cpu"))
    assert type(shard) is Mine
    assert (list(shard), len(shard)) == ([(2, 3), (6, 7)], 2)
    assert len(loader) == 5
    assert list(loader)[1] == (2, 3)


def test_a_wrapped_loader_is_named_as_its_user_knows_it() -> None:
    reasons = inexact_order(_AskedBatches(Stream(), torch.device("cpu")), in_epoch=True)
    assert reasons == ["batches of a Stream are loaded again up to this one, and may draw anew"]
