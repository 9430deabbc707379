import dataclasses
from collections import namedtuple
from typing import Any

import pytest
import torch

from adaptiveneuralnetwork.training import flatten_images
from adaptiveneuralnetwork.training.batches import count_items, length_of, map_tensors, split_batch

Pair = namedtuple("Pair", "left right")


@dataclasses.dataclass(frozen=True)
class Sample:
    values: torch.Tensor
    name: str = "a"


def test_images_are_flattened_and_nothing_else():
    images = torch.arange(24.0).view(2, 3, 2, 2)
    flat = flatten_images(images)
    assert flat.shape == (2, 12)
    assert flat.data_ptr() == images.data_ptr()
    for other in (torch.zeros(3), torch.zeros(2, 3), torch.zeros(2, 3, 4), torch.zeros(1, 2, 3, 4, 5), {"x": images}):
        assert flatten_images(other) is other


def test_images_that_cannot_be_viewed_are_refused_as_the_legacy_loop_did():
    images = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match="view"):
        flatten_images(images)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: [t, "s"],
        lambda t: (t, 1),
        lambda t: {"x": t, "y": None},
        lambda t: Pair(t, 2),
        Sample,
        lambda t: {"a": [(t,)]},
    ],
)
def test_tensors_are_mapped_inside_any_nest_and_types_stay(wrap: Any):
    before = wrap(torch.ones(2))
    after = map_tensors(before, lambda tensor: tensor + 1)
    assert type(after) is type(before)
    assert repr(after) == repr(wrap(torch.full((2,), 2.0)))
    assert repr(before) == repr(wrap(torch.ones(2)))


def test_a_batch_is_a_pair():
    assert split_batch((1, 2)) == split_batch([1, 2]) == (1, 2)
    with pytest.raises(ValueError, match="got 3 parts"):
        split_batch((1, 2, 3))
    with pytest.raises(TypeError, match="got dict"):
        split_batch({"x": 1})


def test_items_are_counted_along_the_first_dimension():
    assert count_items(torch.zeros(5, 2)) == 5
    assert count_items({"x": [torch.zeros(4)]}) == 4
    assert count_items(torch.tensor(1.0)) == 1
    assert count_items("text") == 1


def test_a_loader_may_have_no_length():
    assert length_of([1, 2]) == 2
    assert length_of(iter([1])) is None
