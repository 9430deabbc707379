import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.coverage import Coverage
from ann_compat.equivalence.outcome import EXIT_CODES, FamilyOutcome
from ann_compat.equivalence.reports.json_report import SCHEMA_FILE, json_text

SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def closed(schema):
    """The schema with no field allowed that it does not name."""
    if isinstance(schema, dict):
        shut = {key: closed(value) for key, value in schema.items()}
        return (
            {**shut, "additionalProperties": False}
            if "required" in shut and "additionalProperties" not in shut
            else shut
        )
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["equal", "different", "broken"])
def test_every_report_is_as_the_schema_says_and_has_nothing_that_it_does_not_name(name, request):
    report = json.loads(json_text(request.getfixturevalue(name)), parse_constant=pytest.fail)
    strict = closed(SCHEMA)
    strict["properties"]["families"]["items"] = {"$ref": "#/$defs/family"}
    Draft202012Validator(strict).validate(report)


def test_a_report_says_what_was_found(different):
    report = json.loads(json_text(different))
    assert (report["verdict"], report["exit_code"]) == ("DIFFERENT", 1)
    [family] = report["families"]
    causes = {failure["cause"] for failure in family["failures"]}
    assert any("add max_grad_norm=1.0" in cause for cause in causes)
    assert any("only the random generators end differently" in cause for cause in causes)
    for failure in family["failures"]:
        case = CaseSpec.from_dict(failure["case"])
        assert failure["fields"] == json.loads(json.dumps(case.non_defaults()))
        assert failure["curves"]["curves"]
    assert [Coverage.from_dict(matrix) for matrix in family["coverage"]] == list(different.families[0].coverage)


def test_numbers_that_json_does_not_know_are_text(equal):
    family = FamilyOutcome("configs", "EQUAL", seconds=float("inf"))
    assert json.loads(json_text(replace(equal, families=(family,))))["families"][0]["seconds"] == "inf"


def test_the_most_serious_family_decides_about_the_exit_code(equal):
    for verdict, code in EXIT_CODES.items():
        families = (FamilyOutcome("own", "EQUAL"), FamilyOutcome("configs", verdict))
        outcome = replace(equal, families=families, mutants=(), blind=())
        assert (outcome.verdict, outcome.exit_code) == (verdict, code)
    blind = replace(equal, families=(FamilyOutcome("configs", "EQUAL"),), blind=("a channel",))
    assert (blind.verdict, blind.exit_code) == ("ERROR", 3)
