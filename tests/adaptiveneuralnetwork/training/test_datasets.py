import math
import sys

import pytest
import torch

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.training.datasets import (
    create_synthetic_loaders,
    load_digits,
    load_mnist,
    load_mnist_subset,
)


def everything(loader):
    data, target = zip(*loader, strict=True)
    return torch.cat(data), torch.cat(target)


def test_digits_as_vectors():
    train_loader, test_loader = load_digits()
    assert (len(train_loader.dataset), len(test_loader.dataset)) == (1437, 360)
    data, target = next(iter(train_loader))
    assert (data.shape, data.dtype) == ((64, 64), torch.float32)
    assert (target.shape, target.dtype) == ((64,), torch.int64)
    data = torch.cat([everything(train_loader)[0], everything(test_loader)[0]])
    assert (data.min(), data.max()) == (0.0, 1.0)
    assert torch.equal(data * 16, (data * 16).round())


def test_digits_as_images_are_the_same_digits():
    vectors, _ = everything(load_digits()[1])
    images, _ = everything(load_digits(flatten=False)[1])
    assert images.shape == (360, 1, 8, 8)
    assert torch.equal(images.flatten(1), vectors)


def test_digits_are_split_without_loss_or_overlap():
    from sklearn.datasets import load_digits as bundled

    pixels, labels = bundled(return_X_y=True)
    parts = [everything(loader) for loader in load_digits(batch_size=100)]
    rows = []
    for data, target in parts:
        rows += torch.cat([data * 16, target[:, None]], dim=1).tolist()
    expected = [[*row, label] for row, label in zip(pixels.tolist(), labels.tolist(), strict=True)]
    assert sorted(rows) == sorted(expected)


def test_seed_decides_the_split():
    first, again, other = (load_digits(seed=seed)[1].dataset.tensors[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_seed_draws_the_split_from_the_global_rng():
    torch.manual_seed(0)
    first = load_digits(seed=None)[1].dataset.tensors[0]
    second = load_digits(seed=None)[1].dataset.tensors[0]
    torch.manual_seed(0)
    assert torch.equal(load_digits(seed=None)[1].dataset.tensors[0], first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("build", [load_digits, create_synthetic_loaders])
def test_building_leaves_the_global_rng_alone(build):
    before = torch.get_rng_state()
    build()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("build", [load_digits, create_synthetic_loaders])
def test_shuffling_draws_from_the_global_rng_as_a_data_loader_does(build):
    train_loader, _ = build()
    plain = torch.utils.data.DataLoader(train_loader.dataset, 64, shuffle=True)
    torch.manual_seed(3)
    ours, end = everything(train_loader), torch.get_rng_state()
    torch.manual_seed(3)
    expected = everything(plain)
    assert torch.equal(ours[0], expected[0])
    assert torch.equal(end, torch.get_rng_state())
    assert not torch.equal(everything(train_loader)[0], ours[0])  # a new order each epoch


@pytest.mark.parametrize("build", [load_digits, create_synthetic_loaders])
def test_generator_decides_the_order(build):
    first, second = (everything(build(generator=torch.Generator().manual_seed(5))[0])[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("build", [load_digits, create_synthetic_loaders])
def test_without_shuffle_the_order_stays(build):
    train_loader, _ = build(shuffle=False)
    assert torch.equal(everything(train_loader)[0], everything(train_loader)[0])


@pytest.mark.parametrize(("test_size", "num_test"), [(0.2, 360), (0.5, 899), (100, 100), (0.9999, 1796)])
def test_test_size_as_share_or_number(test_size, num_test):
    train_loader, test_loader = load_digits(test_size=test_size)
    assert (len(train_loader.dataset), len(test_loader.dataset)) == (1797 - num_test, num_test)


@pytest.mark.parametrize("test_size", [0, 1.0, -0.1, 1797, math.nan])
def test_test_size_out_of_range(test_size):
    with pytest.raises(ValueError, match=r"test_size must be above 0 and below .*, got "):
        load_digits(test_size=test_size)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer of at least 1, got 2.5"),
        ({"test_size": "a"}, TypeError, "test_size must be a share"),
        ({"test_size": True}, TypeError, "test_size must be a share"),
        ({"seed": 1.5}, TypeError, "seed must be an int or None, got 1.5"),
        ({"num_samples": 1}, ValueError, "num_samples must be at least 2, got 1"),
        ({"num_classes": 0}, ValueError, "num_classes must be at least 1, got 0"),
        ({"input_dim": "3"}, TypeError, "input_dim must be an integer of at least 1, got '3'"),
        ({"noise": -1}, ValueError, "noise must be a number of at least 0, got -1"),
        ({"noise": None}, TypeError, "noise must be a number of at least 0, got None"),
        ({"config": {}}, TypeError, r"config must be an AdaptiveConfig or None, got \{\}"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        create_synthetic_loaders(**arguments)


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"adaptiveneuralnetwork\[digits\]"):
        load_digits()


@pytest.mark.parametrize("load", [load_mnist, load_mnist_subset])
def test_mnist_names_the_digits_loader(load):
    with pytest.raises(RuntimeError, match=rf"^{load.__name__} is not available.*load_digits\(\)"):
        load("data", batch_size=64)


def test_synthetic_defaults():
    train_loader, test_loader = create_synthetic_loaders()
    data, target = next(iter(train_loader))
    assert (data.shape, data.dtype, target.dtype) == ((64, 784), torch.float32, torch.int64)
    assert (len(train_loader.dataset), len(test_loader.dataset)) == (800, 200)
    counts = torch.bincount(torch.cat([everything(train_loader)[1], everything(test_loader)[1]]))
    assert counts.tolist() == [100] * 10


def test_synthetic_from_a_config():
    config = AdaptiveConfig(input_dim=12, output_dim=3, batch_size=5, seed=9)
    train_loader, _ = create_synthetic_loaders(num_samples=30, config=config)
    data, _ = next(iter(train_loader))
    assert data.shape == (5, 12)
    assert set(train_loader.dataset.tensors[1].tolist()) == {0, 1, 2}
    expected, _ = create_synthetic_loaders(30, 5, 12, 3, seed=9)
    assert torch.equal(train_loader.dataset.tensors[0], expected.dataset.tensors[0])
    narrower, _ = create_synthetic_loaders(num_samples=30, config=config, input_dim=4)
    assert next(iter(narrower))[0].shape == (5, 4)


def test_synthetic_data_can_be_learned_and_noise_spreads_them():
    train_loader, test_loader = create_synthetic_loaders(num_samples=300, input_dim=20, num_classes=4)
    data, target = train_loader.dataset.tensors
    centres = torch.stack([data[target == c].mean(0) for c in range(4)])
    test_data, test_target = test_loader.dataset.tensors
    nearest = torch.cdist(test_data, centres).argmin(1)
    assert (nearest == test_target).float().mean() > 0.95
    exact = create_synthetic_loaders(num_samples=300, input_dim=20, num_classes=4, noise=0)[0].dataset.tensors[0]
    assert len(exact.unique(dim=0)) == 4
