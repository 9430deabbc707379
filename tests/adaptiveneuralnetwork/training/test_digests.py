import dataclasses
import random

import pytest
import torch

from adaptiveneuralnetwork.training.digests import digest, rng_digest


@dataclasses.dataclass
class Batch:
    inputs: torch.Tensor
    name: str


ZEROS = torch.zeros(2, 3)
DIFFERENT = [
    ZEROS,
    -ZEROS,
    ZEROS.double(),
    ZEROS.bfloat16(),
    ZEROS.reshape(3, 2),
    [ZEROS],
    [ZEROS, ZEROS],
    {"a": ZEROS},
    {"b": ZEROS},
    Batch(ZEROS, "a"),
    Batch(ZEROS, "b"),
    torch.tensor(0),
    0,
    0.0,
    False,
    None,
    "0",
    [0, 1],
    [0, True],
    ["0, 1"],
    [],
    {},
]


def test_values_that_differ_have_different_digests():
    digests = [digest(value) for value in DIFFERENT]
    assert len(set(digests)) == len(DIFFERENT)
    assert all(len(name) == 16 for name in digests)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ZEROS, ZEROS.clone()),
        (torch.arange(6.0).reshape(2, 3).t(), torch.arange(6.0).reshape(2, 3).t().contiguous()),
        (torch.nn.Parameter(ZEROS), ZEROS),
        ((0, 1), [0, 1]),
        (Batch(ZEROS, "a"), Batch(ZEROS.clone(), "a")),
    ],
)
def test_equal_values_have_equal_digests(one, other):
    assert digest(one) == digest(other)


def test_one_bit_changes_it():
    value = torch.ones(1000)
    before = digest(value)
    value.view(torch.int32)[777] ^= 1
    assert digest(value) != before


@pytest.mark.parametrize("draw", [lambda: torch.rand(1), random.random])
def test_a_draw_changes_the_digest_of_the_random_states(draw):
    before = rng_digest()
    assert rng_digest() == before
    draw()
    assert rng_digest() != before
