import pytest
from recorders import Rates
from torch import nn, optim
from torch.optim.lr_scheduler import ExponentialLR

from adaptiveneuralnetwork.training import LinearWarmup, LRSchedulerCallback


def test_warmup_is_that_of_torch_and_leaves_the_rate_alone(make_trainer, flat_batches):
    reference = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    linear = optim.lr_scheduler.LinearLR(reference, start_factor=0.25, total_iters=4)
    expected = []
    for _ in range(6):
        expected.append(reference.param_groups[0]["lr"])
        reference.step()
        linear.step()
    trainer = make_trainer(callbacks=[LinearWarmup(4, start_factor=0.25), rates := Rates()])
    trainer.fit(flat_batches, num_epochs=2)
    assert rates.rates == pytest.approx(expected)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize("first", [True, False])
def test_warmup_beside_a_scheduler_in_any_order(make_trainer, flat_batches, first):
    trainer = make_trainer()
    rates = Rates()
    callbacks = [LinearWarmup(2, 0.5), LRSchedulerCallback(ExponentialLR(trainer.optimizer, 0.5), "step")]
    for callback in [*(callbacks if first else reversed(callbacks)), rates]:
        trainer.callbacks.append(callback)
    trainer.fit(flat_batches, num_epochs=1)
    assert rates.rates == [0.05, 0.05 * 0.75, 0.025]


def test_warmup_puts_the_rate_back_when_a_step_fails(make_trainer, flat_batches):
    trainer = make_trainer(callbacks=[LinearWarmup(9)])

    def fail(*arguments):
        raise OSError("full")

    trainer.optimizer.step = fail
    with pytest.raises(OSError, match="full"):
        trainer.fit(flat_batches, num_epochs=1)
    assert trainer.optimizer.param_groups[0]["lr"] == 0.1


def test_warmup_continues(make_trainer, flat_batches):
    warmup = LinearWarmup(5)
    warmup.load_state_dict({"steps_done": 4})
    make_trainer(callbacks=[warmup, rates := Rates()]).fit(flat_batches, num_epochs=1)
    assert rates.rates == [pytest.approx(0.1 * (0.1 + 0.9 * 0.8)), 0.1, 0.1]
    assert warmup.state_dict() == {"steps_done": 5}


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="start_factor must be a number greater than 0 and at most 1, got 0"):
        LinearWarmup(3, start_factor=0)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        LinearWarmup(0)
