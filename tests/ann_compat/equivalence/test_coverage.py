import json

import pytest

from ann_compat.equivalence.coverage import RARE, Coverage

MATRIX = Coverage(
    "rule x place",
    ("a", "b"),
    ("x", "y"),
    {("a", "x"): RARE, ("b", "x"): 1},
    frozenset({("a", "x"), ("a", "y"), ("b", "x")}),
)


def test_each_cell_has_a_state():
    states = [MATRIX.state(row, column) for row in MATRIX.rows for column in MATRIX.columns]
    assert states == ["covered", "missing", "rare", "unreachable"]
    assert MATRIX.missing() == [("a", "y")]
    assert (MATRIX.covered, MATRIX.share) == (2, 2 / 3)


def test_counts_add_up():
    both = MATRIX + Coverage("rule x place", ("a", "b"), ("x", "y"), {("a", "y"): 2}, MATRIX.reachable)
    assert (both.count("a", "x"), both.count("a", "y"), both.share) == (RARE, 2, 1.0)
    with pytest.raises(ValueError, match="only equal matrices"):
        MATRIX + Coverage("other", ("a", "b"), ("x", "y"), {}, MATRIX.reachable)


def test_json_and_back():
    assert Coverage.from_dict(json.loads(json.dumps(MATRIX.to_dict()))) == MATRIX


def test_what_is_called_unreachable_must_not_occur():
    with pytest.raises(ValueError, match="'b' x 'y' occurred, but is called unreachable"):
        Coverage("rule x place", ("a", "b"), ("x", "y"), {("b", "y"): 1}, frozenset())
    with pytest.raises(ValueError, match="is no cell of the matrix"):
        Coverage("rule x place", ("a",), ("x",), {("a", "z"): 1}, frozenset())
