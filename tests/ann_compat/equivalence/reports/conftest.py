"""Outcomes to report: of a real run, of a planted defect, and of all that can go wrong at once."""

from dataclasses import replace
from pathlib import Path

import pytest

from ann_compat.equivalence.compare import EXACT
from ann_compat.equivalence.families import Budget
from ann_compat.equivalence.mutants import BY_NAME
from ann_compat.equivalence.outcome import FamilyOutcome, MutantOutcome
from ann_compat.equivalence.session import Plan, carry_out


@pytest.fixture(scope="session")
def equal():
    """A run of a few generated cases (too few, so it is vacuous) with a self-test."""
    return carry_out(Plan("ann-equiv run", Budget(4, 3), EXACT, ("configs",), mutants=1))


@pytest.fixture(scope="session")
def different():
    """A run with two planted defects that finds both."""
    with BY_NAME["no-clipping"].planted(), BY_NAME["extra-iterator"].planted():
        return carry_out(Plan("ann-equiv run", Budget(16, 0, keep_going=True), EXACT, ("configs",)))


@pytest.fixture(scope="session")
def broken(different):
    """Everything at once: hostile texts, a family with an error, a defect that was not caught, no files."""
    [family] = different.families
    hostile = "<script>alert(1)</script> & | ` ``` \x00 \x1b[31m \ud800 é, :\n% ::error::"
    failure = replace(
        family.failures[0],
        title=hostile,
        cause=hostile,
        difference=hostile,
        file="a,b:c.py",
        line=None,
        fields={"x": hostile},
    )
    return replace(
        different,
        families=(
            replace(family, failures=(failure,) * 12),
            FamilyOutcome("own", "UNSTEADY", problem=hostile, trace=hostile),
            FamilyOutcome("stateful", "VACUOUS", lacking=(hostile,)),
        ),
        mutants=(MutantOutcome("m", hostile, False), MutantOutcome("e", "d", False, equivalent=hostile)),
        blind=(hostile,),
    )


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path
