import copy
import pickle

import pytest
import torch

from adaptiveneuralnetwork.core import dynamics
from adaptiveneuralnetwork.core.nodes import NodePopulation
from adaptiveneuralnetwork.core.phases import Phase

M, H, N = 12, 5, 7
BUFFERS = ["hidden", "energy", "activity", "phase", "clock", "position", "coupling"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def features():
    return torch.randn(N, H, generator=torch.Generator().manual_seed(1))


def population(seed=0, **settings):
    torch.manual_seed(seed)
    return NodePopulation(M, H, **{"circadian_period": 20, **settings})


def state(module):
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_all_state_is_in_the_state_dict():
    assert set(population().state_dict()) == {"weight", *BUFFERS}


def test_response_is_the_documented_formula(features):
    nodes_ = population().eval()
    nodes_.activity.uniform_()
    nodes_.energy.uniform_()
    response = nodes_(features)
    for i in range(M):
        effect = dynamics.PHASE_EFFECTS[Phase(int(nodes_.phase[i]))]
        around = nodes_.coupling[i] @ nodes_.hidden
        context = nodes_.hidden[i] + effect.exchange * (around - nodes_.hidden[i])
        gate = effect.gain * (1 + nodes_.energy[i])
        drive = features @ (gate * (nodes_.weight[i] + context)) + 0.5 * (0.5 - nodes_.activity[i])
        assert torch.allclose(response[:, i], drive.relu(), atol=1e-6)


def test_training_moves_the_state_by_the_documented_equations(features):
    nodes_ = population()
    before = state(nodes_)
    fired = (nodes_(features) > 0).float()
    for i in range(M):
        effect = dynamics.PHASE_EFFECTS[Phase(int(before["phase"][i]))]
        energy, activity = before["energy"][i], before["activity"][i]
        energy = energy + 0.01 * (effect.recovery * (1 - energy) - effect.cost * activity * energy)
        assert torch.allclose(nodes_.energy[i], energy)
        assert torch.allclose(nodes_.activity[i], activity + 0.1 * (fired[:, i].mean() - activity))
        trace = 0.5 * (fired[:, i : i + 1] * features).mean(0)
        hidden = before["hidden"][i]
        assert torch.allclose(nodes_.hidden[i], hidden + 0.1 * effect.plasticity * (trace - hidden), atol=1e-6)
    assert torch.equal(nodes_.clock, (before["clock"] + 1) % 20)
    assert {"position", "coupling"}.isdisjoint(changed(before, state(nodes_)))


def test_a_day_takes_each_node_through_its_phases(features):
    nodes_ = population(phase_weights={"active": 0.5, "interactive": 0.25, "sleep": 0.15, "inspired": 0.1})
    clock, phases = nodes_.clock.clone(), []
    for _ in range(20):
        phases.append(nodes_.phase.clone())
        nodes_(features)
    for node in range(M):
        assert torch.bincount(torch.stack(phases)[:, node], minlength=4).tolist() == [10, 5, 3, 2]
    assert torch.equal(nodes_.clock, clock)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ["hidden", "energy", "activity", "phase", "coupling"])
def test_state_acts_at_once(features, name, training):
    nodes_ = population().train(training)
    before = copy.deepcopy(nodes_)(features)
    buffer = getattr(nodes_, name)
    if name == "phase":
        buffer.copy_((buffer + 1) % 4)
    else:
        buffer.mul_(0.5).add_(0.2)
    assert not torch.equal(nodes_(features), before)


@pytest.mark.parametrize("training", [True, False])
def test_position_acts_through_rewire(features, training):
    nodes_ = population().train(training)
    nodes_.phase.fill_(Phase.INTERACTIVE)
    before = copy.deepcopy(nodes_)(features)
    nodes_.position.mul_(100)
    nodes_.rewire()
    assert torch.equal(nodes_.coupling, torch.eye(M))
    assert not torch.equal(nodes_(features), before)


def test_clock_acts_from_the_next_step_on(features):
    nodes_, other = population(), population()
    other.clock.add_(10).remainder_(20)
    assert torch.equal(nodes_(features), other(features))
    assert not torch.equal(nodes_.phase, other.phase)
    assert not torch.equal(nodes_(features), other(features))


def test_each_phase_responds_differently(features):
    nodes_ = population().eval()
    responses = []
    for phase in Phase:
        nodes_.phase.fill_(phase)
        responses.append(nodes_(features))
    assert all(not torch.equal(a, b) for i, a in enumerate(responses) for b in responses[:i])
    assert responses[Phase.SLEEP].sum() < responses[Phase.ACTIVE].sum() < responses[Phase.INSPIRED].sum()


def test_sleep_restores_energy_and_work_uses_it_up(features):
    def energy_after_a_day(weights):
        nodes_ = population(phase_weights=weights, energy_decay=0.05)
        nodes_.energy.fill_(0.7)
        for _ in range(20):
            nodes_(features)
        return nodes_.energy.mean()

    rested, worked, inspired = (energy_after_a_day({name: 1}) for name in ("sleep", "active", "inspired"))
    assert inspired < worked < 0.7 < rested


def test_activity_is_regulated_towards_the_threshold():
    def settled(threshold):
        nodes_ = population(activity_threshold=threshold)
        draw = torch.Generator().manual_seed(2)
        for _ in range(200):
            nodes_(0.2 * torch.randn(32, H, generator=draw))  # the size that an untrained encoder gives
        return nodes_.activity.mean()

    assert settled(0.1) + 0.1 < settled(0.5) < settled(0.9) - 0.1


