"""Generated programs: what the spec means, the legacy text, and the migrated text do the same."""

import json
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings

from ann_compat.equivalence import program_verdict
from ann_compat.equivalence.compare import compare
from ann_compat.equivalence.covering import HIDING_PROGRAMS, covering_array, feasible_pairs
from ann_compat.equivalence.program_run import check_program
from ann_compat.equivalence.program_strategies import program_specs
from ann_compat.equivalence.program_text import render
from ann_compat.equivalence.program_verdict import DECLINED, predict
from ann_compat.equivalence.programs import DIMENSIONS, ProgramSpec, compatible, mended

PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_any_two_values_together(part):
    for spec in covering_array()[part::PARTS]:
        fault = check_program(spec).fault
        assert fault is None, f"{spec}: {fault}"


@settings(max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program_specs())
def test_many_values_together(spec):
    fault = check_program(spec).fault
    assert fault is None, f"{spec}: {fault}"


def test_the_array_holds_every_pair():
    met = set()
    for spec in covering_array():
        values = [(name, getattr(spec, name)) for name in DIMENSIONS]
        if not any(value in DECLINED for value in values):
            met |= set(combinations(values, 2))
    assert met == set(feasible_pairs())
    for name, value in DECLINED:
        assert sum(getattr(spec, name) == value for spec in covering_array()) >= HIDING_PROGRAMS


def test_every_pair_that_can_stand_together_is_asked_for():
    shown = [(name, value) for name, values in DIMENSIONS.items() for value in values if (name, value) not in DECLINED]
    wanted = {(one, other) for one, other in combinations(shown, 2) if one[0] != other[0] and compatible(*one, *other)}
    assert set(feasible_pairs()) == wanted


def test_most_programs_must_be_migrated():
    predicted = [predict(spec).migrated for spec in covering_array()]
    assert sum(predicted) / len(predicted) >= 0.8


@pytest.mark.parametrize(("name", "values"), DIMENSIONS.items())
def test_the_first_value_goes_with_all_others(name, values):
    for other, others in DIMENSIONS.items():
        assert other == name or all(compatible(name, values[0], other, value) for value in others)


def test_layouts_and_encodings_reach_the_file():
    def source(trivia):
        return render(ProgramSpec(trivia=trivia)).source

    assert source("crlf").count(b"\r\n") == source("crlf").count(b"\n") > 10
    assert source("bom").startswith(b"\xef\xbb\xbf")
    assert source("bom")[-1:] != b"\n"
    assert "é".encode("latin-1") in source("cookie")
    assert b"(\r\n    model," in source("mixed_newlines")


def test_json_and_back():
    spec = ProgramSpec(binding="walrus", arguments="awaited", seed=7)
    assert ProgramSpec.from_json(json.dumps(spec.to_dict())) == spec
    assert ProgramSpec.from_dict({"program": 1, "binding": "walrus", "arguments": "awaited", "seed": 7}) == spec


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a program must be a mapping"),
        ({"binding": "name"}, "program must be 1, got None"),
        ({"program": 2}, "program must be 1, got 2"),
        ({"program": 1, "bindung": "name"}, "unknown field 'bindung'"),
        ({"program": 1, "binding": "nome"}, "binding must be one of name, "),
        ({"program": 1, "seed": -1}, "seed must be an integer of at least 0, got -1"),
        (
            {"program": 1, "binding": "chain", "other_use": "evaluate"},
            "other_use='evaluate' cannot stand together with binding='chain'",
        ),
    ],
)
def test_what_is_no_program_is_refused(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ProgramSpec.from_dict(data)


def test_mending_keeps_what_stands_first():
    spec = mended({"binding": "chain", "other_use": "evaluate", "result": "losses", "seed": 3})
    assert spec == ProgramSpec(binding="chain", result="losses", seed=3)


def test_a_wrong_prediction_fails_in_both_directions(monkeypatch):
    monkeypatch.setitem(DECLINED, ("binding", "chain"), "ANN301")
    fault = check_program(ProgramSpec(binding="chain")).fault
    assert (fault.kind, fault.text.split(",")[0]) == ("verdict", "must be left alone by ANN301")
    monkeypatch.delitem(DECLINED, ("arguments", "surplus"))
    fault = check_program(ProgramSpec(arguments="surplus")).fault
    assert (fault.kind, fault.text.split(",")[0]) == ("verdict", "must be migrated")
    monkeypatch.setitem(DECLINED, ("arguments", "surplus"), "ANN399")
    assert check_program(ProgramSpec(arguments="surplus")).fault.kind == "verdict"
    monkeypatch.setitem(program_verdict._DECOY_SITES, "isinstance", "ANN299")
    assert check_program(ProgramSpec(decoy="isinstance")).fault.kind == "verdict"


def test_a_text_that_does_not_do_what_its_spec_says_is_seen(monkeypatch):
    from ann_compat.equivalence import program_site

    monkeypatch.setitem(program_site._TRAIN_ARGUMENTS, "three", ("train_loader", "test_loader", "2"))
    fault = check_program(ProgramSpec(arguments="three")).fault
    assert fault.kind == "generator"


PADDED = (
    ProgramSpec(result="losses", other_use="evaluate"),
    ProgramSpec(binding="closure", placement="method", arguments="effects", model="dropout"),
    ProgramSpec(other_use="passed", placement="function"),
)


@pytest.mark.parametrize("padding", DIMENSIONS["padding"][1:])
def test_what_means_nothing_changes_neither_verdict_nor_behaviour(padding):
    for spec in PADDED:
        plain, padded = check_program(spec), check_program(replace(spec, padding=padding))
        assert padded.fault is None, f"{padded.spec}: {padded.fault}"
        assert padded.program.source != plain.program.source
        assert [(site.code, site.outcome) for site in padded.migration.sites] == [
            (site.code, site.outcome) for site in plain.migration.sites
        ]
        assert compare(plain.old, padded.old).equal
        assert (padded.new is None) is (plain.new is None)
        assert plain.new is None or compare(plain.new, padded.new).equal
