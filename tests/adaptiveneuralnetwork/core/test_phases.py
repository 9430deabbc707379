import math

import pytest
import torch

from adaptiveneuralnetwork.core.phases import (
    DEFAULT_PHASE_WEIGHTS,
    PHASE_NAMES,
    Phase,
    phase_at,
    phase_boundaries,
    staggered_clocks,
)


@pytest.mark.parametrize("period", [1, 2, 7, 24, 100, 1000])
@pytest.mark.parametrize(
    "weights",
    [
        DEFAULT_PHASE_WEIGHTS,
        {"active": 3, "sleep": 1},
        {"inspired": 2.5},
        {"active": 1, "interactive": 1, "sleep": 1, "inspired": 1},
        {"inspired": 0.1, "active": 0.0, "interactive": 7.0},
    ],
)
def test_shares_of_the_day_follow_the_weights(weights, period):
    day = phase_at(torch.arange(period), torch.tensor(phase_boundaries(weights, period)))
    assert day.tolist() == sorted(day.tolist())  # in the order of Phase, each in one piece
    for phase, name in enumerate(PHASE_NAMES):
        share = period * weights.get(name, 0) / sum(weights.values())
        assert abs((day == phase).sum().item() - share) <= 1


def test_shares_are_exact_where_they_are_whole_steps():
    day = phase_at(torch.arange(100), torch.tensor(phase_boundaries(DEFAULT_PHASE_WEIGHTS, 100)))
    assert torch.bincount(day).tolist() == [60, 25, 10, 5]


def test_names_are_those_of_the_config():
    assert PHASE_NAMES == ("active", "interactive", "sleep", "inspired")
    assert list(Phase) == [0, 1, 2, 3]


@pytest.mark.parametrize(("num_nodes", "period"), [(1, 100), (7, 100), (100, 100), (250, 100), (5, 1)])
def test_clocks_are_spread_over_the_day(num_nodes, period):
    clocks = staggered_clocks(num_nodes, period)
    assert (clocks.dtype, clocks.shape) == (torch.int64, (num_nodes,))
    assert clocks.min() == 0
    assert clocks.max() < period
    counts = torch.bincount(clocks * min(num_nodes, period) // period)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (None, TypeError, r"phase_weights must be a dict of weights by phase \(active, .*, got None"),
        ([0.6, 0.4], TypeError, "phase_weights must be a dict"),
        ({"awake": 1.0}, ValueError, r"must name phases \(active, interactive, sleep, inspired\), got 'awake'"),
        ({"sleep": "long"}, TypeError, r"phase_weights\['sleep'\] must be a number of 0 or more, got 'long'"),
        ({"sleep": -0.1}, ValueError, r"phase_weights\['sleep'\] must be finite and 0 or more, got -0.1"),
        ({"sleep": math.nan}, ValueError, r"phase_weights\['sleep'\] must be finite"),
        ({"sleep": math.inf}, ValueError, r"phase_weights\['sleep'\] must be finite"),
        ({}, ValueError, r"must have a weight above 0 and a finite sum, got \{\}"),
        ({"active": 0.0}, ValueError, "must have a weight above 0"),
    ],
)
def test_weights_that_are_none(weights, error, message):
    with pytest.raises(error, match=message):
        phase_boundaries(weights, 100)