@pytest.mark.parametrize("stop", ["eval", "frozen"])
def test_state_stands_still(features, stop):
    nodes_ = population()
    nodes_(features)
    if stop == "eval":
        nodes_.eval()
    else:
        nodes_.frozen = True
    before, rng = state(nodes_), torch.get_rng_state()
    first, second = nodes_(features), nodes_(features)
    assert torch.equal(first, second)
    assert not changed(before, state(nodes_))
    assert torch.equal(torch.get_rng_state(), rng)


def test_training_draws_no_random_number(features):
    nodes_, rng = population(), torch.get_rng_state()
    torch.manual_seed(0)
    population()  # what construction draws
    assert torch.equal(torch.get_rng_state(), rng)
    nodes_(features)
    assert torch.equal(torch.get_rng_state(), rng)


def test_an_empty_batch_leaves_the_state_alone():
    nodes_ = population()
    before = state(nodes_)
    assert nodes_(torch.empty(0, H)).shape == (0, M)
    assert not changed(before, state(nodes_))


def test_state_changes_in_place(features):
    nodes_ = population()
    buffers = dict(nodes_.named_buffers())
    nodes_(features)
    assert all(buffers[name] is buffer for name, buffer in nodes_.named_buffers())
    assert not any(buffer.requires_grad for buffer in buffers.values())


def test_gradients_are_right_after_the_state_moved():
    nodes_ = population(dtype=torch.float64)
    features = torch.randn(N, H, dtype=torch.float64, requires_grad=True)
    still = copy.deepcopy(nodes_)
    still.frozen = True
    # Two passes before the backward pass: neither may find a tensor that it saved changed.
    first = nodes_(features)
    nodes_(features)
    actual = torch.autograd.grad(first.square().sum(), [nodes_.weight, features])
    expected = torch.autograd.grad(still(features).square().sum(), [still.weight, features])
    assert all(torch.equal(a, e) for a, e in zip(actual, expected, strict=True))
    assert torch.autograd.gradcheck(still, (features,))


def test_state_dict_restores_the_course(features):
    nodes_, other = population(seed=0), population(seed=1)
    nodes_(features)
    other.load_state_dict(nodes_.state_dict())
    for _ in range(25):
        assert torch.equal(nodes_(features), other(features))
    assert not changed(state(nodes_), state(other))


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_go_their_own_way(features, clone):
    nodes_ = population()
    nodes_.frozen = True
    other = clone(nodes_)
    assert other.frozen
    assert torch.equal(nodes_(features), other(features))
    other.frozen = False
    before = state(nodes_)
    other(features)
    assert not changed(before, state(nodes_))
    assert changed(before, state(other))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_floating_types(features, dtype):
    built, converted = population(dtype=dtype), population().to(dtype)
    for nodes_ in (built, converted):
        response = nodes_(features.to(dtype))
        response.sum().backward()
        assert response.dtype == nodes_.hidden.dtype == nodes_.energy.dtype == dtype
        assert nodes_.phase.dtype == nodes_.clock.dtype == torch.int64
        assert all(buffer.isfinite().all() for buffer in nodes_.buffers())


def test_autocast_keeps_the_state_in_its_type(features):
    nodes_ = population()
    exact = copy.deepcopy(nodes_)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        response = nodes_(features)
    exact(features)
    assert response.dtype == torch.bfloat16
    assert nodes_.hidden.dtype == nodes_.activity.dtype == torch.float32
    assert torch.allclose(nodes_.hidden, exact.hidden, atol=0.01)
    assert torch.allclose(nodes_.energy, exact.energy)


def test_metrics_are_means_over_the_nodes():
    nodes_ = population(activity_threshold=0.5)
    nodes_.activity.copy_(torch.tensor([0.9, 0.6, 0.5] + [0.0] * (M - 3)))
    nodes_.energy.fill_(0.25)
    nodes_.phase.copy_(torch.tensor([0, 1, 1, 2, 2, 2] + [3] * (M - 6)))
    metrics = nodes_.metrics()
    assert all(type(value) is float for value in metrics.values())
    assert metrics == pytest.approx(
        {
            "active_node_ratio": 2 / M,
            "mean_energy": 0.25,
            "mean_activity": 2.0 / M,
            "phase_active": 1 / M,
            "phase_interactive": 2 / M,
            "phase_sleep": 3 / M,
            "phase_inspired": (M - 6) / M,
        }
    )


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"spatial_dim": 0}, ValueError, "spatial_dim must be at least 1, got 0"),
        ({"connection_radius": -1.0}, ValueError, r"connection_radius must be a number of at least 0, got -1\.0"),
        ({"energy_decay": float("nan")}, ValueError, "energy_decay must be finite, got nan"),
        ({"activity_threshold": None}, TypeError, "activity_threshold must be a number, got None"),
        ({"adaptation_rate": "fast"}, TypeError, "adaptation_rate must be a number of at least 0, got 'fast'"),
        ({"circadian_period": 0}, ValueError, "circadian_period must be at least 1, got 0"),
        ({"circadian_period": 2.5}, TypeError, r"circadian_period must be an integer of at least 1, got 2\.5"),
        ({"phase_weights": {"nap": 1}}, ValueError, "phase_weights must name phases"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        population(**settings)
