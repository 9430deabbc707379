"""``NodePopulation``: the layer of adaptive nodes, with all of its state in buffers."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adaptiveneuralnetwork.arguments import as_count, as_real
from adaptiveneuralnetwork.core import dynamics
from adaptiveneuralnetwork.core.phases import (
    DEFAULT_PHASE_WEIGHTS,
    PHASE_NAMES,
    phase_at,
    phase_boundaries,
    staggered_clocks,
)


class NodePopulation(nn.Module):
    """A layer of nodes whose responses depend on a state that training moves (equations: ``core.dynamics``).

    In training mode each forward pass reads the state, responds, and then moves the state by one step, as BatchNorm
    does with its running statistics. In eval mode, and while :attr:`frozen`, the state stays as it is and the layer is
    a pure function of input, parameters and buffers. It draws random numbers at construction only.

    Buffers, all in ``state_dict``:
        - ``hidden`` ``(M, H)``: fast weights, a decaying trace of the features that each node fired on.
        - ``energy`` ``(M,)`` in [0, 1]: what a node has left to respond with.
        - ``activity`` ``(M,)`` in [0, 1]: how often a node fired of late.
        - ``phase`` ``(M,)``, ``int64``: values of :class:`~adaptiveneuralnetwork.core.phases.Phase`.
        - ``clock`` ``(M,)``, ``int64``: steps into the node's day.
        - ``position`` ``(M, spatial_dim)``: where the nodes lie; standard normal at first.
        - ``coupling`` ``(M, M)``: neighbourhood means, made from ``position``; see :meth:`rewire`.

    A step costs ``O(N M H)`` for the samples and ``O(M^2 H)`` once for the neighbourhoods, whatever ``N``.

    Args:
        num_nodes: ``M``.
        hidden_dim: ``H``, the number of features.
        spatial_dim: dimensions of the space that the nodes lie in.
        connection_radius: distance up to which two nodes are neighbours; 0 or more.
        energy_decay: rate of the energy balance per step; 0 or more, limited to 0.24.
        activity_threshold: activity that a node is regulated towards, and above which it counts as active.
        adaptation_rate: rate of the running averages per step; 0 or more, limited to 1.
        circadian_period: steps in a node's day.
        phase_weights: relative duration of the phases by name; a phase left out has none.
        device: where parameters and buffers are made.
        dtype: their floating-point type.

    Raises:
        ValueError: an argument is out of range.
        TypeError: an argument is of the wrong type.

    Example:
        >>> population = NodePopulation(num_nodes=5, hidden_dim=3)
        >>> population(torch.randn(4, 3)).shape
        torch.Size([4, 5])
    """

    hidden: Tensor
    energy: Tensor
    activity: Tensor
    phase: Tensor
    clock: Tensor
    position: Tensor
    coupling: Tensor
    _coefficients: Tensor
    _threshold: Tensor
    _boundaries: Tensor

    def __init__(
        self,
        num_nodes: int,
        hidden_dim: int,
        *,
        spatial_dim: int = 2,
        connection_radius: float = 1.0,
        energy_decay: float = 0.01,
        activity_threshold: float = 0.5,
        adaptation_rate: float = 0.1,
        circadian_period: int = 100,
        phase_weights: Mapping[str, float] = DEFAULT_PHASE_WEIGHTS,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        as_count(num_nodes, "num_nodes")
        as_count(hidden_dim, "hidden_dim")
        as_count(spatial_dim, "spatial_dim")
        as_real(energy_decay, "energy_decay", 0)
        self.connection_radius = as_real(connection_radius, "connection_radius", 0)
        self.activity_threshold = as_real(activity_threshold, "activity_threshold")
        self.adaptation_rate = min(as_real(adaptation_rate, "adaptation_rate", 0), 1.0)
        self.circadian_period = as_count(circadian_period, "circadian_period")
        boundaries = phase_boundaries(phase_weights, self.circadian_period)
        self.frozen = False
        """Whether the state stays as it is in training mode too. Not part of ``state_dict``."""

        # Kaiming's standard deviation for a layer that a ReLU follows.
        floating: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.randn(num_nodes, hidden_dim, **floating) * math.sqrt(2 / hidden_dim))
        self.register_buffer("position", torch.randn(num_nodes, spatial_dim, **floating))
        self.register_buffer("coupling", dynamics.coupling(self.position, self.connection_radius))
        self.register_buffer("hidden", 0.1 * torch.randn(num_nodes, hidden_dim, **floating))
        self.register_buffer("energy", torch.ones(num_nodes, **floating))
        self.register_buffer("activity", torch.zeros(num_nodes, **floating))
        self.register_buffer("clock", staggered_clocks(num_nodes, circadian_period, device))
        # What follows from the arguments alone is no state: the arguments of the model that loads a state hold.
        self.register_buffer("_boundaries", torch.tensor(boundaries, device=device), persistent=False)
        table = dynamics.phase_coefficients(energy_decay, adaptation_rate).to(self.energy)
        self.register_buffer("_coefficients", table, persistent=False)
        scaled = dynamics.EXCITABILITY_SCALE * self.activity_threshold
        self.register_buffer("_threshold", torch.full_like(self.activity, scaled), persistent=False)
        self.register_buffer("phase", phase_at(self.clock, self._boundaries))

    def forward(self, features: Tensor) -> Tensor:
        """Return the responses ``(N, M)`` to features ``(N, H)``; in training mode, move the state by one step."""
        node = dynamics.node_coefficients(self._coefficients, self.phase)
        weight = dynamics.effective_weight(
            self.weight,
            dynamics.context(self.hidden, self.coupling, node.exchange),
            dynamics.gate(node.gain, self.energy),
        )
        bias = dynamics.excitability(self.activity, self._threshold)
        response = torch.relu(F.linear(features, weight, bias))
        # A batch without samples says nothing about how often a node fires.
        if self.training and not self.frozen and features.size(0):
            self._step(node, features, response)
        return response

    @torch.no_grad()
    def rewire(self) -> None:
        """Make ``coupling`` from ``position`` anew, after the nodes were moved."""
        self.coupling.copy_(dynamics.coupling(self.position, self.connection_radius))

    @torch.no_grad()
    def metrics(self) -> dict[str, float]:
        """Return means over the nodes as floats, and change nothing.

        Returns:
            ``active_node_ratio`` (share of nodes with an activity above the threshold), ``mean_energy``,
            ``mean_activity``, and ``phase_active``, ``phase_interactive``, ``phase_sleep``, ``phase_inspired`` (shares
            of nodes in that phase).
        """
        names = ["active_node_ratio", "mean_energy", "mean_activity", *(f"phase_{name}" for name in PHASE_NAMES)]
        in_phase = self.phase == torch.arange(len(PHASE_NAMES), device=self.phase.device).unsqueeze(1)
        rows = [self.activity > self.activity_threshold, self.energy, self.activity, *in_phase]
        means = torch.stack([row.float().mean() for row in rows])
        return dict(zip(names, means.tolist(), strict=True))  # one transfer from the device

    def extra_repr(self) -> str:
        num_nodes, hidden_dim = self.weight.shape
        return f"num_nodes={num_nodes}, hidden_dim={hidden_dim}, frozen={self.frozen}"

    def _step(self, node: dynamics.NodeCoefficients, features: Tensor, response: Tensor) -> None:
        # Autograd saved none of the buffers in forward, only tensors made from them, so they may change in place.
        energy, activity, hidden, clock = self.energy, self.activity, self.hidden, self.clock
        with torch.no_grad():
            # Autocast may have made the response narrower than the state.
            fired, features = response.sign().to(activity.dtype), features.to(hidden.dtype)
            energy.copy_(dynamics.next_energy(energy, activity, node.cost, node.recovery))
            hidden.copy_(dynamics.next_hidden(hidden, fired, features, node.plasticity))
            activity.copy_(dynamics.next_activity(activity, fired, self.adaptation_rate))
            clock.add_(1).remainder_(self.circadian_period)
            self.phase.copy_(phase_at(clock, self._boundaries))
