"""Seeds, the state of the random number generators, and determinism."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's (CPU and accelerators) global generators.

    Call it before the model is built: parameters are drawn when a layer is made. ``Trainer(seed=...)`` calls it too,
    which then governs dropout and the order of the data, but not the initial parameters.

    Args:
        seed: From 0 to 2**32 - 1 (NumPy accepts no other).

    Raises:
        TypeError: ``seed`` is not an integer.
        ValueError: ``seed`` is out of range.

    Example:
        >>> seed_everything(42); a = torch.rand(1)
        >>> seed_everything(42); bool(a == torch.rand(1))
        True
    """
    _check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seeded_generator(seed: int) -> torch.Generator:
    """A generator for ``DataLoader(generator=...)``: the order of its data then depends on nothing else.

    With it, neither dropout nor another loader moves the order, and the workers' seeds follow from it too. A checkpoint
    saves its state.

    Args:
        seed: As for :func:`seed_everything`.

    Example:
        >>> data = [1, 2, 3, 4]
        >>> loader = torch.utils.data.DataLoader(data, shuffle=True, generator=seeded_generator(0))
        >>> again = torch.utils.data.DataLoader(data, shuffle=True, generator=seeded_generator(0))
        >>> [int(batch) for batch in loader] == [int(batch) for batch in again]
        True
    """
    _check_seed(seed)
    return torch.Generator().manual_seed(seed)


def seed_worker(worker_id: int) -> None:
    """For ``DataLoader(worker_init_fn=seed_worker)``: seed Python and NumPy in a worker from torch's seed there.

    That seed differs from worker to worker and from epoch to epoch, so augmentations are not repeated each epoch, as
    they are where workers are seeded with a number of one's own.

    Args:
        worker_id: What the loader gives; the seed is told from torch.

    Example:
        >>> loader = torch.utils.data.DataLoader([1, 2, 3, 4], num_workers=2, worker_init_fn=seed_worker)
        >>> [int(batch) for batch in loader]
        [1, 2, 3, 4]
    """
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)


def rng_state() -> dict[str, Any]:
    """The state of all global generators, as tensors and plain values (so ``weights_only`` loading accepts it)."""
    version, internal, gauss_next = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": [version, list(internal), gauss_next],
        "numpy": [
            str(name),
            torch.from_numpy(np.asarray(keys, dtype=np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_rng_state(state: dict[str, Any]) -> None:
    """Put the global generators where :func:`rng_state` found them."""
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([item.cpu() for item in state["cuda"]])


@contextmanager
def isolated_rng(enabled: bool = True) -> Iterator[None]:
    """Leave the global generators afterwards as they were before.

    Example:
        >>> seed_everything(1)
        >>> with isolated_rng():
        ...     inside = torch.rand(1)
        >>> bool(inside == torch.rand(1))
        True
    """
    state = rng_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            restore_rng_state(state)


@contextmanager
def deterministic_algorithms(enabled: bool = True) -> Iterator[None]:
    """Let torch use deterministic algorithms only, and raise where it has none; afterwards the old settings hold.

    On CUDA, matrix products need the environment variable ``CUBLAS_WORKSPACE_CONFIG=:4096:8`` as well; torch says so.
    """
    if not enabled:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # it picks algorithms by time, which differs from run to run
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = benchmark


def _check_seed(seed: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"seed must be an integer from 0 to 2**32 - 1, got {seed!r} of type {type(seed).__name__}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2**32 - 1, got {seed}")
