import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings

from ann_compat.equivalence.cases import CHOICES, CaseSpec
from ann_compat.equivalence.strategies import CALL_SEQUENCES, case_specs

QUICK = settings(
    max_examples=400, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def drawn(count: int, **options: bool) -> list[CaseSpec]:
    specs: list[CaseSpec] = []

    @seed(0)
    @settings(QUICK, max_examples=count, derandomize=False, phases=[Phase.generate])
    @given(case_specs(**options))
    def collect(spec: CaseSpec) -> None:
        specs.append(spec)

    collect()
    return specs


def test_the_simplest_case_is_the_default_one_but_for_its_sizes():
    assert find(case_specs(), lambda spec: True, settings=QUICK).non_defaults() == {
        "train_size": 1,
        "batch_size": 1,
        "hidden": 1,
        "features": 1,
        "validation_size": 1,
    }


CONDITIONS = {
    "dropout": lambda spec: spec.model == "dropout",
    "ragged": lambda spec: spec.train_size % spec.batch_size != 0,
    "validation after training again": lambda spec: spec.validation and spec.calls.count("train") > 1,
    "image without flattening": lambda spec: spec.input_form == "image",
    "epochs None of two": lambda spec: spec.epochs is None and spec.config_epochs == 2,
    "quick form": lambda spec: spec.form == "quick",
    "a fault": lambda spec: spec.fault == "interrupt",
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_cases_shrink_to_few_fields_that_matter(name):
    found = find(case_specs(), CONDITIONS[name], settings=QUICK)
    sizes = {"train_size", "batch_size", "validation_size", "hidden", "features"}
    assert len(found.non_defaults().keys() - sizes) <= 2


@pytest.fixture(scope="module")
def specs():
    return drawn(800)


def test_every_choice_comes_up(specs):
    for name, choices in CHOICES.items():
        assert {getattr(spec, name) for spec in specs} == set(choices)
    assert {spec.calls for spec in specs} == set(CALL_SEQUENCES)
    assert {spec.epochs for spec in specs} == {None, -1, 0, 1, 2, 3, 5}


def test_draws_are_spread_evenly(specs):
    for model in CHOICES["model"]:
        assert 0.06 < sum(spec.model == model for spec in specs) / len(specs) < 0.2
    assert 0.1 < sum(spec.fault != "none" for spec in specs) / len(specs) < 0.3
    assert len(set(specs)) > 0.95 * len(specs)


def test_no_faults_on_request():
    assert {spec.fault for spec in drawn(200, faults=False)} == {"none"}


def test_combinations_that_could_not_run_are_mended(specs):
    for spec in specs:
        if spec.model == "batch_norm":
            assert spec.train_size % spec.batch_size != 1
            assert spec.batch_size > 1
        if spec.form == "quick":
            assert (spec.model, spec.optimizer, spec.criterion) == ("adaptive", "default", "default")
            assert spec.calls[0] == "train"
        if spec.drop_last and spec.fault != "empty_train":
            assert spec.train_batches > 0
