import json

import pytest

from ann_compat.equivalence.build import build
from ann_compat.equivalence.cases import CHOICES, SCHEMA_VERSION, CaseSpec
from ann_compat.equivalence.models import ZOO
from ann_compat.equivalence.values import mismatch


def test_round_trip_through_json_keeps_every_field():
    spec = CaseSpec(seed=7, model="dropout", epochs=None, calls=("train", "save", "load"), scale=100.0, files=True)
    assert CaseSpec.from_json(spec.to_json()) == spec
    assert json.loads(spec.to_json())["version"] == SCHEMA_VERSION


def test_true_epochs_survive_json_as_true():
    assert CaseSpec.from_json(CaseSpec(epochs=True).to_json()).epochs is True


def test_fields_left_out_have_their_defaults():
    assert CaseSpec.from_dict({"version": SCHEMA_VERSION, "hidden": 3}) == CaseSpec(hidden=3)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"hidden": 3}, ValueError, "version must be 1, got None"),
        ({"version": 99}, ValueError, "version must be 1, got 99"),
        ({"version": 1, "hiden": 3}, ValueError, "unknown field 'hiden'"),
        ({"version": 1, "hidden": 0}, ValueError, "hidden must be an integer of at least 1, got 0"),
        ({"version": 1, "hidden": True}, ValueError, "hidden must be an integer"),
        ({"version": 1, "model": "resnet"}, ValueError, "model must be one of mlp, "),
        ({"version": 1, "calls": ["fly"]}, ValueError, "calls must be a tuple of train, "),
        ({"version": 1, "epochs": 1.5}, TypeError, "epochs must be an integer or None, got 1.5"),
        ({"version": 1, "shuffle": 1}, TypeError, "shuffle must be True or False, got 1"),
        ({"version": 1, "scale": "big"}, TypeError, "scale and learning_rate must be floats"),
        ([], TypeError, "a case must be a mapping"),
    ],
)
def test_what_is_no_case_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        CaseSpec.from_dict(data)


def test_non_defaults_tell_true_from_one():
    assert CaseSpec(epochs=True, files=True).non_defaults() == {"epochs": True, "files": True}
    assert CaseSpec().non_defaults() == {}


def test_the_zoo_has_every_model_that_a_case_may_name():
    assert tuple(ZOO) == CHOICES["model"]


@pytest.mark.parametrize("loader", CHOICES["loader"])
def test_data_follow_from_the_seed_alone(loader):
    spec = CaseSpec(seed=3, train_size=5, loader=loader, input_form="image", validation=True)
    first, second = build(spec), build(spec)
    assert mismatch(list(first.train_loader), list(second.train_loader)) is None
    assert mismatch(list(first.validation_loader), list(second.validation_loader)) is None
    other = build(CaseSpec(seed=4, train_size=5, loader=loader, input_form="image"))
    assert mismatch(list(first.train_loader), list(other.train_loader)) is not None


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        ("flat", (2, 3)),
        ("image", (2, 1, 2, 3)),
        ("sequence", (2, 2, 3)),
        ("volume", (2, 1, 2, 1, 3)),
        ("channels_last", (2, 2, 2, 3)),
    ],
)
def test_inputs_have_the_shape_of_their_form(form, shape):
    inputs, _ = next(iter(build(CaseSpec(input_form=form, features=3)).train_loader))
    assert inputs.shape == shape
    if form == "channels_last":
        with pytest.raises(RuntimeError, match="view"):
            inputs.view(2, -1)


def test_batches_are_as_many_as_the_case_says():
    for spec in (CaseSpec(train_size=5), CaseSpec(train_size=5, drop_last=True), CaseSpec(fault="empty_train")):
        assert len(list(build(spec).train_loader)) == spec.train_batches


def test_outside_parameter_is_in_no_optimizer():
    setup = build(CaseSpec(model="outside_optimizer", optimizer="sgd"))
    held = {id(parameter) for group in setup.optimizer.param_groups for parameter in group["params"]}
    assert [name for name, parameter in setup.model.named_parameters() if id(parameter) not in held] == ["outside"]


def test_stale_gradients_are_there_before_the_run():
    model = build(CaseSpec(model="frozen", stale_gradients=True)).model
    assert {name: parameter.grad is not None for name, parameter in model.named_parameters()} == {
        "first.weight": False,
        "first.bias": False,
        "second.weight": True,
        "second.bias": True,
    }
