import random

import numpy as np
import pytest
import torch

from adaptiveneuralnetwork.training import seed_everything
from adaptiveneuralnetwork.training.seeding import (
    deterministic_algorithms,
    isolated_rng,
    restore_rng_state,
    rng_state,
    seed_worker,
    seeded_generator,
)


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


class Augmented(torch.utils.data.Dataset):
    """Each sample is what the three generators draw in the worker that loads it."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor(draw(), dtype=torch.float64)


@pytest.mark.parametrize("worker_init_fn", [None, seed_worker])
def test_c23_workers_draw_differently_in_each_worker_and_epoch_and_the_same_again(worker_init_fn):
    def epochs():
        loader = torch.utils.data.DataLoader(
            Augmented(), 4, num_workers=2, worker_init_fn=worker_init_fn, generator=seeded_generator(3)
        )
        return torch.stack([torch.cat(list(loader)) for _ in range(2)])

    first = epochs()
    for column in range(first.shape[-1]):
        assert len(set(first[..., column].flatten().tolist())) == 16, "no number occurs twice"
    assert torch.equal(epochs(), first)


def test_a_seeded_generator_needs_a_seed():
    with pytest.raises(TypeError, match="seed must be an integer"):
        seeded_generator("3")


def test_isolated_rng_leaves_no_trace_also_after_an_error():
    seed_everything(5)
    expected = draw()
    seed_everything(5)

    def fail():
        with isolated_rng():
            draw()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert draw() == expected


def test_deterministic_algorithms_are_a_matter_of_the_block():
    torch.backends.cudnn.benchmark = True
    try:
        with deterministic_algorithms():
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.backends.cudnn.benchmark
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.benchmark
    finally:
        torch.backends.cudnn.benchmark = False
