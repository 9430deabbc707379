"""The four phases of a node and the circadian schedule that leads through them.

A node's clock counts training steps from 0 to ``period - 1`` and starts over: its day. The day is divided among the
phases in the order of :class:`Phase`, in proportion to their weights. The clocks of a population are staggered over the
day, so at each moment the share of nodes in a phase is about the share of the day that the phase takes.
"""

import math
from collections.abc import Mapping
from enum import IntEnum
from numbers import Real
from types import MappingProxyType

import torch
from torch import Tensor


class Phase(IntEnum):
    """What a node is at. The values are those in the population's ``phase`` buffer."""

    ACTIVE = 0  # responds and learns
    INTERACTIVE = 1  # responds with the hidden states of its neighbours
    SLEEP = 2  # responds weakly, learns nothing, recovers energy
    INSPIRED = 3  # responds strongly and learns fast, at a high price in energy


PHASE_NAMES = tuple(phase.name.lower() for phase in Phase)
DEFAULT_PHASE_WEIGHTS = MappingProxyType({"active": 0.6, "interactive": 0.25, "sleep": 0.1, "inspired": 0.05})


def phase_boundaries(weights: Mapping[str, float], period: int) -> list[int]:
    """Return the steps of the day at which the second, third and fourth phase begin.

    Each boundary is the exact one rounded to a whole step, so a phase's share is right to within one step.

    Args:
        weights: relative duration of the phases by name; a phase left out has none. They need not add up to 1.
        period: steps in a day, 1 or more.

    Raises:
        TypeError: ``weights`` is not a mapping of numbers.
        ValueError: a name is not a phase, a weight is negative or not finite, or none is above 0.

    Example:
        >>> phase_boundaries({"active": 0.6, "interactive": 0.25, "sleep": 0.1, "inspired": 0.05}, period=100)
        [60, 85, 95]
    """
    if not isinstance(weights, Mapping):
        raise TypeError(f"phase_weights must be a dict of weights by phase ({_names()}), got {weights!r}")
    for name, weight in weights.items():
        if name not in PHASE_NAMES:
            raise ValueError(f"phase_weights must name phases ({_names()}), got {name!r}")
        if not isinstance(weight, Real):
            raise TypeError(f"phase_weights[{name!r}] must be a number of 0 or more, got {weight!r}")
        if not 0 <= weight < math.inf:
            raise ValueError(f"phase_weights[{name!r}] must be finite and 0 or more, got {weight!r}")
    total = sum(weights.values())
    if not 0 < total < math.inf:
        raise ValueError(f"phase_weights must have a weight above 0 and a finite sum, got {dict(weights)!r}")
    boundaries, elapsed = [], 0.0
    for name in PHASE_NAMES[:-1]:
        elapsed += weights.get(name, 0.0)
        boundaries.append(round(period * elapsed / total))
    return boundaries


def staggered_clocks(num_nodes: int, period: int, device: torch.device | str | None = None) -> Tensor:
    """Return the clocks of a fresh population, spread evenly over the day: ``(num_nodes,)``, ``int64``.

    Example:
        >>> staggered_clocks(4, period=100).tolist()
        [0, 25, 50, 75]
    """
    return torch.arange(num_nodes, device=device) * period // num_nodes


def phase_at(clock: Tensor, boundaries: Tensor) -> Tensor:
    """Return the phase at each clock.

    Args:
        clock: steps since the day began, ``(num_nodes,)``, ``int64``.
        boundaries: what :func:`phase_boundaries` gives, as a tensor ``(3,)``, ``int64``.

    Returns:
        Phases, ``(num_nodes,)``, ``int64``, values of :class:`Phase`.

    Example:
        >>> phase_at(torch.tensor([0, 59, 60, 99]), torch.tensor([60, 85, 95])).tolist()
        [0, 0, 1, 3]
    """
    return torch.bucketize(clock, boundaries, right=True)


def _names() -> str:
    return ", ".join(PHASE_NAMES)
