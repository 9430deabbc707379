import pytest
import torch
from recorders import Weights
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import Callback, SWACallback
from adaptiveneuralnetwork.training.digests import digest, rng_digest


def test_swa_is_the_mean_of_the_last_epochs(make_trainer, flat_batches):
    swa, weights = SWACallback(start_epoch=2), Weights()
    trainer = make_trainer(callbacks=[weights, swa])
    trainer.fit(flat_batches, num_epochs=5)
    mean = [sum(parts) / 3 for parts in zip(*weights.epochs[2:], strict=True)]
    for one, other in zip(trainer.model.parameters(), mean, strict=True):
        torch.testing.assert_close(one, other)


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


def test_measured_beside_the_model_the_statistics_leave_it_alone(make_trainer, flat_batches):
    def run(**arguments):
        trainer = make_trainer(callbacks=[swa := SWACallback(0, **arguments)])
        torch.manual_seed(3)
        trainer.fit(flat_batches, num_epochs=2)
        return trainer.model.state_dict(), swa.averaged.module.state_dict()

    applied, _ = run(bn_loader=flat_batches)
    own, beside = run(bn_loader=flat_batches, apply_at_end=False)
    assert digest(beside) == digest(applied)
    assert digest(own) == digest(run(apply_at_end=False)[0])


def test_wrong_arguments_are_named(make_trainer, flat_batches):
    with pytest.raises(ValueError, match="start_epoch must be at least 0, got -1"):
        SWACallback(-1)
    with pytest.raises(ValueError, match="anneal_strategy must be one of 'cos', 'linear'; got 'sine'"):
        SWACallback(1, anneal_strategy="sine")
    trainer = make_trainer(callbacks=[SWACallback(1, swa_lr=0.1)])
    with pytest.raises(ValueError, match="swa_lr sets the learning rate, and so does the scheduler given to fit"):
        trainer.fit(flat_batches, num_epochs=1, scheduler=StepLR(trainer.optimizer, 1))
