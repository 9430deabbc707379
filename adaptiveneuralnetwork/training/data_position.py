"""Where an epoch stands in its data, and how a later process gets there again without loading what was seen.

The order of an epoch is drawn when its iterator is made, from the global generators or from one that the loader holds.
So their states are noted before each epoch (:class:`EpochStart`); with them restored, a new iterator has the same
order, and the indices of the batches seen are drawn and dropped (:func:`resumed_iterator`).
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from adaptiveneuralnetwork.training.seeding import restore_rng_state, rng_state
from adaptiveneuralnetwork.training.shards import SharedLoader, is_shard


class EpochStart:
    """The states of all generators, noted before an epoch's iterator is made.

    Args:
        loader: Whose generators count, beside the global ones.
        state: What :meth:`state_dict` gave, instead of the present states.
    """

    def __init__(self, loader: Any, state: dict[str, Any] | None = None) -> None:
        self._state = state or {"rng": rng_state(), "generators": generator_states(loader)}

    def state_dict(self) -> dict[str, Any]:
        return self._state

    def restore(self, loader: Any) -> None:
        restore_generators(loader, self._state["generators"])
        restore_rng_state(self._state["rng"])


def resumed_iterator(
    loader: Iterable[Any], batches: int, start: EpochStart, now: Mapping[str, Any], stateful: Any = None
) -> Iterator[Any]:
    """An iterator of ``loader`` that goes on after the first ``batches`` batches, all generators as they were then.

    Args:
        start: The states at the beginning of the epoch.
        now: ``rng`` and ``generators`` as they were after those batches.
        stateful: What the loader's own ``state_dict()`` gave then, where it has one.

    Raises:
        ValueError: The loader has fewer batches.
    """
    if stateful is not None and hasattr(loader, "load_state_dict"):
        loader.load_state_dict(stateful)
        start.restore(loader)
        iterator = iter(loader)
    else:
        start.restore(loader)
        iterator = iter(loader)
        _skip(loader, iterator, batches)
        moved = generator_states(loader)
        if any(not torch.equal(moved[name], state) for name, state in now["generators"].items() if name in moved):
            warnings.warn(
                "the loader's generator is not where it was after as many batches: something else drew from it, so the "
                "order of the remaining data may be another",
                RuntimeWarning,
                stacklevel=2,
            )
    # After the skipping, which draws, and before the first batch is fetched, which may draw too.
    restore_generators(loader, now["generators"])
    restore_rng_state(now["rng"])
    return iterator


def _skip(loader: Any, iterator: Iterator[Any], batches: int) -> None:
    # Of a DataLoader without workers only the indices are drawn. Workers have generators of their own, which only
    # loading moves; whatever else is iterated has nothing but its batches.
    indices_only = _has_known_order(loader) and loader.num_workers == 0
    skipped = iterator._sampler_iter if indices_only else iterator  # type: ignore[attr-defined]
    for done in range(batches):
        try:
            next(skipped)
        except StopIteration:
            raise ValueError(
                f"the training data ends after {done} batches, but the checkpoint was written after {batches} of an "
                "epoch; is it the same data and batch size?"
            ) from None


def inexact_order(loader: Any, in_epoch: bool) -> list[str]:
    """Why the order of the remaining data may be another after a resume; empty where it is certainly the same.

    Args:
        in_epoch: Whether the checkpoint is written between the batches of an epoch.
    """
    if _is_stateful(loader):
        return []
    reasons = [
        f"{owner} has a generator of its own ({name}), whose state is not saved"
        for owner, value in _parts(loader)
        for name in _foreign_generators(value)
    ]
    if not in_epoch or isinstance(loader, (list, tuple)):
        return reasons
    if not isinstance(loader, DataLoader):
        # What several processes share is wrapped; its user knows the loader within.
        known = type(loader.loader if isinstance(loader, SharedLoader) else loader).__name__
        return [*reasons, f"batches of a {known} are loaded again up to this one, and may draw anew"]
    if isinstance(loader.dataset, torch.utils.data.IterableDataset):
        reasons.append(f"the dataset {type(loader.dataset).__name__} is iterable, so its position is found by loading")
    elif not _has_known_order(loader):
        sampler = loader.batch_sampler if _is_foreign_batch_sampler(loader) else loader.sampler
        reasons.append(f"the sampler {type(sampler).__name__} may draw its order as it goes, from what is not saved")
    if loader.num_workers and loader.persistent_workers:
        reasons.append("persistent workers keep their random states over epochs, and these are not saved")
    return reasons


def set_epoch(loader: Any, epoch: int, always: bool | None) -> None:
    """Tell the samplers of ``loader`` which epoch comes, before its iterator is made.

    Args:
        always: Call every ``set_epoch`` there is; ``False`` none; ``None`` that of samplers that shard the data.
    """
    if always is False:
        return
    batch_sampler = getattr(loader, "batch_sampler", None)
    candidates = [loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None)]
    for candidate in {id(candidate): candidate for candidate in candidates}.values():
        method = getattr(candidate, "set_epoch", None)
        if method is not None and (always or getattr(candidate, "num_replicas", 1) > 1):
            method(epoch)


def loader_state(loader: Any) -> Any:
    """The loader's own account of its position, where it gives one (``state_dict`` and ``load_state_dict``)."""
    return loader.state_dict() if _is_stateful(loader) else None


