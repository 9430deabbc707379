import pytest

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import Mode
from ann_compat.equivalence.ladder import LAYERS, explain, explain_case
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.reports.explanation import explanation_text

DEFECTS = [
    ("no-clipping", CaseSpec(criterion="mse", scale=100.0), "gradients", "add max_grad_norm=1.0"),
    ("no-zero-grad", CaseSpec(train_size=4), "gradients", "gradients"),
    ("no-eval-mode", CaseSpec(validation=True), "modes", "eval() before an evaluation"),
    ("evaluation-with-gradients", CaseSpec(validation=True), "modes", "evaluate under torch.no_grad()"),
    ("extra-iterator", CaseSpec(shuffle=True, train_size=6), "data order", "something drew random numbers before it"),
    ("extra-iterator", CaseSpec(model="dropout", train_size=4), "random draws", "drew random numbers"),
    ("sample-mean-loss", CaseSpec(train_size=3), "metrics", "mean over batches"),
    ("extra-step", CaseSpec(), "gradients", "too many or too few"),
]


@pytest.mark.parametrize(("defect", "spec", "layer", "mend"), DEFECTS, ids=[f"{d[0]}-{d[2]}" for d in DEFECTS])
def test_the_layer_at_which_the_paths_part_is_found_and_the_mend_is_named(defect, spec, layer, mend):
    with BY_NAME[defect].planted():
        explanation = explain_case(spec)
    text = explanation_text("case", explanation)
    assert explanation.first is not None
    assert explanation.first.name == layer, text
    assert mend in (explanation.cause or ""), text
    below = explanation.rungs[: explanation.rungs.index(explanation.first)]
    assert all(rung.state in ("same", "absent") for rung in below if rung.name in ("initialisation",))
    assert f"The paths part at: {layer}" in text
    assert len(text.splitlines()) <= 40


def test_what_the_difference_hangs_on_is_found_by_taking_it_away():
    spec = CaseSpec(criterion="mse", scale=100.0, files=True)
    with BY_NAME["no-clipping"].planted():
        explanation = explain_case(spec)
    equal = {trial.field: trial.equal for trial in explanation.trials}
    assert equal == {"criterion": True, "scale": True, "files": False}
    assert "without files=True: still different" in explanation_text("case", explanation)


def test_equal_paths_do_not_part():
    explanation = explain_case(CaseSpec(model="dropout", validation=True, files=True))
    assert explanation.first is None
    assert (explanation.cause, explanation.trials) == (None, ())
    assert {rung.state for rung in explanation.rungs} <= {"same", "absent"}
    assert "The paths do not part." in explanation_text("case", explanation)


def test_what_a_refinement_allows_is_no_difference():
    assert explain_case(CaseSpec(fault="no_length", train_size=4)).first is None


def test_other_weights_at_the_start_are_told_from_what_follows():
    old, new = run_legacy(CaseSpec(seed=1)), run_legacy(CaseSpec(seed=2))
    explanation = explain(old, new)
    assert explanation.first is not None
    assert explanation.first.name == "initialisation"
    assert sum(rung.state == "follows" for rung in explanation.rungs) >= 4
    assert "build the model after the same seed" in (explanation.cause or "")


def test_a_tolerance_holds_on_every_rung():
    old, new = run_legacy(CaseSpec()), run_legacy(CaseSpec())
    for name, value in new.state.items():
        if name.startswith("ZooModel."):
            value.mul_(1 + 1e-7)
    assert explain(old, new).first is not None
    assert explain(old, new, Mode(tolerance="torch")).first is None


def test_layers_have_distinct_names():
    assert len({layer.name for layer in LAYERS}) == len(LAYERS) == 12
