import math
import struct

import numpy as np
import pytest
import torch
from torch import nn

from ann_compat.equivalence.tolerance import Relative
from ann_compat.equivalence.values import is_comparable, mismatch

OTHER_NAN = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "text",
        0.1,
        math.nan,
        [1, [2.0, math.nan]],
        {"a": (1, 2)},
        torch.tensor([1.0, math.nan]),
        torch.tensor(3),
        torch.zeros(0),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([1 + 2j]),
        torch.eye(3).to_sparse(),
        np.array([1.0, np.nan]),
        np.float32(1.5),
        {1, 2},
        b"bytes",
    ],
)
def test_equal_to_itself_and_to_a_copy(value):
    copy = value.clone() if isinstance(value, torch.Tensor) else value
    assert mismatch(value, copy) is None


@pytest.mark.parametrize(
    ("old", "new", "path", "text"),
    [
        (1, True, "", "1 != True"),
        (1, 1.0, "", "1 != 1.0"),
        (0.0, -0.0, "", "0.0 != -0.0"),
        (math.nan, OTHER_NAN, "", "nan != nan"),
        (0.1, math.nextafter(0.1, 1), "", "0.1 != 0.10000000000000002"),
        ([1, 2], [1, 3], "[1]", "2 != 3"),
        ([1, 2], [1], "", "2 elements != 1 elements"),
        ([], [1], "", "0 elements != 1 elements"),
        ([1], (1,), "", "a list != a tuple"),
        ({"a": 1}, {}, "", "the new one lacks 'a'"),
        ({}, {"a": 1}, "", "the new one has 'a'"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "", "keys in another order: ['a', 'b'] != ['b', 'a']"),
        ({"a": {"b": 1.0}}, {"a": {"b": 2.0}}, "['a']['b']", "1.0 != 2.0"),
        (torch.zeros(2), torch.zeros(3), "", "shape (2,) != (3,)"),
        (torch.zeros(2), torch.zeros(2).double(), "", "dtype torch.float32 != torch.float64"),
        (torch.zeros(2), -torch.zeros(2), "", "the values are equal, their bits are not"),
        (
            torch.tensor([1.0, 2.0]),
            torch.tensor([1.0, 4.0]),
            "",
            "1 of 2 elements differ, at most by 2 (0.5 of the value)",
        ),
        (torch.tensor([1.0]), torch.tensor([math.nan]), "", "some are not finite on one side"),
        (torch.tensor([1, 2]), torch.tensor([2, 2]), "", "1 of 2 elements differ"),
        (torch.zeros(2), None, "", "a Tensor != None"),
        (np.zeros(2), np.ones(2), "", "2 of 2 array elements differ"),
        (object(), object(), "", "values of type object cannot be compared"),
    ],
)
def test_the_first_difference_is_named(old, new, path, text):
    found = mismatch(old, new)
    assert found is not None
    assert found.path == path
    assert text in found.text


def test_clock_values_are_exempt_in_records_only():
    old = {"train_loss": 0.5, "timestamp": 1.0, "epoch_time": 2.0}
    assert mismatch(old, old | {"timestamp": 9.0, "epoch_time": 8.0}) is None
    assert mismatch(old, old | {"timestamp": 9}).path == "['timestamp']"
    assert mismatch(old, {"train_loss": 0.5, "epoch_time": 2.0}) is not None
    assert mismatch({"timestamp": 1.0}, {"timestamp": 2.0}) is not None


def test_modules_are_compared_by_their_state():
    torch.manual_seed(0)
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    assert "['weight']" in mismatch(first, second).path
    second.load_state_dict(first.state_dict())
    assert mismatch(first, second) is None


def test_tolerance_forgives_small_differences_only():
    assert mismatch(1.0, 1.0 + 1e-9, tolerance=Relative(1e-6)) is None
    assert mismatch(1.0, 1.1, tolerance=Relative(1e-6)) is not None
    assert mismatch(torch.ones(2), torch.ones(2) + 1e-6, tolerance=Relative(1e-5)) is None
    assert mismatch(torch.ones(2), torch.ones(2) + 1e-3, tolerance=Relative(1e-5)) is not None
    assert mismatch(torch.tensor([1]), torch.tensor([2]), tolerance=Relative(10.0)) is not None


def test_what_cannot_be_compared_is_known():
    assert is_comparable([1, {"a": torch.zeros(1)}])
    assert not is_comparable([object()])
    assert not is_comparable({"a": lambda: None})
