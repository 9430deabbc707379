"""Each row of the divergence table is executed, and the table in compat/README.md is what came of it."""

import dataclasses
from pathlib import Path

import pytest

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.divergences import DIVERGENCES, outcome
from ann_compat.equivalence.divergences.divergence import PRELUDE
from ann_compat.equivalence.divergences.table import divergence_table, refresh, table_in
from ann_compat.equivalence.refinements import REFINEMENTS

README = Path(__file__).parents[3] / "compat" / "README.md"
NAMES = [row.name for row in DIVERGENCES]


@pytest.mark.parametrize("row", DIVERGENCES, ids=NAMES)
def test_divergence(row):
    seen = outcome(row)
    assert bool(seen.raised) == row.raises
    # What the row says of Trainer is what was seen.
    same = row.trainer.startswith("the same") or bool(row.refinement) or not row.by_hand
    assert bool(seen.by_hand) != same, seen.by_hand
    if row.code:
        assert seen.migrated is None
        assert row.code in seen.codes
    else:
        assert seen.migrated == row.differs
        assert seen.refinement == row.refinement
        assert [text for text in row.writes if text not in seen.code] == []


def test_names_are_distinct_and_each_program_is_valid():
    assert len(set(NAMES)) == len(NAMES)
    for row in DIVERGENCES:
        for program in (row.program, row.by_hand):
            compile(PRELUDE + program, row.name, "exec")
        assert set(row.differs) <= {*CHANNELS, "value"}


def test_only_the_loader_of_wrong_length_stays_different():
    assert [row.name for row in DIVERGENCES if row.differs] == ["wrong-length"]


def test_every_refinement_has_a_row():
    assert {row.refinement for row in DIVERGENCES} - {""} == {entry.name for entry in REFINEMENTS}


def test_a_row_that_is_untrue_shows():
    clipping = next(row for row in DIVERGENCES if row.name == "clipping")
    untrue = dataclasses.replace(clipping, by_hand=clipping.program)
    assert outcome(clipping).by_hand == ("forward", "gradients", "state")
    assert outcome(untrue).by_hand == ()


def test_the_table_is_fresh():
    command = "python -m ann_compat.equivalence.divergences compat/README.md"
    assert table_in(README) == divergence_table(), f"make it anew: {command}"


def test_a_file_without_the_marks_is_refused(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(ValueError, match="must have the lines"):
        refresh(readme)
    assert readme.read_text() == "nothing"
