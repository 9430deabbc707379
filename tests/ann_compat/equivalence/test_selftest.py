import pytest

from ann_compat.equivalence.diagnose import likely_cause, where
from ann_compat.equivalence.mutants import BY_NAME, CODEMOD_MUTANTS, HARNESS_MUTANTS, MUTANTS
from ann_compat.equivalence.planting import Mutant, edited
from ann_compat.equivalence.selftest import (
    MAX_EXAMPLES,
    baseline_faults,
    caught_by_programs,
    channel_faults,
    comparison_faults,
    hunt,
    selftest,
    unmasked,
)

FIRST_FIVE = ("no-clipping", "sample-mean-loss", "no-zero-grad", "evaluation-in-training-mode", "extra-iterator")
HUNTED = [mutant for mutant in MUTANTS if mutant.equivalent is None]


def test_names_are_distinct_and_the_catalogue_is_large():
    assert len(BY_NAME) == len(MUTANTS) + len(CODEMOD_MUTANTS) + len(HARNESS_MUTANTS)
    assert set(FIRST_FIVE) <= BY_NAME.keys()
    assert len(HUNTED) >= 40


@pytest.mark.parametrize("mutant", HUNTED, ids=lambda mutant: mutant.name)
def test_each_planted_defect_makes_the_run_fail(mutant):
    result = hunt(mutant)
    assert result.failure is not None, f"{mutant.defect}: not seen in {result.cases} cases"
    assert result.cases <= MAX_EXAMPLES
    failure = result.failure
    assert where(failure.comparison.first, failure.old)
    if mutant.name in FIRST_FIVE:
        assert likely_cause(failure.spec, failure.comparison, failure.old, failure.new)


@pytest.mark.parametrize("mutant", CODEMOD_MUTANTS, ids=lambda mutant: mutant.name)
def test_each_defect_of_the_codemod_makes_a_program_fail(mutant):
    catch = caught_by_programs(mutant)
    assert catch.caught, f"{mutant.defect}: not seen in {MAX_EXAMPLES} programs"
    assert 0 < catch.examples <= MAX_EXAMPLES
    assert catch.channels != ("generator",)


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.equivalent], ids=lambda mutant: mutant.name)
def test_what_is_called_equivalent_is_really_planted_and_not_seen(mutant):
    assert hunt(mutant, max_examples=30).failure is None


@pytest.mark.parametrize("mutant", HARNESS_MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_harness_fails_its_self_test(mutant):
    assert unmasked(mutant).caught


def test_a_sound_harness_sees_everything_and_invents_nothing():
    assert comparison_faults() == channel_faults() == baseline_faults(0) == []


def test_a_defect_that_is_not_caught_fails_the_self_test():
    outcome = selftest([BY_NAME["no-clipping"], Mutant("nothing", "nothing", ())], max_examples=12)
    assert [catch.caught for catch in outcome.catches] == [True, False]
    assert not outcome.passed


def test_a_mutant_of_code_that_has_changed_is_refused():
    place = "adaptiveneuralnetwork.training.stepping:Stepping.step"
    with (
        pytest.raises(LookupError, match="expected 'no such line' once in its source, found it 0 times"),
        edited(place, [("no such line", "")]),
    ):
        pass


def test_everything_is_as_before_once_a_mutant_is_gone():
    from adaptiveneuralnetwork.training import run, trainer

    before = run.evaluation_mode, trainer.evaluation_mode, trainer.Trainer.fit
    for name in ("no-eval-mode", "epoch-less"):
        with BY_NAME[name].planted():
            assert (run.evaluation_mode, trainer.evaluation_mode, trainer.Trainer.fit) != before
            assert run.evaluation_mode is trainer.evaluation_mode
    assert (run.evaluation_mode, trainer.evaluation_mode, trainer.Trainer.fit) == before
