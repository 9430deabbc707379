import math

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, GradientNormMonitor, Phase
from adaptiveneuralnetwork.training.logs import Logs


class Norms(Callback):
    """The norm of the gradients, computed by hand before the step, and what the logs say after it."""

    phase = Phase.RECORD

    def __init__(self, order=2.0):
        self.order = order
        self.by_hand, self.logged, self.epochs = [], [], []

    def on_before_optimizer_step(self, trainer, logs=None):
        gradients = torch.cat([parameter.grad.flatten() for parameter in trainer.model.parameters()])
        self.by_hand.append(float(torch.linalg.vector_norm(gradients, self.order)))

    def on_optimizer_step_end(self, trainer, logs=None):
        assert isinstance(logs.raw("grad_norm"), torch.Tensor), "nothing was read yet"
        self.logged.append(logs["grad_norm"])

    def on_epoch_end(self, epoch, trainer, logs=None):
        self.epochs.append((logs["grad_norm_mean"], logs["grad_norm_max"]))


@pytest.mark.parametrize("order", [2.0, 1, math.inf])
@pytest.mark.parametrize("arguments", [{}, {"max_grad_norm": 0.01}, {"gradient_accumulation_steps": 2}])
def test_it_is_the_norm_before_clipping(make_trainer, flat_batches, order, arguments):
    monitor, norms = GradientNormMonitor(order), Norms(order)
    make_trainer(callbacks=[monitor, norms], **arguments).fit(flat_batches, num_epochs=2)
    assert norms.logged == pytest.approx(norms.by_hand)
    steps = len(norms.by_hand) // 2
    for epoch, values in enumerate((norms.by_hand[:steps], norms.by_hand[steps:])):
        expected = {"epoch": epoch, "steps": steps, "mean": sum(values) / steps, "max": max(values)}
        assert monitor.history[epoch] == pytest.approx(expected)
        assert norms.epochs[epoch] == (monitor.history[epoch]["mean"], monitor.history[epoch]["max"])


def test_each_parameter_by_name(make_trainer, flat_batches):
    monitor = GradientNormMonitor(per_parameter=True)
    trainer = make_trainer(callbacks=[monitor])
    trainer.model[0].bias.requires_grad_(False)
    trainer.fit(flat_batches[:1], num_epochs=1)
    assert monitor.parameter_norms.keys() == {"0.weight", "1.weight", "1.bias", "4.weight", "4.bias"}
    assert math.hypot(*monitor.parameter_norms.values()) == pytest.approx(monitor.history[0]["mean"])


def test_c10_skipped_steps_are_left_out(make_trainer, flat_batches):
    class Overflow(Callback):
        def on_backward_end(self, batch_idx, trainer, logs=None):
            if batch_idx == 0:
                trainer.model[0].weight.grad.fill_(torch.inf)

    monitor = GradientNormMonitor()
    trainer = make_trainer(callbacks=[Overflow(), monitor])
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.fit(flat_batches, num_epochs=1)
    assert monitor.history[0]["steps"] == 2
    assert math.isfinite(monitor.history[0]["max"])


@pytest.mark.usefixtures("as_on_an_accelerator")
def test_no_step_waits_for_the_device(make_trainer, flat_batches, monkeypatch):
    waits = []
    item, to_float = torch.Tensor.item, torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "item", lambda self: (waits.append("item"), item(self))[1])
    monkeypatch.setattr(torch.Tensor, "__float__", lambda self: (waits.append("float"), to_float(self))[1])
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: pytest.fail("a step asked a tensor for its truth"))
    make_trainer(callbacks=[GradientNormMonitor()]).fit(flat_batches * 5, num_epochs=1)
    assert len(waits) <= 4, "for the epoch: loss, accuracy, mean, maximum"


def test_its_state_continues_in_the_middle_of_an_epoch(make_trainer):
    whole, first, second = GradientNormMonitor(), GradientNormMonitor(), GradientNormMonitor()
    trainer = make_trainer()
    for monitor in (whole, first):
        monitor.on_train_begin(trainer)
    for norm in range(1, 6):
        if norm == 4:
            second.load_state_dict(first.state_dict())
            second.on_train_begin(trainer)
        for monitor in (whole, first if norm < 4 else second):
            for parameter in trainer.model.parameters():
                parameter.grad = torch.full_like(parameter, norm)
            monitor.on_before_optimizer_step(trainer)
            monitor.on_optimizer_step_end(trainer, Logs(skipped=False))
    for monitor in (whole, second):
        monitor.on_epoch_end(0, trainer, {})
    assert whole.history == second.history
    assert whole.history[0]["steps"] == 5


def test_a_wrong_order_is_named():
    with pytest.raises(ValueError, match="norm_type must be a number greater than 0, got 0"):
        GradientNormMonitor(norm_type=0)
