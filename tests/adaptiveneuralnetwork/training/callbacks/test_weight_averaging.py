import copy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import Callback, EMACallback, Phase, SWACallback
from adaptiveneuralnetwork.training.digests import digest, rng_digest


class Weights(Callback):
    """A copy of the weights after each optimizer step and each epoch."""

    def __init__(self):
        self.steps, self.epochs = [], []

    def on_optimizer_step_end(self, trainer, logs=None):
        self.steps.append([parameter.detach().clone() for parameter in trainer.model.parameters()])

    def on_epoch_end(self, epoch, trainer, logs=None):
        self.epochs.append([parameter.detach().clone() for parameter in trainer.model.parameters()])


def assert_equal(parameters, expected):
    for one, other in zip(parameters, expected, strict=True):
        torch.testing.assert_close(one, other)


def same(parameters, expected):
    return all(torch.equal(one, other) for one, other in zip(parameters, expected, strict=True))


def test_ema_follows_its_formula_and_ends_in_the_model(make_trainer, flat_batches):
    ema, weights = EMACallback(decay=0.8), Weights()
    trainer = make_trainer(callbacks=[ema, weights])
    trainer.fit(flat_batches, num_epochs=2)
    average = weights.steps[0]
    for step in weights.steps[1:]:
        average = [0.8 * one + 0.2 * other for one, other in zip(average, step, strict=True)]
    assert_equal(ema.averaged.module.parameters(), average)
    assert same(trainer.model.parameters(), ema.averaged.module.parameters())
    assert not same(trainer.model.parameters(), weights.steps[-1])


def test_ema_can_begin_late_and_rarely(make_trainer, flat_batches):
    ema, weights = EMACallback(decay=0.5, every_n_steps=2, start_step=3, apply_at_end=False), Weights()
    trainer = make_trainer(callbacks=[ema, weights])
    trainer.fit(flat_batches, num_epochs=2)
    expected = [0.5 * one + 0.5 * other for one, other in zip(weights.steps[3], weights.steps[5], strict=True)]
    assert_equal(ema.averaged.module.parameters(), expected)
    assert same(trainer.model.parameters(), weights.steps[-1])


def test_validation_measures_the_average_and_training_goes_on_without_it(make_trainer, flat_batches):
    def run(*callbacks):
        weights = Weights()
        trainer = make_trainer(callbacks=[*callbacks, weights])
        torch.manual_seed(4)
        return trainer, trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches), weights

    trainer, with_ema, seen = run(EMACallback(decay=0.9))
    _, without, plain = run()
    assert with_ema.column("train_loss") == without.column("train_loss")
    assert all(same(one, other) for one, other in zip(seen.steps, plain.steps, strict=True))
    assert with_ema.column("val_loss") != without.column("val_loss")
    assert trainer.evaluate(flat_batches)["val_loss"] == with_ema[-1]["val_loss"], "the model has the average now"
    _, unseen, _ = run(EMACallback(decay=0.9, evaluate=False, apply_at_end=False))
    assert unseen == without


def test_an_exception_in_validation_leaves_the_models_own_weights(make_trainer, flat_batches):
    weights = Weights()
    trainer = make_trainer(callbacks=[EMACallback(decay=0.5), weights])
    with pytest.raises(TypeError):
        trainer.fit(flat_batches, num_epochs=2, val_loader=[3])
    assert same(trainer.model.parameters(), weights.steps[-1])


@pytest.mark.parametrize("callback", [EMACallback(0.5), SWACallback(0)])
def test_c10_skipped_steps_do_not_count(make_trainer, flat_batches, callback):
    class Overflow(Callback):
        def on_backward_end(self, batch_idx, trainer, logs=None):
            if trainer.current_epoch == 1:
                trainer.model[0].weight.grad.fill_(torch.inf)

    trainer = make_trainer(callbacks=[Overflow(), callback])
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.fit(flat_batches, num_epochs=3)
    assert int(callback.averaged.n_averaged) == (6 if isinstance(callback, EMACallback) else 2)


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_the_models_or_averaged(make_trainer, flat_batches, use_buffers):
    ema = EMACallback(decay=0.9, use_buffers=use_buffers, apply_at_end=False)
    trainer = make_trainer(callbacks=[ema])
    trainer.fit(flat_batches, num_epochs=1)
    mean = "1.running_mean"
    equal = torch.equal(trainer.model.state_dict()[mean], ema.averaged.module.state_dict()[mean])
    assert equal != use_buffers


