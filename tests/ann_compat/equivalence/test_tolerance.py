"""Tolerance: what rounding does is forgiven, what a defect does is not."""

import pytest
import torch
from torch import nn

from adaptiveneuralnetwork.training import Trainer
from ann_compat.equivalence.assertion import assert_equivalent
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import Mode, compare
from ann_compat.equivalence.harness import run_case, run_cases
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.tolerance import Relative, TorchDefaults, resolved

TORCH = Mode(tolerance="torch")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_limits_are_those_of_assert_close(dtype):
    old = torch.tensor([0.5, 1.0, 100.0, 0.0], dtype=torch.float64)
    for step in (1e-8, 1e-6, 5e-6, 1e-5, 1e-4, 9e-4, 2e-3, 1e-2, 3e-2):
        new = old * (1 + step)
        close = TorchDefaults(torch.float64).tensors_close(old.to(dtype), new.to(dtype))
        try:
            torch.testing.assert_close(new.to(dtype), old.to(dtype))
        except AssertionError:
            assert not close, step
        else:
            assert close, step


def test_nothing_is_held_to_more_than_the_least_precise_dtype_of_the_run():
    precise, coarse = run_legacy(CaseSpec(dtype="float64")), run_legacy(CaseSpec())
    assert resolved("torch", precise) == TorchDefaults(torch.float64)
    assert resolved("torch", precise, coarse) == TorchDefaults(torch.float32)
    assert resolved(1e-3) == Relative(1e-3)
    assert resolved(None) is None


@pytest.mark.parametrize("wrong", ["close", 0.0, -1.0, float("nan")])
def test_a_tolerance_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="tolerance must be 'torch', a positive number or None"):
        resolved(wrong)


def test_floats_may_lie_apart_and_nothing_else():
    def differs(channel, change):
        changed = run_legacy(spec)
        change(changed)
        found = TORCH.compare(run_legacy(spec), changed).differences
        return channel in {difference.channel for difference in found}

    spec = CaseSpec(model="dropout", train_size=3, files=True, log_interval=1, dtype="float64")
    name = "DropoutModel.first.bias"
    assert not differs("state", lambda trace: trace.state[name].mul_(1 + 1e-9))
    assert differs("state", lambda trace: trace.state[name].mul_(1 + 1e-3))
    assert differs("rng", lambda trace: trace.rng["torch"][-1:].add_(1))
    assert differs("output", lambda trace: setattr(trace, "output", "planted\n"))
    assert differs("console", lambda trace: setattr(trace, "console", trace.console.replace("oss", "ess")))
    assert differs("console", lambda trace: setattr(trace, "console", trace.console.replace("0.", "7.")))
    assert differs("files", lambda trace: trace.files["metrics.json"][0].update(train_loss=0))


def test_a_last_digit_that_is_rounded_otherwise_is_forgiven_in_what_is_printed():
    old, new = run_legacy(CaseSpec()), run_legacy(CaseSpec())
    old.console, new.console = "loss 0.1250 of 7\n", "loss 0.1251 of 7\n"
    assert compare(old, new, "torch").equal
    assert not compare(old, new).equal
    new.console = "loss 0.1250 of 8\n"
    assert not compare(old, new, "torch").equal


@pytest.mark.parametrize(
    "name", ["no-clipping", "clip-1.01", "no-zero-grad", "autocast", "extra-iterator", "epoch-more"]
)
def test_a_defect_above_the_tolerance_is_caught_all_the_same(name):
    with BY_NAME[name].planted():
        assert run_cases(60, mode=TORCH, shrink=False).failure is not None


def bf16(split: bool, **options):
    """A program that trains under autocast to bfloat16; ``split`` rounds twice where it would round once.

    All terms are positive: what cancels leaves a relative error that no tolerance bounds.
    """

    class Positive(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(4, 64) / 64)

        def forward(self, x):
            if not split:
                return nn.functional.linear(x, self.weight)
            halves = zip(x.chunk(2, 1), self.weight.chunk(2, 1), strict=True)
            return sum(nn.functional.linear(part, weight) for part, weight in halves)

    def program():
        model = Positive()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        batch = (torch.rand(1, 64), torch.randint(0, 4, (1,)))
        trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), device="cpu", use_amp=True, **options)
        return list(trainer.fit([batch], num_epochs=1))

    return program


def test_bfloat16_that_is_rounded_otherwise_is_close_and_not_equal():
    with pytest.raises(AssertionError, match="elements differ, at most by"):
        assert_equivalent(bf16(False), bf16(True))
    with pytest.raises(AssertionError, match="elements differ, at most by"):
        assert_equivalent(bf16(False), bf16(True), tolerance=1.3e-6)
    assert_equivalent(bf16(False), bf16(True), tolerance="torch", ignore=("console",))


def test_a_defect_under_autocast_is_above_the_tolerance():
    with pytest.raises(AssertionError, match="gradients"):
        assert_equivalent(bf16(False), bf16(True, max_grad_norm=0.1), tolerance="torch")


def test_channels_that_are_left_out_are_not_compared():
    spec = CaseSpec(criterion="mse", scale=100.0)
    with BY_NAME["no-clipping"].planted():
        channels = {d.channel for d in run_case(spec).comparison.differences}
        assert {"gradients", "state"} <= channels
        only_rng = run_case(spec, Mode(channels=("rng",)))
        assert only_rng.comparison.equal
        only_state = run_case(spec, Mode(channels=("state",)))
        assert [d.channel for d in only_state.comparison.differences] == ["state"]
    with pytest.raises(ValueError, match=f"channels must be some of {', '.join(CHANNELS)}, got 'gradient'"):
        Mode(channels=("gradient",))
