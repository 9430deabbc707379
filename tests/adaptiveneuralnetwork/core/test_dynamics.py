"""The equations, each against the formula in the module's docstring, worked out node by node in float64."""

import pytest
import torch

from adaptiveneuralnetwork.core import dynamics
from adaptiveneuralnetwork.core.dynamics import PHASE_EFFECTS, phase_coefficients
from adaptiveneuralnetwork.core.phases import Phase

M, H, N = 6, 4, 5


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def uniform(rng, *shape):
    return torch.rand(*shape, generator=rng, dtype=torch.float64)


def test_gate(rng):
    gain, energy = uniform(rng, M), uniform(rng, M)
    expected = [g * (1 + e) for g, e in zip(gain.tolist(), energy.tolist(), strict=True)]
    assert torch.allclose(dynamics.gate(gain, energy), torch.tensor(expected, dtype=torch.float64))


def test_excitability(rng):
    activity = uniform(rng, M)
    threshold = torch.full_like(activity, dynamics.EXCITABILITY_SCALE * 0.7)
    expected = torch.tensor([0.5 * (0.7 - a) for a in activity.tolist()], dtype=torch.float64)
    assert torch.allclose(dynamics.excitability(activity, threshold), expected)


def test_context_is_a_nodes_own_state_or_its_neighbourhoods(rng):
    hidden, weights = uniform(rng, M, H), uniform(rng, M, M)
    exchange = torch.tensor([0.0, 1.0, 0.25, 0.0, 1.0, 0.0], dtype=torch.float64)
    actual = dynamics.context(hidden, weights, exchange)
    for i in range(M):
        around = sum(weights[i, j] * hidden[j] for j in range(M))
        assert torch.allclose(actual[i], hidden[i] + exchange[i] * (around - hidden[i]))
    assert torch.equal(actual[0], hidden[0])


def test_effective_weight_and_its_gradient(rng):
    weight, context, gate = uniform(rng, M, H).requires_grad_(), uniform(rng, M, H), uniform(rng, M)
    actual = dynamics.effective_weight(weight, context, gate)
    for i in range(M):
        assert torch.allclose(actual[i], gate[i] * (weight[i] + context[i]))
    actual.sum().backward()
    assert torch.allclose(weight.grad, gate.unsqueeze(1).expand(M, H))


def test_next_energy(rng):
    energy, activity = uniform(rng, M), uniform(rng, M)
    cost, recovery = 0.3 * uniform(rng, M), 0.3 * uniform(rng, M)
    actual = dynamics.next_energy(energy, activity, cost, recovery)
    for i in range(M):
        e = energy[i] + recovery[i] * (1 - energy[i]) - cost[i] * activity[i] * energy[i]
        assert torch.allclose(actual[i], e)


@pytest.mark.parametrize("energy_decay", [0.0, 0.01, 0.24, 0.5, 10.0, 1e30])
@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("activity", [0.0, 1.0])
def test_energy_stays_in_bounds_and_moves_the_right_way(energy_decay, start, activity):
    table = phase_coefficients(energy_decay, 0.1).float()
    node = dynamics.node_coefficients(table, torch.arange(4))
    energy, always = torch.full((4,), start), torch.full((4,), activity)
    for _ in range(500):
        energy = dynamics.next_energy(energy, always, node.cost, node.recovery)
        assert energy.min() >= 0
        assert energy.max() <= 1
    if energy_decay == 0:
        assert torch.equal(energy, torch.full((4,), start))
    elif energy_decay >= 0.24:  # 500 steps are enough to settle where gain and loss are equal
        effects = [PHASE_EFFECTS[phase] for phase in Phase]
        settled = torch.tensor([e.recovery / (e.recovery + e.cost * activity) for e in effects])
        assert torch.allclose(energy, settled, atol=1e-5)


def test_next_hidden(rng):
    hidden, features, plasticity = uniform(rng, M, H), uniform(rng, N, H) - 0.5, uniform(rng, M)
    fired = (uniform(rng, N, M) > 0.5).double()
    actual = dynamics.next_hidden(hidden, fired, features, plasticity)
    for i in range(M):
        trace = sum(fired[n, i] * features[n] for n in range(N)) / N * 0.5
        assert torch.allclose(actual[i], hidden[i] + plasticity[i] * (trace - hidden[i]))


def test_next_activity(rng):
    activity, fired = uniform(rng, M), (uniform(rng, N, M) > 0.5).double()
    actual = dynamics.next_activity(activity, fired, 0.2)
    assert torch.allclose(actual, activity + 0.2 * (fired.mean(0) - activity))


def test_coefficients_by_phase():
    table = phase_coefficients(energy_decay=0.01, adaptation_rate=0.1)
    node = dynamics.node_coefficients(table, torch.tensor([Phase.SLEEP, Phase.ACTIVE, Phase.SLEEP]))
    for value, phase in enumerate([Phase.SLEEP, Phase.ACTIVE, Phase.SLEEP]):
        effect = PHASE_EFFECTS[phase]
        assert node.gain[value] == effect.gain
        assert node.exchange[value] == effect.exchange
        assert node.cost[value] == 0.01 * effect.cost
        assert node.recovery[value] == 0.01 * effect.recovery
        assert node.plasticity[value] == 0.1 * effect.plasticity


def test_rates_are_limited_to_what_is_stable():
    node = dynamics.node_coefficients(phase_coefficients(100.0, 100.0), torch.arange(4))
    assert (node.cost + node.recovery).max() <= 1 + 1e-12
    assert node.plasticity.max() == 1


def test_the_phases_differ():
    assert len(set(PHASE_EFFECTS.values())) == len(Phase) == 4
    assert PHASE_EFFECTS[Phase.SLEEP].gain < PHASE_EFFECTS[Phase.ACTIVE].gain < PHASE_EFFECTS[Phase.INSPIRED].gain
    assert PHASE_EFFECTS[Phase.SLEEP].recovery > PHASE_EFFECTS[Phase.ACTIVE].recovery


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("radius", [0.0, 1.0, float("inf")])
def test_coupling_is_the_mean_over_the_neighbourhood(radius, dtype):
    position = torch.randn(40, 2, generator=torch.Generator().manual_seed(1)).to(dtype)
    actual = dynamics.coupling(position, radius)
    assert actual.dtype == dtype
    for i in range(0, 40, 7):
        near = [j for j in range(40) if torch.dist(position[i].double(), position[j].double()) <= radius]
        assert i in near
        assert actual[i].nonzero().flatten().tolist() == near
        assert torch.allclose(actual[i, near], torch.tensor(1 / len(near), dtype=dtype))