def generator_states(loader: Any) -> dict[str, torch.Tensor]:
    """The states of the generators that a loader and its samplers hold, by where they are."""
    return {name: generator.get_state() for name, generator in _generators(loader).items()}


def restore_generators(loader: Any, states: Mapping[str, torch.Tensor]) -> None:
    """Put them back; those that the loader does not have any more are left out."""
    generators = _generators(loader)
    for name, state in states.items():
        if name in generators:
            generators[name].set_state(state.cpu())


def _generators(loader: Any) -> dict[str, torch.Generator]:
    found: dict[str, torch.Generator] = {}
    for owner, value in _parts(loader)[:4]:
        generator = getattr(value, "generator", None)
        if isinstance(generator, torch.Generator):
            found[owner] = generator
    return found


def _parts(loader: Any) -> list[tuple[str, Any]]:
    batch_sampler = getattr(loader, "batch_sampler", None)
    return [
        ("loader", loader),
        ("loader.sampler", getattr(loader, "sampler", None)),
        ("loader.batch_sampler", batch_sampler),
        ("loader.batch_sampler.sampler", getattr(batch_sampler, "sampler", None)),
        ("loader.dataset", getattr(loader, "dataset", None)),
    ]


def _foreign_generators(value: Any) -> list[str]:
    """Attributes of ``value`` that are random number generators beside torch's under the name ``generator``."""
    kinds = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)
    attributes = getattr(value, "__dict__", {})
    return [name for name, item in attributes.items() if isinstance(item, kinds) and name != "generator"]


# Their order is drawn when they are iterated first, or from a generator of their own.
_KNOWN_SAMPLERS = (SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler, DistributedSampler)


def _has_known_order(loader: Any) -> bool:
    return (
        type(loader) is DataLoader
        and not isinstance(loader.dataset, torch.utils.data.IterableDataset)
        and not _is_foreign_batch_sampler(loader)
        and type(getattr(loader.batch_sampler, "sampler", loader.sampler)) in _KNOWN_SAMPLERS
    )


def _is_foreign_batch_sampler(loader: DataLoader[Any]) -> bool:
    batch_sampler = loader.batch_sampler.batches if is_shard(loader) else loader.batch_sampler  # type: ignore[union-attr]
    return batch_sampler is not None and type(batch_sampler) is not BatchSampler


def _is_stateful(loader: Any) -> bool:
    return hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")
