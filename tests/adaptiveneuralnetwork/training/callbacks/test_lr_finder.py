import math

import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import Callback, EmptyLoaderError, LRFinderResult, Trainer, find_learning_rate
from adaptiveneuralnetwork.training.digests import digest, rng_digest


@pytest.fixture
def dataset(flat_batches):
    return TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))


def everything(trainer, loader):
    """Digests of all that training changes."""
    parameters = [*trainer.model.parameters()]
    return {
        "model": digest(trainer.model.state_dict()),
        "buffers": digest(dict(trainer.model.named_buffers())),
        "gradients": digest([parameter.grad for parameter in parameters]),
        "modes": [module.training for module in trainer.model.modules()],
        "optimizer": digest(trainer.optimizer.state_dict()),
        "scaler": trainer.precision.scaler.state_dict(),
        "rng": rng_digest(),
        "generator": digest(loader.generator.get_state()),
        "counters": (trainer.global_step, trainer.current_epoch, trainer.stop_training, trainer.stop_at_step),
        "callbacks": list(trainer.callbacks),
        "history": list(trainer.metrics_history),
    }


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.SGD])
@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("accumulation", [1, 2])
def test_c21_everything_is_put_back_exactly(make_trainer, dataset, optimizer, trained, accumulation):
    def build():
        called = []

        class Called(Callback):
            def on_batch_end(self, batch_idx, trainer, logs=None):
                called.append(batch_idx)

        torch.manual_seed(7)
        model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.2), nn.Linear(5, 4))
        model.register_buffer("count", torch.zeros(1), persistent=False)
        model.register_forward_hook(lambda module, inputs, output: module.count.add_(1) and None)
        trainer = make_trainer(
            model,
            optimizer=optimizer(model.parameters(), lr=0.01),
            callbacks=[Called()],
            gradient_accumulation_steps=accumulation,
        )
        loader = DataLoader(dataset, 4, shuffle=True, generator=torch.Generator().manual_seed(2))
        torch.manual_seed(8)
        if trained:
            trainer.fit(loader, num_epochs=1, val_loader=loader)
        return trainer, loader, called

    trainer, loader, called = build()
    before, calls = everything(trainer, loader), len(called)
    result = find_learning_rate(trainer, loader, num_steps=20, stop_factor=None)
    assert len(result.rates) == 20
    assert everything(trainer, loader) == before
    assert len(called) == calls, "the trainer's own callbacks are not called"
    history = trainer.fit(loader, num_epochs=2)
    other, other_loader, _ = build()
    assert history == other.fit(other_loader, num_epochs=2)
    assert digest(trainer.model.state_dict()) == digest(other.model.state_dict())


def test_everything_is_put_back_after_an_exception_too(make_trainer, dataset):
    loader = DataLoader(dataset, 4, generator=torch.Generator())
    trainer = make_trainer()
    batch = next(iter(loader))
    before = everything(trainer, loader)

    def broken():
        yield batch
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        find_learning_rate(trainer, broken())
    assert everything(trainer, loader) == before
    with pytest.raises(EmptyLoaderError):
        find_learning_rate(trainer, [])


def test_rates_are_spaced_as_asked_and_groups_keep_their_ratio(make_trainer, flat_batches):
    seen = []

    class Seeing(optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    model = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4))
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[1].parameters(), "lr": 0.2}]
    trainer = make_trainer(model, optimizer=Seeing(groups, lr=1.0))
    result = find_learning_rate(trainer, flat_batches, 1e-4, 1e-2, 5, stop_factor=None)
    assert result.rates == pytest.approx([1e-4, 10**-3.5, 1e-3, 10**-2.5, 1e-2])
    assert [rates[0] for rates in seen] == result.rates
    assert all(second == pytest.approx(2 * first) for first, second in seen)
    result = find_learning_rate(trainer, flat_batches, 0.1, 0.5, 5, spacing="linear", stop_factor=None)
    assert result.rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_it_ends_when_the_loss_grows_too_large(make_trainer, flat_batches):
    result = find_learning_rate(make_trainer(nn.Linear(6, 4)), flat_batches, 1e-5, 1e6, 60)
    assert result.diverged
    assert len(result.losses) == len(result.rates) < 60
    assert result.losses[-1] > 4 * min(result.losses)
    broken = [(inputs * math.inf, targets) for inputs, targets in flat_batches]
    result = find_learning_rate(make_trainer(nn.Linear(6, 4)), broken)
    assert (result.diverged, result.losses, result.suggestion) == (True, [], None)


def test_the_suggestion_is_where_the_loss_falls_most_steeply():
    rates = [10.0**exponent for exponent in range(-5, 1)]
    assert LRFinderResult(rates, [3.0, 3.0, 2.5, 1.0, 0.9, 5.0], False).suggestion == 1e-3
    assert LRFinderResult(rates, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], False).suggestion is None
    assert LRFinderResult(rates[:2], [3.0, 1.0], False).suggestion is None


def test_the_suggestion_trains_well_on_a_problem_with_a_known_answer():
    # Least squares with unit curvature: gradient descent is best at rate 1/2, and diverges above 1.
    inputs = torch.eye(4).repeat(8, 1) * 2
    batches = [(inputs, inputs @ torch.ones(4, 1))]
    model = nn.Linear(4, 1, bias=False)
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), nn.MSELoss(), device="cpu")
    result = find_learning_rate(trainer, batches, 1e-3, 100, 60, smoothing=0.5)
    assert 0.05 < result.suggestion < 1.0
    assert result.diverged


def test_the_plot_is_a_picture(tmp_path):
    result = LRFinderResult([1e-3, 1e-2, 1e-1], [3.0, 2.0, 1.0], False)
    figure = result.plot(tmp_path / "lr.png")
    assert (tmp_path / "lr.png").read_bytes().startswith(b"\x89PNG")
    assert figure.axes[0].get_xscale() == "log"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_lr": 0}, "min_lr must be a number greater than 0, got 0"),
        ({"min_lr": 1.0, "max_lr": 0.5}, "max_lr must be a number greater than 1, got 0.5"),
        ({"num_steps": 2}, "num_steps must be at least 3, got 2"),
        ({"spacing": "log"}, "spacing must be one of 'exponential', 'linear'; got 'log'"),
        ({"smoothing": 1.0}, "smoothing must be less than 1, got 1.0"),
        ({"stop_factor": 1}, "stop_factor must be a number greater than 1, got 1"),
    ],
)
def test_wrong_arguments_are_named(make_trainer, flat_batches, arguments, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(make_trainer(), flat_batches, **arguments)
