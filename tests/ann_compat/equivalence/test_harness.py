import re

import pytest

from ann_compat.equivalence import harness
from ann_compat.equivalence.activity import BEHAVIOURS, measured
from ann_compat.equivalence.cases import CALLS, CHOICES, CaseSpec
from ann_compat.equivalence.families import Budget, run_configs
from ann_compat.equivalence.findings import case_failure
from ann_compat.equivalence.mutants import MUTANTS
from ann_compat.equivalence.outcome import lacking
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.reports.text import failure_text, family_text

CASES = 300


def test_300_generated_cases_are_bit_equal_and_show_every_behaviour_that_matters(record_property):
    family = run_configs(Budget(CASES))
    report = family_text(family)
    record_property("report", report)
    assert family.verdict == "EQUAL", report
    assert family.cases == CASES
    assert family.controls == CASES // harness.CONTROL_EVERY
    assert family.lacking == ()
    assert next(item for item in family.activity if item.name == "clipping active").share >= 0.2
    assert family.allowed["loader-without-length"] > 0
    assert f"EQUAL: all {CASES} cases are bit-equal." in report
    # A combination that is called unreachable and occurs would have raised; 300 cases show most of the others.
    assert all(matrix.share > 0.9 for matrix in family.coverage)


@pytest.mark.parametrize(
    "spec",
    [
        *(CaseSpec(fault=fault, train_size=5, files=True) for fault in CHOICES["fault"]),
        *(CaseSpec(calls=("train", "save", call, "train"), files=True, epochs=2) for call in CALLS),
        CaseSpec(input_form="channels_last"),
        CaseSpec(model="adaptive", form="quick", epochs=None, config_epochs=6, files=True, validation=True),
        CaseSpec(model="stateful", validation=True, epochs=3, calls=("train", "evaluate", "train")),
        CaseSpec(model="alternating", train_size=9, epochs=2, optimizer="momentum"),
        CaseSpec(criterion="learned", optimizer="adamw", scale=100.0, train_size=7, epochs=3),
    ],
    ids=str,
)
def test_this_case_is_bit_equal(spec):
    case = harness.run_case(spec)
    assert case.comparison.equal, failure_text(case_failure(case))


def test_the_defect_is_gone_afterwards():
    spec = CaseSpec(criterion="mse", scale=100.0)
    with MUTANTS[0].planted():
        assert not harness.run_case(spec).comparison.equal
    assert harness.run_case(spec).comparison.equal


def test_a_failure_is_reported_with_place_cause_and_the_fields_that_matter():
    with MUTANTS[0].planted():
        family = run_configs(Budget(60, 1))
    report = family_text(family)
    assert "DIFFERENT in case" in report
    assert re.search(r"First difference: call 1, epoch 0, batch \d, optimizer step\n  gradients: step of Adam", report)
    assert "did not: add max_grad_norm=1.0" in report
    assert 'Reproduce: ann-equiv replay \'{"version": 1' in report
    assert len(report.split("First difference")[1].splitlines()) <= 25
    sizes = {"train_size", "batch_size", "validation_size", "hidden", "features", "classes", "seed"}
    assert len(family.failures[0].fields.keys() - sizes) <= 2


def test_an_environment_that_does_not_repeat_itself_is_not_called_a_difference(monkeypatch):
    draws = iter(range(10**6))

    def restless(spec):
        trace = run_legacy(spec)
        trace.state["clock"] = next(draws)
        return trace

    monkeypatch.setattr(harness.paths, "run_legacy", restless)
    with pytest.raises(harness.NotDeterministicError, match="two runs of TrainingLoop differ"):
        harness.run_cases(5)


def test_the_same_seed_gives_the_same_cases():
    first, second, other = [], [], []
    for seed, specs in ((4, first), (4, second), (5, other)):
        harness.run_cases(5, seed, on_case=lambda case, specs=specs: specs.append(case.spec))
    assert first == second
    assert first != other


def test_time_is_a_limit_as_well():
    assert harness.run_cases(1000, max_time=0.0).cases <= 1


def test_too_few_cases_are_vacuous():
    family = run_configs(Budget(3))
    assert "never occurred" in family.lacking[0]
    assert "VACUOUS" in family_text(family)


def test_a_behaviour_that_is_too_rare_is_named_with_its_share():
    counts = harness.run_cases(1).activity
    counts.update({behaviour.name: 1 for behaviour in BEHAVIOURS})
    assert any(
        line.startswith("clipping active: ") and "required 20%" in line for line in lacking(measured(counts, 1000))
    )
