import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F

from adaptiveneuralnetwork import api
from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training.datasets import load_digits

SMALL = AdaptiveConfig(input_dim=16, output_dim=3, num_nodes=10, hidden_dim=6, circadian_period=20)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(rng_seed=0, **changes):
    torch.manual_seed(rng_seed)
    return AdaptiveModel(SMALL.update(**changes))


def batches(number=6, size=8, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 16, generator=draw), torch.randint(0, 3, (size,), generator=draw)) for _ in range(number)
    ]


def train(model, data, lr=0.01):
    """Train on the batches in order and return the losses."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    model.train()
    losses = []
    for x, target in data:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def tensors(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_both_import_paths_give_one_class():
    assert api.AdaptiveModel is AdaptiveModel


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(8, 16), (1, 16), (8, 1, 4, 4), (1, 4, 2, 2), (5, 16)])
def test_shapes(shape, training):
    assert build().train(training)(torch.randn(shape)).shape == (shape[0], 3)


def test_images_are_flattened():
    images = torch.randn(8, 1, 4, 4)
    model = build().eval()
    assert torch.equal(model(images), model(images.view(8, -1)))


def test_images_that_are_not_contiguous_fail_as_view_does():
    with pytest.raises(RuntimeError, match="view"):
        build()(torch.randn(8, 2, 4, 2).permute(0, 3, 2, 1))


@pytest.mark.parametrize("shape", [(16,), (8, 15), (8, 4, 4), (8, 1, 4, 5), (8, 1, 1, 4, 4)])
def test_other_shapes_are_named(shape):
    with pytest.raises(ValueError, match=r"x must be of shape \(N, 16\), or 4-D with 16 values a sample, got \("):
        build()(torch.randn(shape))


def test_samples_do_not_see_each_other():
    x, _ = batches(1)[0]
    model = build().eval()
    together = model(x)
    assert torch.allclose(together, torch.cat([model(row[None]) for row in x]), atol=1e-6)


def test_same_seed_same_model():
    assert equal(tensors(build(0)), tensors(build(0)))
    assert not equal(tensors(build(0)), tensors(build(1)))


def test_construction_does_not_reseed():
    torch.manual_seed(5)
    AdaptiveModel(SMALL)
    first = torch.rand(1)
    torch.manual_seed(6)
    AdaptiveModel(SMALL)
    assert not torch.equal(torch.rand(1), first)


def test_construction_draws_from_no_other_rng():
    import random

    import numpy as np

    states = random.getstate(), np.random.get_state()[1].tolist()
    train(build(), batches())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def test_runs_repeat_bit_for_bit():
    first, second = build(), build()
    assert train(first, batches()) == train(second, batches())
    assert equal(tensors(first), tensors(second))


@pytest.mark.parametrize("name", ["hidden", "energy", "activity", "phase"])
@pytest.mark.parametrize("training", [True, False])
def test_state_acts(name, training):
    x, _ = batches(1)[0]
    model = build()
    train(model, batches())
    model.train(training)
    before = copy.deepcopy(model)(x)
    buffer = getattr(model.population, name)
    if name == "phase":
        buffer.copy_(3 - buffer)
    else:
        buffer.mul_(0.5).add_(0.1)
    assert not torch.equal(model(x), before)


CHANGES = {
    "num_nodes": 11,
    "hidden_dim": 7,
    "spatial_dim": 3,
    "energy_decay": 0.1,
    "activity_threshold": 0.3,
    "connection_radius": 0.2,
    "adaptation_rate": 0.5,
    "circadian_period": 7,
    "phase_weights": {"active": 0.1, "sleep": 0.9},
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_field_of_the_node_and_phase_groups_acts(name):
    model, other = build(), build(**{name: CHANGES[name]})
    # The same parameters where the sizes allow, so that what differs is due to the field.
    parameters = dict(other.named_parameters())
    with torch.no_grad():
        for key, value in model.named_parameters():
            if parameters[key].shape == value.shape:
                parameters[key].copy_(value)
    for key in ("hidden", "position"):
        if getattr(model.population, key).shape == getattr(other.population, key).shape:
            getattr(other.population, key).copy_(getattr(model.population, key))
    other.population.rewire()
    x, _ = batches(1)[0]
    train(model, batches(20))
    train(other, batches(20))
    assert not torch.equal(model.eval()(x), other.eval()(x))


@pytest.mark.parametrize("change", [{"seed": 7}, {"num_epochs": 3}, {"enable_ablation_study": True}])
def test_fields_of_training_do_not_act(change):
    first, second = build(), build(**change)
    assert train(first, batches()) == train(second, batches())


def test_frozen_population_makes_another_run():
    moving, still = build(), build().freeze_population()
    before = dict(still.population.named_buffers())
    before = {name: buffer.clone() for name, buffer in before.items()}
    moved, stood = train(moving, batches()), train(still, batches())
    assert moved[0] == stood[0]  # the state acts from the second step on
    assert all(a != b for a, b in zip(moved[1:], stood[1:], strict=True))
    assert equal(dict(still.population.named_buffers()), before)
    assert still.freeze_population(False) is still
    train(still, batches(1))
    assert not equal(dict(still.population.named_buffers()), before)


def test_eval_is_pure():
    model = build()
    train(model, batches())
    model.eval()
    before, rng = tensors(model), torch.get_rng_state()
    outputs = [model(x) for x, _ in batches()]
    again = [model(x) for x, _ in reversed(batches())][::-1]
    assert all(torch.equal(a, b) for a, b in zip(outputs, again, strict=True))
    assert equal(tensors(model), before)
    assert torch.equal(torch.get_rng_state(), rng)


@pytest.mark.parametrize("training", [True, False])
def test_get_metrics_is_pure(training):
    model = build()
    train(model, batches())
    model.train(training)
    before, rng = tensors(model), torch.get_rng_state()
    metrics = model.get_metrics()
    assert {"active_node_ratio", "mean_energy", "mean_activity"} <= metrics.keys()
    assert all(type(value) is float and 0 <= value <= 1 for value in metrics.values())
    assert model.get_metrics() == metrics
    assert equal(tensors(model), before)
    assert torch.equal(torch.get_rng_state(), rng)
    assert model.training is training


def test_metrics_follow_training():
    model = build()
    before = model.get_metrics()
    train(model, batches())
    after = model.get_metrics()
    assert all(before[name] != after[name] for name in ("mean_energy", "mean_activity"))


@pytest.mark.parametrize("frozen", [False, True])
def test_full_state_restores_the_course(frozen):
    model, other = build(0).freeze_population(frozen), build(1)
    train(model, batches())
    file = io.BytesIO()
    torch.save(model.get_state_dict_full(), file)
    file.seek(0)
    other.load_state_dict_full(torch.load(file, weights_only=True))
    assert equal(tensors(model), tensors(other))
    assert other.population.frozen is frozen
    assert train(model, batches(seed=2)) == train(other, batches(seed=2))
    assert equal(tensors(model), tensors(other))
    assert model.get_metrics() == other.get_metrics()


def test_plain_state_dict_holds_parameters_and_population():
    model, other = build(0), build(1)
    train(model, batches())
    other.load_state_dict(model.state_dict())
    assert train(model, batches(seed=2)) == train(other, batches(seed=2))


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (None, TypeError, r"state must be a dict from get_state_dict_full\(\), got NoneType"),
        ({"weights": 1}, ValueError, "with 'state_dict' and 'population_frozen', got the keys 'weights'"),
        ({"state_dict": {}, "population_frozen": False}, RuntimeError, "Missing key"),
    ],
)
def test_full_state_of_another_form_is_named(state, error, message):
    model = build()
    before = tensors(model)
    with pytest.raises(error, match=message):
        model.load_state_dict_full(state)
    assert equal(tensors(model), before)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_go_the_same_way(clone):
    model = build()
    train(model, batches())
    other = clone(model)
    assert train(model, batches(seed=2)) == train(other, batches(seed=2))
    assert equal(tensors(model), tensors(other))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "torch.float64", torch.float64])
def test_dtype(dtype):
    model = build(dtype=dtype)
    expected = torch.bfloat16 if dtype == "bfloat16" else torch.float64
    assert all(tensor.dtype in (expected, torch.int64) for tensor in model.state_dict().values())
    x, _ = batches(1)[0]
    assert model(x).dtype == expected  # float32 samples are converted
    assert model(torch.randint(0, 255, (4, 16), dtype=torch.uint8)).dtype == expected


def test_device_of_the_config_is_where_the_model_is():
    on_meta = AdaptiveModel(SMALL.update(device="meta"))
    assert {tensor.device.type for tensor in on_meta.state_dict().values()} == {"meta"}
    assert on_meta(torch.empty(4, 16, device="meta")).shape == (4, 3)  # a host sync would raise here
    with torch.device("meta"):
        on_cpu = AdaptiveModel(SMALL.update(device=torch.device("cpu")))
    assert {tensor.device.type for tensor in [*on_cpu.parameters(), *on_cpu.buffers()]} == {"cpu"}


def test_no_host_sync_in_a_training_step():
    model = AdaptiveModel(SMALL.update(device="meta")).train()
    F.cross_entropy(
        model(torch.empty(4, 16, device="meta")), torch.empty(4, dtype=torch.long, device="meta")
    ).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"input_dim": 0}, ValueError, "input_dim must be at least 1, got 0"),
        ({"output_dim": 2.0}, TypeError, r"output_dim must be an integer of at least 1, got 2\.0"),
        ({"num_nodes": 2.5}, TypeError, r"num_nodes must be an integer of at least 1, got 2\.5"),
        ({"hidden_dim": 2.5}, TypeError, r"hidden_dim must be an integer of at least 1, got 2\.5"),
        ({"dtype": "int64"}, ValueError, r"dtype must be a floating-point type such as .*, got 'int64'"),
        ({"dtype": "double precision"}, ValueError, "dtype must be a floating-point type"),
        ({"dtype": None}, ValueError, "dtype must be a floating-point type"),
        ({"phase_weights": None}, TypeError, "phase_weights must be a dict of weights by phase"),
        ({"energy_decay": -1.0}, ValueError, r"energy_decay must be a number of at least 0, got -1\.0"),
    ],
)
def test_configs_that_make_no_model(changes, error, message):
    with pytest.raises(error, match=message):
        build(**changes)


def test_config_of_another_type():
    with pytest.raises(TypeError, match=r"config must be an AdaptiveConfig, got \{'num_nodes': 3\}"):
        AdaptiveModel({"num_nodes": 3})


def test_it_learns_digits_and_the_population_takes_part():
    config = AdaptiveConfig(input_dim=64, num_nodes=50, hidden_dim=32)
    loaders = load_digits(seed=0)

    def run(frozen):
        torch.manual_seed(0)
        model = AdaptiveModel(config).freeze_population(frozen)
        for _ in range(3):
            train(model, loaders[0], lr=0.005)
        model.eval()
        with torch.no_grad():
            return torch.cat([model(x) for x, _ in loaders[1]]), model

    target = torch.cat([target for _, target in loaders[1]])
    outputs, model = run(frozen=False)
    assert (outputs.argmax(1) == target).float().mean() > 0.85  # chance is 0.1
    assert not torch.equal(run(frozen=True)[0], outputs)
    # What it learned rests on the state: without energy the same parameters do worse.
    images = torch.cat([x for x, _ in loaders[1]])
    model.population.energy.zero_()
    model.population.hidden.zero_()
    assert (model(images) - outputs).abs().max() > 0.1
