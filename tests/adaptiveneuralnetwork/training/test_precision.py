"""Mixed precision: dtypes, the scaler, skipped steps. Float16 with a scaler runs on the CPU too."""

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Callback, Trainer
from adaptiveneuralnetwork.training.precision import Precision


class InfiniteFor(nn.Module):
    """Cross entropy that is infinite, and so are its gradients, for batches of one size."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, outputs, targets):
        loss = nn.functional.cross_entropy(outputs, targets)
        return loss * float("inf") if len(targets) == self.size else loss


class Steps(Callback):
    def __init__(self):
        self.reports, self.gradients = [], []

    def on_before_optimizer_step(self, trainer, logs=None):
        self.gradients.append([parameter.grad.clone() for parameter in trainer.model.parameters()])

    def on_optimizer_step_end(self, trainer, logs=None):
        self.reports.append((logs["skipped"], trainer.global_step))


def test_c9_gradients_are_unscaled_once_before_hooks_and_clipping(flat_batches):
    def run(**arguments):
        torch.manual_seed(0)
        model = nn.Linear(6, 4)
        steps = Steps()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        trainer = Trainer(
            model, optimizer, small_loss, device="cpu", callbacks=[steps], max_grad_norm=0.001, **arguments
        )
        trainer.fit(flat_batches, 1)
        assert [skipped for skipped, _ in steps.reports] == [False] * 3
        return steps.gradients, model

    def small_loss(outputs, targets):  # so that its gradient times the scale of 2**16 is within float16
        return nn.functional.cross_entropy(outputs, targets) / 100

    scaled, model = run(use_amp=True, amp_dtype="float16")
    plain, reference = run()
    for one, other in zip(scaled, plain, strict=True):
        for ours, theirs in zip(one, other, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.01)  # float16 has 11 bits
    torch.testing.assert_close(model.weight, reference.weight, rtol=0.02, atol=0.01)


def test_c11_forward_and_loss_are_within_autocast_and_the_backward_pass_is_not(make_trainer, flat_batches):
    seen = []

    def note(what):
        seen.append((what, torch.is_autocast_enabled("cpu")))

    def criterion(outputs, targets):
        note("loss")
        outputs.register_hook(lambda gradient: note("backward"))
        return nn.functional.cross_entropy(outputs, targets)

    class Hooks(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            note("begin")

        def on_backward_end(self, batch_idx, trainer, logs=None):
            note("end")

    trainer = make_trainer(use_amp=True, criterion=criterion, callbacks=[Hooks()])
    trainer.model.register_forward_hook(lambda *_: note("forward"))
    trainer.fit(flat_batches[:1], 1)
    assert seen == [("begin", False), ("forward", True), ("loss", True), ("backward", False), ("end", False)]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_c10_a_skipped_step_advances_nothing_and_is_reported(make_trainer, flat_batches, accumulation):
    steps = Steps()
    trainer = make_trainer(
        use_amp=True,
        amp_dtype="float16",
        criterion=InfiniteFor(3),
        callbacks=[steps],
        gradient_accumulation_steps=accumulation,
    )
    trainer.model.eval()
    before_last = []
    trainer.optimizer.register_step_pre_hook(lambda *_: before_last.append(trainer.model[0].weight.detach().clone()))
    scale = trainer.precision.scaler.get_scale()
    trainer.fit(flat_batches, 1)
    taken = 2 if accumulation == 1 else 1
    assert [skipped for skipped, _ in steps.reports] == [False] * taken + [True]
    assert trainer.global_step == taken == len(before_last), "the optimizer itself was not called either"
    assert trainer.precision.scaler.get_scale() == scale / 2
    assert all(bool(parameter.isfinite().all()) for parameter in trainer.model.parameters())


def test_c11_the_same_autocast_in_training_evaluation_and_prediction(make_trainer, flat_batches):
    for dtype in (torch.float16, torch.bfloat16):
        seen = []
        trainer = make_trainer(use_amp=True, amp_dtype=dtype)
        trainer.model[0].register_forward_hook(
            lambda module, inputs, output, seen=seen: seen.append((module.training, output.dtype))
        )
        trainer.fit(flat_batches, 1, val_loader=flat_batches)
        outputs = trainer.predict(flat_batches)
        assert seen == [(True, dtype)] * 3 + [(False, dtype)] * 6
        assert outputs.dtype is dtype
        assert not torch.is_autocast_enabled("cpu")
        assert trainer.precision.scaler.is_enabled() is (dtype is torch.float16)


def test_c11_the_defaults_go_by_the_kind_of_device():
    assert Precision(torch.device("cuda"), False).dtype is torch.float16
    assert Precision(torch.device("cpu"), True).dtype is torch.bfloat16
    assert not Precision(torch.device("cpu"), False, "float16").scaler.is_enabled()
    with pytest.raises(ValueError, match=r"amp_dtype must be one of .*'bfloat16', got 'int8'"):
        Precision(torch.device("cpu"), True, "int8")


def test_c13_value_and_norm_are_clipped_after_unscaling(flat_batches):
    class Clipped(Callback):
        def on_optimizer_step_end(self, trainer, logs=None):
            gradient = trainer.model.weight.grad
            self.largest, self.norm, self.reported = gradient.abs().max(), gradient.norm(), logs["grad_norm"]

    def run(**arguments):
        torch.manual_seed(0)
        model = nn.Linear(6, 4, bias=False)
        clipped = Clipped()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        arguments = {"max_grad_norm": 100.0, "callbacks": [clipped], "device": "cpu"} | arguments
        Trainer(model, optimizer, nn.CrossEntropyLoss(), **arguments).fit(flat_batches[:1], 1)
        return clipped

    free = run()
    limit = float(free.largest) / 2
    by_value = run(max_grad_value=limit)
    assert float(by_value.largest) == pytest.approx(limit)
    assert by_value.reported < free.reported, "the norm is taken after the values are clipped"
    both = run(max_grad_value=limit, max_grad_norm=0.1, use_amp=True, amp_dtype="float16")
    assert float(both.norm) == pytest.approx(0.1, rel=1e-3)
    with pytest.raises(ValueError, match=r"max_grad_value must be greater than 0, or None.*got -1"):
        run(max_grad_value=-1)


def test_c13_a_norm_that_is_no_number_does_not_zero_weights(flat_batches):
    torch.manual_seed(0)
    model = nn.Linear(6, 4)
    before = model.weight.detach().clone()
    trainer = Trainer(
        model, optim.SGD(model.parameters(), lr=0.1), InfiniteFor(8), device="cpu", max_grad_norm=1.0, use_amp=True,
        amp_dtype="float16",
    )  # fmt: skip
    trainer.fit(flat_batches[:1], 1)
    assert torch.equal(model.weight, before)
