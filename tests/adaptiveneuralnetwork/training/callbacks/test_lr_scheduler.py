import warnings

import pytest
import torch
from recorders import Rates
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, OneCycleLR, ReduceLROnPlateau, StepLR

from adaptiveneuralnetwork.training import Callback, LinearWarmup, LRSchedulerCallback, Monitor


def run(make_trainer, batches, make_scheduler, num_epochs=2, extra=(), optimizer=None, **arguments):
    trainer = make_trainer(**arguments.pop("trainer", {}))
    rates = Rates()
    callback = LRSchedulerCallback(make_scheduler(trainer.optimizer), **arguments)
    for each in (*extra, callback, rates):
        trainer.callbacks.append(each)
    # torch warns where a scheduler is stepped before its optimizer (C14).
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.fit(batches, num_epochs=num_epochs, val_loader=batches)
    return trainer, callback, rates.rates


def test_c14_each_epoch_after_the_optimizer(make_trainer, flat_batches):
    _, _, rates = run(make_trainer, flat_batches, lambda optimizer: StepLR(optimizer, 1, gamma=0.5))
    assert rates == [0.1] * 3 + [0.05] * 3


@pytest.mark.parametrize(("accumulation", "expected"), [(1, [0.1, 0.05, 0.025]), (2, [0.1, 0.05])])
def test_c15_by_the_step_means_the_optimizers_step(make_trainer, flat_batches, accumulation, expected):
    trainer, callback, rates = run(
        make_trainer,
        flat_batches,
        lambda optimizer: ExponentialLR(optimizer, 0.5),
        num_epochs=1,
        interval="step",
        trainer={"gradient_accumulation_steps": accumulation},
    )
    assert rates == expected
    assert callback.scheduler.last_epoch == trainer.global_step == len(expected)


class Overflow(Callback):
    """Makes the gradients of some batches infinite, as float16 does."""

    def __init__(self, *batches):
        self.batches = batches

    def on_backward_end(self, batch_idx, trainer, logs=None):
        if batch_idx in self.batches:
            trainer.model[0].weight.grad.fill_(torch.inf)


def with_scaler(trainer):
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    return trainer


def test_c10_a_skipped_step_advances_neither_scheduler_nor_warmup(make_trainer, flat_batches):
    trainer = with_scaler(make_trainer(callbacks=[Overflow(0, 1)]))
    scheduler = ExponentialLR(trainer.optimizer, 0.5)
    warmup, rates = LinearWarmup(4, start_factor=0.5), Rates()
    for callback in (LRSchedulerCallback(scheduler, "step"), warmup, rates):
        trainer.callbacks.append(callback)
    trainer.fit(flat_batches, num_epochs=1)
    assert trainer.global_step == scheduler.last_epoch == warmup.steps_done == 1
    assert rates.rates == [0.05] * 3


def test_c15_a_plateau_gets_the_monitored_metric(make_trainer, flat_batches):
    seen = []

    def plateau(optimizer):
        scheduler = ReduceLROnPlateau(optimizer, mode="max", patience=0)
        step = scheduler.step
        scheduler.step = lambda metric: (seen.append(metric), step(metric))
        return scheduler

    trainer, _, _ = run(make_trainer, flat_batches, plateau, monitor="val_accuracy")
    assert seen == trainer.metrics_history.column("val_accuracy")
    seen.clear()
    trainer, _, _ = run(make_trainer, flat_batches, plateau, monitor=Monitor("val_score", "max", required=False))
    assert seen == [], "only when it is there"
    with pytest.raises(ValueError, match="no metric 'val_score' to monitor; known are 'train_loss'"):
        run(make_trainer, flat_batches, plateau, monitor="val_score")


def test_c16_its_state_continues_the_rates(make_trainer, flat_batches):
    def cosine(optimizer):
        return CosineAnnealingLR(optimizer, T_max=12)

    _, _, whole = run(make_trainer, flat_batches, cosine, num_epochs=4, interval="step")
    trainer, callback, first = run(make_trainer, flat_batches, cosine, num_epochs=2, interval="step")
    other = make_trainer()
    again, rates = LRSchedulerCallback(cosine(other.optimizer), "step"), Rates()
    other.optimizer.load_state_dict(trainer.optimizer.state_dict())
    again.load_state_dict(callback.state_dict())
    other.callbacks.append(again)
    other.callbacks.append(rates)
    other.fit(flat_batches, num_epochs=2)
    assert first + rates.rates == whole


def test_a_scheduler_that_counts_momentum_too(make_trainer, flat_batches):
    trainer, _, rates = run(
        make_trainer,
        flat_batches,
        lambda optimizer: OneCycleLR(optimizer, max_lr=1.0, total_steps=6),
        interval="step",
    )
    assert len(set(rates)) == 6
    assert trainer.optimizer.param_groups[0]["momentum"] != 0.9, "which it cycles against the rate"


def test_wrong_arguments_are_named(make_trainer, flat_batches):
    optimizer = make_trainer().optimizer
    with pytest.raises(TypeError, match=r"scheduler must be one of torch.optim.lr_scheduler, got <class"):
        LRSchedulerCallback(StepLR)
    with pytest.raises(ValueError, match="interval must be one of 'epoch', 'step'; got 'batch'"):
        LRSchedulerCallback(StepLR(optimizer, 1), interval="batch")
    with pytest.raises(ValueError, match="monitor is for ReduceLROnPlateau; StepLR takes no metric"):
        LRSchedulerCallback(StepLR(optimizer, 1), monitor="val_loss")
    with pytest.raises(ValueError, match=r"mode='min'\) does not fit 'val_accuracy', for which 'max' is better"):
        LRSchedulerCallback(ReduceLROnPlateau(optimizer), monitor="val_accuracy")
    with pytest.raises(ValueError, match="interval must be 'epoch'"):
        LRSchedulerCallback(ReduceLROnPlateau(optimizer), interval="step")
    with pytest.raises(ValueError, match="StepLR was made for another optimizer than the trainer's"):
        make_trainer(callbacks=[LRSchedulerCallback(StepLR(optimizer, 1))]).fit(flat_batches, num_epochs=1)