def continued(make_trainer, batches, make_callback, epochs, path):
    """Run ``epochs`` at once, and in two parts with the states carried over; return both models and callbacks."""

    def fit(trainer, callback, num_epochs):
        trainer.callbacks.append(callback)
        trainer.fit(batches, num_epochs)

    def build():
        return make_trainer(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4)))

    start = copy.deepcopy(build().model.state_dict())
    whole, first, second = build(), build(), build()
    for trainer in (whole, first, second):
        trainer.model.load_state_dict(start)
    one, part, other = make_callback(), make_callback(), make_callback()
    one.apply_at_end = part.apply_at_end = other.apply_at_end = False
    fit(whole, one, epochs)
    state = {}

    class Keep(Callback):
        phase = Phase.PERSIST

        def on_epoch_end(self, epoch, trainer, logs=None):
            if epoch == epochs // 2:
                state.update(copy.deepcopy(part.state_dict()))
                trainer.save_checkpoint(path)

    first.callbacks.append(Keep())
    fit(first, part, epochs)
    second.load_checkpoint(path)
    other.load_state_dict(state)
    assert digest(other.state_dict()) == digest(state), "a checkpoint before training keeps it"
    fit(second, other, epochs)
    return whole, second, one, other


@pytest.mark.parametrize(
    "make_callback",
    [
        lambda: EMACallback(0.9),
        lambda: EMACallback(0.9, every_n_steps=2, use_buffers=True),
        lambda: SWACallback(1),
        lambda: SWACallback(1, swa_lr=0.02, anneal_epochs=3),
        lambda: SWACallback(4, swa_lr=0.02, anneal_epochs=2, anneal_strategy="linear"),
    ],
)
def test_its_state_continues_the_average_exactly(make_trainer, flat_batches, tmp_path, make_callback):
    whole, second, one, other = continued(make_trainer, flat_batches, make_callback, 6, tmp_path / "last.pt")
    assert digest(one.averaged.state_dict()) == digest(other.averaged.state_dict())
    assert digest(whole.model.state_dict()) == digest(second.model.state_dict())
    assert whole.optimizer.param_groups[0]["lr"] == second.optimizer.param_groups[0]["lr"]


def test_swa_is_the_mean_of_the_last_epochs(make_trainer, flat_batches):
    swa, weights = SWACallback(start_epoch=2), Weights()
    trainer = make_trainer(callbacks=[weights, swa])
    trainer.fit(flat_batches, num_epochs=5)
    mean = [sum(parts) / 3 for parts in zip(*weights.epochs[2:], strict=True)]
    assert_equal(trainer.model.parameters(), mean)


@pytest.mark.parametrize(
    ("anneal_epochs", "strategy", "expected"),
    [(2, "linear", [0.1, 0.1, 0.06, 0.02, 0.02]), (0, "cos", [0.1, 0.02, 0.02, 0.02, 0.02])],
)
def test_swa_takes_the_rate_to_its_own(make_trainer, flat_batches, anneal_epochs, strategy, expected):
    rates = []

    class Rates(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            if batch_idx == 0:
                rates.append(trainer.optimizer.param_groups[0]["lr"])

    swa = SWACallback(1, swa_lr=0.02, anneal_epochs=anneal_epochs, anneal_strategy=strategy)
    make_trainer(callbacks=[swa, Rates()]).fit(flat_batches, num_epochs=5)
    assert rates == pytest.approx(expected)


def test_swa_measures_batch_norm_for_the_averaged_weights(make_trainer, flat_batches):
    dataset = TensorDataset(*(torch.cat(parts) for parts in zip(*flat_batches, strict=True)))
    loader = DataLoader(dataset, batch_size=4, shuffle=True)
    states = []

    class State(Callback):
        def on_epoch_end(self, epoch, trainer, logs=None):
            states.append(rng_digest())

    trainer = make_trainer(callbacks=[SWACallback(0, bn_loader=loader), State()])
    trainer.fit(loader, num_epochs=2)
    assert rng_digest() == states[-1], "c21: measuring draws nothing"
    layer = trainer.model[0]
    means = [layer(inputs).mean(0) for inputs, _ in DataLoader(dataset, batch_size=4)]
    # The mean over batches of 4, 4, 4, 4 and 3 in another order: near, not equal.
    torch.testing.assert_close(trainer.model[1].running_mean, torch.stack(means).mean(0), rtol=0.2, atol=0.3)


def test_a_new_fit_starts_a_new_average(make_trainer, flat_batches):
    ema = EMACallback(0.5)
    trainer = make_trainer(callbacks=[ema])
    for _ in range(2):
        trainer.fit(flat_batches, num_epochs=1)
        assert int(ema.averaged.n_averaged) == 3


def test_wrong_arguments_are_named(make_trainer, flat_batches):
    with pytest.raises(ValueError, match=r"decay must be a number of at least 0 and at most 1, got 1.5"):
        EMACallback(decay=1.5)
    with pytest.raises(ValueError, match="start_epoch must be at least 0, got -1"):
        SWACallback(-1)
    with pytest.raises(ValueError, match="anneal_strategy must be one of 'cos', 'linear'; got 'sine'"):
        SWACallback(1, anneal_strategy="sine")
    trainer = make_trainer(callbacks=[SWACallback(1, swa_lr=0.1)])
    with pytest.raises(ValueError, match="swa_lr sets the learning rate, and so does the scheduler given to fit"):
        trainer.fit(flat_batches, num_epochs=1, scheduler=StepLR(trainer.optimizer, 1))
