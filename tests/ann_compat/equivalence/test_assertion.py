import time

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.api import AdaptiveConfig
from adaptiveneuralnetwork.training import Trainer, TrainingLoop
from ann_compat import legacy_callbacks, legacy_history
from ann_compat.equivalence import assert_equivalent
from ann_compat.equivalence.harness import NotDeterministicError
from ann_compat.equivalence.models import DropoutModel

CONFIG = {"save_checkpoint": False, "metrics_file": None, "num_epochs": 2}


def data():
    return [(torch.randn(4, 3) * 50, torch.randint(0, 2, (4,))) for _ in range(2)]


def old():
    config = AdaptiveConfig(**CONFIG)
    return TrainingLoop(DropoutModel(3, 4, 2), config).train(data(), num_epochs=2)


def new(**settings):
    config = AdaptiveConfig(**CONFIG)
    model = DropoutModel(3, 4, 2)
    optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
    arguments = {"device": "cpu", "max_grad_norm": 1.0, "callbacks": legacy_callbacks(config)} | settings
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), **arguments)
    return legacy_history(trainer.fit(data(), 2))


def test_equal_code_passes():
    assert_equivalent(old, new)


def test_a_difference_fails_with_its_place_and_cause():
    with pytest.raises(AssertionError) as failure:
        assert_equivalent(old, lambda: new(max_grad_norm=None))
    assert "differ with seed 0" in str(failure.value)
    assert "optimizer step: gradients: step of Adam" in str(failure.value)
    assert "add max_grad_norm=1.0" in str(failure.value)


def test_another_seed_in_the_new_code_fails():
    with pytest.raises(AssertionError, match="forward"):
        assert_equivalent(old, lambda: new(seed=42))


def test_a_wrong_result_alone_fails():
    with pytest.raises(AssertionError, match="results: the result"):
        assert_equivalent(old, lambda: new()[-1:])


def test_channels_can_be_left_out():
    assert_equivalent(old, lambda: new()[-1:], ignore=["results"])
    with pytest.raises(ValueError, match=r"ignore must name channels of forward, .* got colour"):
        assert_equivalent(old, new, ignore=["colour"])


def test_restless_old_code_is_no_difference():
    with pytest.raises(NotDeterministicError, match="two runs of legacy_fn with seed 0 differ"):
        assert_equivalent(time.perf_counter_ns, time.perf_counter_ns)


def test_code_that_trains_nothing_is_refused():
    with pytest.raises(AssertionError, match="nothing was compared"):
        assert_equivalent(lambda: 1, lambda: 1)
    assert_equivalent(lambda: 1, lambda: 1, must_train=False)
    with pytest.raises(AssertionError):
        assert_equivalent(lambda: 1, lambda: 2, must_train=False)
    with pytest.raises(ValueError, match="seeds must have at least one"):
        assert_equivalent(old, new, seeds=())


def test_raising_in_one_only_fails():
    def failing():
        new()
        raise KeyError("x")

    with pytest.raises(AssertionError, match="KeyError"):
        assert_equivalent(old, failing)
    with pytest.raises(AssertionError, match="the old run failed with KeyError"):
        assert_equivalent(failing, new)


def test_an_assertion_that_fails_in_both_is_not_swallowed():
    def asserting(function):
        def run():
            function()
            raise AssertionError("my own check")

        return run

    with pytest.raises(AssertionError, match="both functions fail with seed 0: my own check"):
        assert_equivalent(asserting(old), asserting(new))


def test_a_tolerance_forgives_rounding_only():
    def nearly():
        history = old()
        history[0]["train_loss"] += 1e-9
        return history

    with pytest.raises(AssertionError):
        assert_equivalent(old, nearly)
    assert_equivalent(old, nearly, tolerance=1e-6)
    with pytest.raises(AssertionError):
        assert_equivalent(old, lambda: new(max_grad_norm=None), tolerance=1e-6)
