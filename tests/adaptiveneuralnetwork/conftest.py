"""What every test relies on: one thread, so that bits can be compared, and random states that do not leak."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from adaptiveneuralnetwork.training.seeding import restore_rng_state, rng_state, seed_everything

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Start each test from the same random states, and leave those of the session as they were."""
    before = rng_state()
    seed_everything(0)
    yield
    restore_rng_state(before)
