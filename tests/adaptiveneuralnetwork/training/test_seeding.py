import random

import numpy as np
import pytest
import torch

from adaptiveneuralnetwork.training import seed_everything
from adaptiveneuralnetwork.training.seeding import restore_rng_state, rng_state


def draw() -> list[float]:
    return [
        random.random(),
        random.gauss(0, 1),
        float(np.random.rand()),
        float(np.random.randn()),
        float(torch.rand(())),
    ]


def test_the_same_seed_gives_the_same_draws_from_all_three():
    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first
    seed_everything(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_a_saved_state_continues_the_same_draws(tmp_path):
    draw()  # leaves a second Gaussian in store in both random and NumPy
    torch.save(rng_state(), tmp_path / "state.pt")
    expected = draw() + draw()
    seed_everything(99)
    restore_rng_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert draw() + draw() == expected


@pytest.mark.parametrize("seed", [1.0, "1", True, None])
def test_a_seed_that_is_no_integer_is_refused(seed):
    with pytest.raises(TypeError, match="seed must be an integer"):
        seed_everything(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=r"seed must be from 0 to 2\*\*32 - 1"):
        seed_everything(seed)
