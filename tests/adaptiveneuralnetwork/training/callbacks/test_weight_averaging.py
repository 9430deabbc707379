import copy

import pytest
import torch
from recorders import Weights
from torch import nn

from adaptiveneuralnetwork.training import Callback, EMACallback, Phase, SWACallback
from adaptiveneuralnetwork.training.digests import digest


def same(parameters, expected):
    return all(torch.equal(one, other) for one, other in zip(parameters, expected, strict=True))


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
