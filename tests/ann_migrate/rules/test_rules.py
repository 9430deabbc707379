"""Every rule's own cases, and what all rules must have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from ann_migrate.api import migrate_paths
from ann_migrate.result import FileResult, Outcome
from ann_migrate.rules import all_rules
from ann_migrate.running.engine import Options, migrate_bytes

RULES = all_rules()


def _migrate(rule: ModuleType, source: str) -> FileResult:
    options = Options(style=getattr(rule, "STYLE", "faithful"), ignore=getattr(rule, "IGNORE", ()))
    return migrate_bytes(source.encode(), path=Path("program.py"), options=options)


def _cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, case, id=f"{rule.CODE}-{number}")
        for rule in RULES
        for number, case in enumerate(getattr(rule, kind))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.CODE)
def test_a_rule_has_a_page_a_code_and_cases(rule: ModuleType) -> None:
    assert re.fullmatch(r"ANN[1-57]\d\d", rule.CODE)
    title, blank, *body = rule.__doc__.strip().splitlines()
    assert title.endswith(".")
    assert not blank
    assert body
    assert rule.INVALID or getattr(rule, "INVALID_CELLS", ()) or rule.INVALID_FILES


def test_codes_are_distinct() -> None:
    codes = [rule.CODE for rule in RULES] + [rule.REWRITE_CODE for rule in RULES if hasattr(rule, "REWRITE_CODE")]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(("rule", "source"), _cases("VALID"))
def test_leaves_alone(rule: ModuleType, source: str) -> None:
    result = _migrate(rule, source)
    assert result.problem is None
    assert not result.changed
    assert rule.CODE not in {site.code for site in result.sites}


@pytest.mark.parametrize(("rule", "case"), _cases("INVALID"))
def test_catches(rule: ModuleType, case: str | tuple[str, str]) -> None:
    if isinstance(case, tuple):
        source, expected = case
        result = _migrate(rule, source)
        assert result.problem is None
        assert result.after.decode() == expected
        assert Outcome.REWRITTEN in {site.outcome for site in result.sites}
        return
    result = _migrate(rule, case)
    assert result.problem is None
    assert not result.changed
    site = next(site for site in result.sites if site.code == rule.CODE)
    assert site.reason
    assert site.outcome is (Outcome.IGNORED if rule.CODE.startswith("ANN5") else Outcome.DECLINED)
    assert site.advice or site.outcome is Outcome.IGNORED


GUIDED = [
    pytest.param(*case, id=f"{rule.CODE}-{number}")
    for rule in RULES
    for number, case in enumerate(getattr(rule, "GUIDE", ()))
]


@pytest.mark.parametrize(("source", "expected"), GUIDED)
def test_catches_in_the_guides_style(source: str, expected: str) -> None:
    result = migrate_bytes(source.encode(), path=Path("program.py"), options=Options(style="guide"))
    assert result.problem is None
    assert result.after.decode() == expected
    assert {site.outcome for site in result.sites} == {Outcome.REWRITTEN}


def test_every_code_of_a_dropped_behaviour_can_be_refused() -> None:
    source = (
        b"from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(model, config).train(x, num_epochs=2)\n"
    )
    for codes, outcome in (((), Outcome.REWRITTEN), (("ANN604",), Outcome.IGNORED), (("ANN6",), Outcome.IGNORED)):
        options = Options(style="guide", ignore=codes)
        assert [site.outcome for site in migrate_bytes(source, path=Path("p.py"), options=options).sites] == [outcome]


@pytest.mark.parametrize(
    ("rule", "cells"), [(rule, cells) for rule in RULES for cells in getattr(rule, "INVALID_CELLS", ())]
)
def test_catches_in_notebooks(rule: ModuleType, cells: tuple[str, ...]) -> None:
    book = {"nbformat": 4, "cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    result = migrate_bytes(json.dumps(book).encode(), path=Path("book.ipynb"))
    assert result.problem is None
    assert not result.changed
    assert {site.code for site in result.sites} == {rule.CODE}
    assert all(site.reason and site.advice and site.outcome is Outcome.DECLINED for site in result.sites)


@pytest.mark.parametrize(
    ("rule", "files"), [(rule, files) for rule in RULES for files in getattr(rule, "INVALID_FILES", ())]
)
def test_catches_in_projects(rule: ModuleType, files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    run = migrate_paths([tmp_path])
    assert not run.changed
    assert {site.code for result in run.files for site in result.sites} == {rule.CODE}
    assert all(site.reason and site.advice for result in run.files for site in result.sites)
