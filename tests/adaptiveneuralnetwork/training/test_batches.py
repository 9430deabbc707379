import dataclasses
from collections import UserDict, namedtuple
from typing import Any

import pytest
import torch

from adaptiveneuralnetwork.training import flatten_images
from adaptiveneuralnetwork.training.batches import count_items, length_of, map_tensors, move, split_batch

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
        lambda t: UserDict(x=t, y=["s"]),
    ],
)
def test_tensors_are_mapped_inside_any_nest_and_types_stay(wrap: Any):
    before = wrap(torch.ones(2))
    after = map_tensors(before, lambda tensor: tensor + 1)
    assert type(after) is type(before)
    assert repr(after) == repr(wrap(torch.full((2,), 2.0)))
    assert repr(before) == repr(wrap(torch.ones(2)))


def test_c38_nests_of_any_kind_are_moved_and_what_is_no_tensor_passes():
    class Encoding(UserDict):
        """As that of transformers: a mapping with more arguments than its content."""

        def __init__(self, data, encodings):
            super().__init__(data)
            self.encodings = encodings

    meta = torch.device("meta")
    inputs = torch.ones(2)
    batch = {"pair": Pair(inputs, "a"), "list": [Sample(inputs, "b"), 3], "encoding": Encoding({"ids": inputs}, "kept")}
    moved = move(batch, meta)
    encoding = moved["encoding"]
    assert {moved["pair"].left.device, moved["list"][0].values.device, encoding["ids"].device} == {meta}
    assert (moved["pair"].right, moved["list"][0].name, moved["list"][1]) == ("a", "b", 3)
    assert (type(encoding), encoding.encodings) == (Encoding, "kept")
    assert batch["encoding"]["ids"] is inputs, "the batch itself is left as it is"
    assert move(inputs, inputs.device) is inputs


@pytest.mark.parametrize("pinned", [True, False])
def test_c38_only_pinned_memory_is_copied_beside_the_computation(monkeypatch, pinned):
    calls = []
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda self: pinned)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device, non_blocking: calls.append((device, non_blocking)))
    move((torch.ones(1), ["a"]), torch.device("cuda", 0))
    assert calls == [(torch.device("cuda", 0), pinned)]


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
