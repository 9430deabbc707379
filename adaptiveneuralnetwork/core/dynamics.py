r"""The equations of the node population, as pure functions of tensors.

A population of ``M`` nodes reads features ``h`` of ``N`` samples, ``(N, H)``. Node ``i`` has trained weights ``W_i``
``(H,)`` and a state that training moves: energy ``E_i`` and activity ``A_i`` in [0, 1], hidden state ``F_i`` ``(H,)``,
a phase ``p``, and neighbours with coupling weights ``C_ij``. It responds with::

    gate_i         = gain_p (1 + E_i)
    context_i      = F_i + exchange_p (sum_j C_ij F_j - F_i)
    excitability_i = 1/2 (threshold - A_i)
    response_ni    = relu( gate_i (W_i + context_i) . h_n + excitability_i )

and after each training step, with ``s_ni = 1`` where ``response_ni > 0`` and else 0::

    E_i <- E_i + decay (recovery_p (1 - E_i) - cost_p A_i E_i)
    F_i <- F_i + rate plasticity_p (1/2 1/N sum_n s_ni h_n - F_i)
    A_i <- A_i + rate (1/N sum_n s_ni - A_i)

Where they come from. The hidden state is a *fast weight*: a decaying Hebbian trace that is added to the slow, trained
weight (Ba et al., "Using Fast Weights to Attend to the Recent Past", 2016). That it counts whether a node fired, rather
than how strongly, keeps it bounded by ``|h|``, and so the loop from trace to response and back stable. The excitability
is intrinsic homeostasis: nodes that fire often become harder to excite (Turrigiano and Nelson, 2004; Triesch, 2005).
The energy is a resource that firing uses up and rest restores, with first-order kinetics as in models of short-term
depression (Tsodyks and Markram, 1997). What each phase does is a choice of this package, :data:`PHASE_EFFECTS`. The
gains differ little on purpose: a gate that swings widely makes the trained weights chase the schedule, at the price of
accuracy.

For small populations a step costs mostly the calls themselves. So the equations are written with tensors only (a Python
number in an operation is one more small tensor to make) and with fused operations.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from adaptiveneuralnetwork.core.phases import Phase

FAST_WEIGHT_SCALE = 0.5
EXCITABILITY_SCALE = 0.5


class PhaseEffect(NamedTuple):
    """What a phase does to a node: one row of :data:`PHASE_EFFECTS`, or of its coefficients ready for use."""

    gain: float  # how strongly it responds
    exchange: float  # how far it reads its neighbours' hidden states instead of its own, 0 to 1
    cost: float  # how fast firing uses energy up, in units of energy_decay
    recovery: float  # how fast energy is restored, in units of energy_decay
    plasticity: float  # how fast the hidden state learns, in units of adaptation_rate


PHASE_EFFECTS = {
    Phase.ACTIVE: PhaseEffect(gain=1.0, exchange=0.0, cost=1.0, recovery=0.5, plasticity=1.0),
    Phase.INTERACTIVE: PhaseEffect(gain=1.0, exchange=1.0, cost=1.0, recovery=0.5, plasticity=1.0),
    Phase.SLEEP: PhaseEffect(gain=0.8, exchange=0.0, cost=0.1, recovery=4.0, plasticity=0.0),
    Phase.INSPIRED: PhaseEffect(gain=1.1, exchange=0.0, cost=2.0, recovery=0.5, plasticity=2.0),
}


class NodeCoefficients(NamedTuple):
    """The coefficients of each node in its present phase, tensors of shape ``(M,)``: a step's share of each rate."""

    gain: Tensor
    exchange: Tensor
    cost: Tensor
    recovery: Tensor
    plasticity: Tensor


def phase_coefficients(energy_decay: float, adaptation_rate: float) -> Tensor:
    """Return what :func:`node_coefficients` looks up: a table ``(5, 4)`` in float64 on CPU, one column a phase.

    Rates are limited to what keeps a step stable: ``decay (cost + recovery) <= 1`` (reached at an ``energy_decay`` of
    0.24), so that the energy never leaves [0, 1], and ``rate plasticity <= 1``.

    Args:
        energy_decay: rate of the energy balance per step; 0 or more.
        adaptation_rate: rate of the running averages per step; 0 or more.
    """
    decay = min(energy_decay, 1 / max(effect.cost + effect.recovery for effect in PHASE_EFFECTS.values()))
    columns = [
        effect._replace(
            cost=decay * effect.cost,
            recovery=decay * effect.recovery,
            plasticity=min(adaptation_rate * effect.plasticity, 1.0),
        )
        for effect in (PHASE_EFFECTS[phase] for phase in Phase)
    ]
    return torch.tensor(columns, dtype=torch.float64, device="cpu").t().contiguous()


