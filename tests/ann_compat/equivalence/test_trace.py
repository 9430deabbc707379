import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from adaptiveneuralnetwork.training import console
from ann_compat.equivalence import environment
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.trace import Forward, Step, record


def test_the_environment_is_as_it_was_after_a_run():
    torch.set_num_threads(2)
    before = environment.settings(), environment.comparable(environment.random_states()), dict(os.environ)

    def run(recorder):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = True
        os.environ["ANN_EQUIV_TEST"] = "1"
        random.random(), np.random.rand(), torch.rand(1)
        Path("left/behind").mkdir(parents=True)
        Path("left/behind/file.txt").write_text("x")

    trace = record(run, seed=1)
    after = environment.settings(), environment.comparable(environment.random_states()), dict(os.environ)
    assert str(before) == str(after)
    assert trace.settings == {
        "default_dtype": "torch.float64",
        "grad_enabled": False,
        "deterministic": True,
        "cudnn_benchmark": True,
    }
    assert trace.files == {"left": "a folder", "left/behind": "a folder", "left/behind/file.txt": b"x"}
    assert record(lambda recorder: None, seed=1).files == {}


def test_runs_start_from_the_seed():
    draws = []
    for seed in (1, 1, 2):
        record(lambda recorder: draws.append((random.random(), np.random.rand(), torch.rand(1).item())), seed)
    assert draws[0] == draws[1]
    assert not set(draws[0]) & set(draws[2])


def test_only_outermost_modules_are_recorded_with_copies_of_their_tensors():
    inputs = torch.ones(1, 2)

    def run(recorder):
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        output = model(inputs)
        with torch.no_grad():
            model.eval()(inputs)
            output.zero_()
            inputs.zero_()

    events = record(run, 0).events
    assert [(event.module, event.training, event.grad_enabled) for event in events] == [
        ("Sequential", True, True),
        ("Sequential", False, False),
    ]
    assert events[0].inputs[0].sum() == 2


def test_a_module_that_raises_does_not_hide_later_ones():
    class Failing(nn.Module):
        def forward(self, x):
            raise ValueError

    def run(recorder):
        with pytest.raises(ValueError):  # noqa: PT011
            nn.Sequential(Failing())(torch.ones(1))
        nn.Identity()(torch.ones(1))

    assert [event.module for event in record(run, 0).events][-1] == "Identity"


def test_gradients_are_those_that_the_optimizer_gets():
    trace = run_legacy(CaseSpec(model="outside_optimizer", optimizer="sgd", criterion="mse", scale=100.0))
    step = next(event for event in trace.events if isinstance(event, Step))
    assert step.learning_rates == (0.01,)
    norms = [gradient.norm() ** 2 for gradient in step.gradients.values()]
    assert float(sum(norms)) ** 0.5 == pytest.approx(1.0, rel=1e-4)
    assert trace.grad_norms[0] > 1.0
    assert "OutsideOptimizerModel.outside" in step.gradients


def test_library_lines_are_told_apart_from_the_program_s():
    def run(recorder):
        print("mine")
        console.training_ends()

    trace = record(run, 0)
    assert trace.output == "mine\n"
    assert trace.console == "Training finished\n"
    assert not hasattr(console, "print")


def test_exceptions_are_part_of_the_trace_even_the_unusual_ones():
    def run(recorder):
        raise SystemExit(3)

    assert isinstance(record(run, 0).exception, SystemExit)


def test_json_that_was_cut_off_is_compared_without_the_clock():
    def write(number):
        return lambda recorder: Path("m.json").write_text(f'[{{"timestamp": {number}, "loss": ')

    assert record(write(1.5), 0).files == record(write(2.5e9), 0).files == {"m.json": b'[{"timestamp": , "loss": '}


def test_hooks_are_gone_after_a_run():
    trace = record(lambda recorder: None, 0)
    nn.Identity()(torch.ones(1))
    assert not [event for event in trace.events if isinstance(event, Forward)]
    assert torch.nn.utils.clip_grad_norm_.__name__ == "clip_grad_norm_"
