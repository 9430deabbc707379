"""The likely causes: what is told of real differences, each made by planting a defect or by running two things."""

from __future__ import annotations

from typing import Any

import pytest

from ann_compat.equivalence import logged
from ann_compat.equivalence.compare import compare
from ann_compat.equivalence.diagnose import likely_cause
from ann_compat.equivalence.logged import cause_of_values
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.program_run import check_program, run_text
from ann_compat.equivalence.programs import ProgramSpec
from ann_compat.equivalence.selftest import hunt
from ann_compat.equivalence.values import mismatch
from ann_compat.equivalence.verify import cause

PLANTED: list[tuple[str, ProgramSpec, str]] = [
    ("argument-evaluated-twice", ProgramSpec(arguments="effects"), logged.OFTEN),
    ("argument-evaluated-twice", ProgramSpec(arguments="effects", result="kept"), logged.OFTEN),
    ("arguments-reordered", ProgramSpec(arguments="effects"), logged.ORDER),
    ("awaits-reordered", ProgramSpec(arguments="awaited", result="kept"), logged.ORDER),
    ("returns-none", ProgramSpec(result="kept"), logged.NO_RECORDS),
    ("returns-none", ProgramSpec(result="truth"), logged.OTHER),
    ("percent-unflagged", ProgramSpec(result="kept"), logged.RECORDS),
    ("percent-unflagged", ProgramSpec(result="last"), logged.PERCENT),
    ("percent-unflagged", ProgramSpec(result="dumped"), "the records in history.json differ"),
    (
        "arguments-swapped",
        ProgramSpec(arguments="three", data="raising"),
        "both runs failed, the new one earlier: TypeError: num_epochs",
    ),
    ("name-collides", ProgramSpec(decoy="names_taken", constructor="optimizer"), logged.OTHER),
    ("literal-learning-rate", ProgramSpec(), cause.LEARNING_RATE),
    ("optimizer-made-at-training", ProgramSpec(other_use="config_rate"), cause.LEARNING_RATE),
    ("given-optimizer-unused", ProgramSpec(constructor="optimizer"), cause.OPTIMIZER),
    ("given-criterion-ignored", ProgramSpec(constructor="criterion"), cause.CRITERION),
    ("given-criterion-ignored", ProgramSpec(constructor="both"), cause.CRITERION),
    ("arguments-made-early", ProgramSpec(binding="chain", placement="late_lambda"), "objects are made another number"),
    ("omits-clipping", ProgramSpec(data="large"), "add max_grad_norm=1.0"),
    ("arguments-swapped", ProgramSpec(arguments="three"), "the new run failed: TypeError: num_epochs must be"),
    ("zero-epochs-kept", ProgramSpec(arguments="computed"), "the number of epochs or batches differs"),
]


def cause_in(spec: ProgramSpec) -> str | None:
    result = check_program(spec)
    assert result.fault is not None
    assert result.comparison is not None
    assert result.old is not None
    assert result.new is not None
    return likely_cause(None, result.comparison, result.old, result.new)


@pytest.mark.parametrize(("name", "spec", "expected"), PLANTED)
def test_the_cause_of_a_defect_of_the_codemod(name: str, spec: ProgramSpec, expected: str) -> None:
    with BY_NAME[name].planted():
        found = cause_in(spec)
    assert found is not None
    assert expected in found


STEPS = {
    "validation-by-cross-entropy": cause.CRITERION,
    "extra-step": "a pass, a step or a call too many or too few",
    "loss-after-step": "a pass, a step or a call too many or too few",
}


@pytest.mark.parametrize(("name", "expected"), STEPS.items())
def test_the_cause_of_a_defect_of_the_new_path(name: str, expected: str) -> None:
    failure = hunt(BY_NAME[name]).failure
    assert failure is not None
    assert expected in (likely_cause(failure.spec, failure.comparison, failure.old, failure.new) or "")


VALUES: dict[str, tuple[Any, Any, str]] = {
    "swapped": (["a", "b", 1], ["b", "a", 1], logged.ORDER),
    "twice": (["a", 1], ["a", "a", 1], logged.OFTEN),
    "once of two": (["a", "a", 1], ["a", 1], logged.OFTEN),
    "no longer": (["a", "good"], ["a"], logged.OTHER),
    "not before": (["a"], ["a", "never"], logged.OTHER),
    "another": (["a"], ["b"], logged.OTHER),
    "percent": ([60.0], [0.6], logged.PERCENT),
    "both zero": ([0.0, 1.0], [0.0, 2.0], logged.OTHER),
    "losses": ([0.5], [0.25], logged.OTHER),
    "accuracy of a record": ([{"epoch": 0, "val_accuracy": 3.0}], [{"epoch": 0, "val_accuracy": 7.0}], logged.PERCENT),
    "within a record": ([{"train_loss": 0.5, "x": 1}], [{"train_loss": 0.5, "x": 2}], logged.RECORDS),
    "keys of a record": ([[{"train_loss": 0.5, "timestamp": 1.0}]], [[{"train_loss": 0.5}]], logged.RECORDS),
    "no records": ([[{"train_loss": 0.5}]], [None], logged.NO_RECORDS),
    "odd keys": ([{"a]['b": 1}], [{"a]['b": 2}], logged.OTHER),
    "no lists": ({"a": 1}, {"a": 2}, logged.OTHER),
}


@pytest.mark.parametrize(("old", "new", "expected"), VALUES.values(), ids=VALUES)
def test_the_cause_of_values_that_differ(old: Any, new: Any, expected: str) -> None:
    found = mismatch(old, new)
    assert found is not None
    assert cause_of_values(old, new, found.path) == expected


def test_a_loss_of_other_values_is_no_other_order_of_the_data() -> None:
    program = (
        "import torch\ncriterion = torch.nn.CrossEntropyLoss()\ncriterion(torch.zeros(2, 3), torch.tensor([0, {}]))\n"
    )
    runs = [run_text(program.format(target).encode(), {}, 0) for target in (1, 2)]
    found = likely_cause(None, compare(*runs), *runs)
    assert found is not None
    assert "the loss is taken of other values" in found