def node_coefficients(table: Tensor, phase: Tensor) -> NodeCoefficients:
    """Look up the coefficients of each node: ``table`` ``(5, 4)``, ``phase`` ``(M,)`` of values of :class:`Phase`."""
    return NodeCoefficients(*table.index_select(1, phase).unbind(0))


def coupling(position: Tensor, radius: float) -> Tensor:
    """Return ``C``, ``(M, M)``: each row is the mean over the nodes within ``radius`` of node ``i``, itself included.

    Args:
        position: where the nodes lie, ``(M, spatial_dim)``.
        radius: Euclidean distance up to which two nodes are neighbours; 0 or more.

    Example:
        >>> coupling(torch.tensor([[0.0], [0.5], [3.0]]), radius=1.0)
        tensor([[0.5000, 0.5000, 0.0000],
                [0.5000, 0.5000, 0.0000],
                [0.0000, 0.0000, 1.0000]])
    """
    # Measured in float32 at least, and not through a matrix product, whose rounding moves nodes off their own place.
    place = position.to(torch.promote_types(position.dtype, torch.float32))
    distance = torch.cdist(place, place, compute_mode="donot_use_mm_for_euclid_dist")
    neighbours = (distance <= radius).to(place.dtype)
    return (neighbours / neighbours.sum(1, keepdim=True)).to(position.dtype)


def gate(gain: Tensor, energy: Tensor) -> Tensor:
    """Return how strongly each node responds, ``(M,)``: ``gain (1 + E)``."""
    return torch.addcmul(gain, gain, energy)


def context(hidden: Tensor, coupling: Tensor, exchange: Tensor) -> Tensor:
    """Return the hidden states as the nodes read them, ``(M, H)``: their own, or those of their neighbourhood."""
    return torch.lerp(hidden, (coupling @ hidden).to(hidden.dtype), exchange.unsqueeze(1))


def excitability(activity: Tensor, threshold: Tensor) -> Tensor:
    """Return the bias that holds each node's activity near the threshold, ``(M,)``: ``1/2 (threshold - A)``.

    Args:
        activity: ``(M,)``.
        threshold: the activity regulated towards, already multiplied by :data:`EXCITABILITY_SCALE`; ``(M,)``.
    """
    return torch.sub(threshold, activity, alpha=EXCITABILITY_SCALE)


def effective_weight(weight: Tensor, context: Tensor, gate: Tensor) -> Tensor:
    """Return the weights that the features meet, ``(M, H)``: ``gate (W + context)``; gradients flow to ``weight``."""
    scale = gate.unsqueeze(1)
    return torch.addcmul(context * scale, weight, scale)


def next_energy(energy: Tensor, activity: Tensor, cost: Tensor, recovery: Tensor) -> Tensor:
    """Return the energy after a step, ``(M,)``; it stays in [0, 1] when ``cost + recovery <= 1``."""
    loss = torch.addcmul(recovery, cost, activity)
    return torch.addcmul(energy, energy, loss, value=-1).add_(recovery).clamp_(0, 1)  # clamped against rounding


def next_hidden(hidden: Tensor, fired: Tensor, features: Tensor, plasticity: Tensor) -> Tensor:
    """Return the hidden states after a step, ``(M, H)``.

    Args:
        hidden: before the step, ``(M, H)``.
        fired: 1 where a node responded to a sample and else 0, ``(N, M)``.
        features: what the nodes read, ``(N, H)``.
        plasticity: share of the way that each node moves, ``(M,)``.
    """
    trace = torch.addmm(hidden, fired.t(), features, beta=0, alpha=FAST_WEIGHT_SCALE / fired.size(0))
    return torch.lerp(hidden, trace.to(hidden.dtype), plasticity.unsqueeze(1))


def next_activity(activity: Tensor, fired: Tensor, rate: float) -> Tensor:
    """Return the running mean of how often each node fires, ``(M,)``, from ``fired`` ``(N, M)``."""
    num_samples = fired.size(0)
    return torch.addmv(activity, fired.t(), fired.new_ones(num_samples), beta=1 - rate, alpha=rate / num_samples)
