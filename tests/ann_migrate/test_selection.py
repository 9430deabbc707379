"""Which rules act, by codes and beginnings of codes."""

from __future__ import annotations

import pytest

from ann_migrate import migrate_source
from ann_migrate.rewriting.selection import Selection

SOURCE = """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(m, c).train(d)
loop = TrainingLoop(m, c)
loop.evaluate(d)
print(vars(TrainingLoop))
"""


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), ["ANN101", "ANN101", "ANN299"]),
        ((), ("ANN102",), ["ANN503", "ANN101", "ANN299"]),
        ((), ("ann1",), ["ANN503", "ANN503", "ANN299"]),
        ((), ("ANN2",), ["ANN101", "ANN101", "ANN503"]),
        (("ANN1",), (), ["ANN101", "ANN101", "ANN503"]),
        (("ANN101", "ANN103"), (), ["ANN503", "ANN101", "ANN503"]),
        (("ANN",), ("ANN10",), ["ANN503", "ANN503", "ANN299"]),
        (("ANN101", "ANN102"), ("ANN1",), ["ANN101", "ANN503", "ANN503"]),
    ],
)
def test_what_acts(select: tuple[str, ...], ignore: tuple[str, ...], expected: list[str]) -> None:
    result = migrate_source(SOURCE, select=select, ignore=ignore)
    assert [site.code for site in result.sites] == expected
    assert result.changed == ("ANN101" in expected)


def test_a_tie_goes_to_ignore() -> None:
    assert not Selection(("ANN1",), ("ANN1",)).allows("ANN101")


@pytest.mark.parametrize("argument", ["select", "ignore"])
@pytest.mark.parametrize(("code", "said"), [("ANN777", "no code of a rule"), ("", "no code"), ("ANN9", "exclude")])
def test_a_code_of_no_rule_is_refused(argument: str, code: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"{argument}: .*{said}"):
        migrate_source(SOURCE, **{argument: [code]})  # type: ignore[arg-type]


def test_a_single_string_is_refused() -> None:
    with pytest.raises(TypeError, match="select: expected several"):
        migrate_source(SOURCE, select="ANN1")
