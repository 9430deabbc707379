import pytest
import torch
from recorders import Weights

from adaptiveneuralnetwork.training import EMACallback


def test_ema_follows_its_formula_and_ends_in_the_model(make_trainer, flat_batches):
    ema, weights = EMACallback(decay=0.8), Weights()
    trainer = make_trainer(callbacks=[ema, weights])
    trainer.fit(flat_batches, num_epochs=2)
    average = weights.steps[0]
    for step in weights.steps[1:]:
        average = [0.8 * one + 0.2 * other for one, other in zip(average, step, strict=True)]
    for one, other in zip(ema.averaged.module.parameters(), average, strict=True):
        torch.testing.assert_close(one, other)
    assert same(trainer.model.parameters(), ema.averaged.module.parameters())
    assert not same(trainer.model.parameters(), weights.steps[-1])


def test_ema_can_begin_late_and_rarely(make_trainer, flat_batches):
    ema, weights = EMACallback(decay=0.5, every_n_steps=2, start_step=3, apply_at_end=False), Weights()
    trainer = make_trainer(callbacks=[ema, weights])
    trainer.fit(flat_batches, num_epochs=2)
    expected = [0.5 * one + 0.5 * other for one, other in zip(weights.steps[3], weights.steps[5], strict=True)]
    for one, other in zip(ema.averaged.module.parameters(), expected, strict=True):
        torch.testing.assert_close(one, other)
    assert same(trainer.model.parameters(), weights.steps[-1])


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_the_models_or_averaged(make_trainer, flat_batches, use_buffers):
    ema = EMACallback(decay=0.9, use_buffers=use_buffers, apply_at_end=False)
    trainer = make_trainer(callbacks=[ema])
    trainer.fit(flat_batches, num_epochs=1)
    mean = "1.running_mean"
    equal = torch.equal(trainer.model.state_dict()[mean], ema.averaged.module.state_dict()[mean])
    assert equal != use_buffers


def test_a_new_fit_starts_a_new_average(make_trainer, flat_batches):
    ema = EMACallback(0.5)
    trainer = make_trainer(callbacks=[ema])
    for _ in range(2):
        trainer.fit(flat_batches, num_epochs=1)
        assert int(ema.averaged.n_averaged) == 3


def test_a_wrong_decay_is_named():
    with pytest.raises(ValueError, match=r"decay must be a number of at least 0 and at most 1, got 1.5"):
        EMACallback(decay=1.5)


def same(parameters, expected):
    return all(torch.equal(one, other) for one, other in zip(parameters, expected, strict=True))
