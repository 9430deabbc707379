from dataclasses import replace

import numpy as np
import pytest
import torch

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import compare
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.trace import Forward, Result, Step, Trace

SPEC = CaseSpec(model="dropout", train_size=3, validation=True, epochs=5, files=True)


def trace() -> Trace:
    return run_legacy(SPEC)


def change_event(trace: Trace, kind: type, **changes) -> None:
    index = next(index for index, event in enumerate(trace.events) if isinstance(event, kind))
    trace.events[index] = replace(trace.events[index], **changes)


def drop_last_step(trace: Trace) -> None:
    index = max(index for index, event in enumerate(trace.events) if isinstance(event, Step))
    del trace.events[index]


def nudge_parameter(trace: Trace) -> None:
    trace.state["DropoutModel.first.weight"][0, 0] += 1e-7


def nudge_generator(name: str):
    def nudge(trace: Trace) -> None:
        with torch.random.fork_rng(), torch.no_grad():
            torch.rand(1)
        states = {"torch": torch.arange(3), "numpy": ("MT19937", np.arange(3)), "python": (3, np.arange(3), None)}
        trace.rng[name] = states[name]

    return nudge


DEFECTS = {
    "an input": (lambda t: change_event(t, Forward, inputs=(torch.zeros(2, 2),)), "forward"),
    "an output": (lambda t: change_event(t, Forward, output=torch.zeros(2, 2)), "forward"),
    "the training flag": (lambda t: change_event(t, Forward, training=False), "forward"),
    "the gradient flag": (lambda t: change_event(t, Forward, grad_enabled=False), "forward"),
    "autocast": (lambda t: change_event(t, Forward, autocast=True), "forward"),
    "the module": (lambda t: change_event(t, Forward, module="Other"), "forward"),
    "gradients": (lambda t: change_event(t, Step, gradients={}), "gradients"),
    "the learning rate": (lambda t: change_event(t, Step, learning_rates=(0.5,)), "gradients"),
    "a step less": (drop_last_step, "gradients"),
    "a result": (lambda t: change_event(t, Result, value=[]), "results"),
    "an order": (lambda t: t.events.insert(1, t.events.pop(2)), "order"),
    "a parameter": (nudge_parameter, "state"),
    "a state more": (lambda t: t.state.update(more=1), "state"),
    "torch's generator": (nudge_generator("torch"), "rng"),
    "NumPy's generator": (nudge_generator("numpy"), "rng"),
    "Python's generator": (nudge_generator("python"), "rng"),
    "a file less": (lambda t: t.files.pop("metrics.json"), "files"),
    "a file's content": (lambda t: t.files["metrics.json"][0].update(train_loss=0.0), "files"),
    "a checkpoint": (lambda t: t.files["saved/checkpoints/checkpoint_epoch_4.pt"].update(epoch=3), "files"),
    "a line": (lambda t: setattr(t, "console", t.console + "more\n"), "console"),
    "output": (lambda t: setattr(t, "output", "hello\n"), "output"),
    "an exception": (lambda t: setattr(t, "exception", ValueError("x")), "exception"),
    "a setting": (lambda t: t.settings.update(threads=2), "settings"),
}


def test_equal_runs_have_no_difference():
    comparison = compare(trace(), trace())
    assert comparison.equal
    assert comparison.refinement is None


@pytest.mark.parametrize("name", DEFECTS)
def test_each_channel_sees_its_difference(name):
    plant, channel = DEFECTS[name]
    changed = trace()
    plant(changed)
    comparison = compare(trace(), changed)
    assert channel in {difference.channel for difference in comparison.differences}


def test_every_channel_is_shown_to_see():
    assert {channel for _, channel in DEFECTS.values()} == set(CHANNELS)


def test_the_earliest_difference_comes_first():
    changed = trace()
    nudge_parameter(changed)
    change_event(changed, Step, learning_rates=(0.5,))
    comparison = compare(trace(), changed)
    assert [difference.channel for difference in comparison.differences] == ["gradients", "state"]


def test_ignored_channels_are_left_out():
    changed = trace()
    nudge_parameter(changed)
    assert compare(trace(), changed, ignore=frozenset({"state"})).equal


def test_an_exception_may_be_of_a_subclass_but_not_of_another_class():
    class NarrowerError(ZeroDivisionError, ValueError):
        pass

    old, new = Trace(exception=ZeroDivisionError("x")), Trace(exception=NarrowerError("y"))
    assert compare(old, new).equal
    assert not compare(new, old).equal
    assert not compare(old, Trace(exception=TypeError("x"))).equal


def test_going_on_where_the_old_run_raised_needs_an_entry_in_the_table():
    listed = compare(Trace(exception=TypeError("object of type 'X' has no len()")), Trace())
    assert listed.equal
    assert listed.refinement.name == "loader-without-length"
    assert not compare(Trace(exception=TypeError("something else")), Trace()).equal
    assert not compare(Trace(), Trace(exception=TypeError("object of type 'X' has no len()"))).equal


def test_a_refinement_still_compares_what_came_before():
    spec = CaseSpec(fault="no_length", train_size=4)
    old, new = run_legacy(spec), run_legacy(replace(spec, fault="none", loader="batches"))
    assert compare(old, new).equal
    other = run_legacy(replace(spec, fault="none", loader="batches", stale_gradients=True, scale=2.0))
    comparison = compare(old, other)
    assert comparison.refinement is not None
    assert comparison.first.channel == "forward"
