"""The checks behind each rewrite: they fail when something is wrong, and then nothing is given out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from ann_migrate.project.project import Project
from ann_migrate.rewriting import check
from ann_migrate.rewriting.check import same_outside
from ann_migrate.rewriting.migration import Migration
from ann_migrate.running.engine import migrate_bytes
from ann_migrate.text.edits import Edit, Region, apply_edits
from ann_migrate.text.source import Source, Span

IMPORT = b"from adaptiveneuralnetwork.training import TrainingLoop"
CODE = b"from adaptiveneuralnetwork.training import TrainingLoop\nx = 1\nTrainingLoop(m, c  # kept\n).train(l)\n"


def _migration() -> tuple[Migration, bytes]:
    migration = Migration(Source.decode(CODE), Path("program.py"), Project.single(), "faithful")
    data, edited = migration.rewrite()
    assert edited
    return migration, data


def test_a_right_rewrite_passes() -> None:
    assert check.find_failure(*_migration()) is None


@pytest.mark.parametrize(
    ("damage", "failure"),
    [
        (lambda data: data.replace(b"x = 1", b"x = ("), "does not parse"),
        (lambda data: data.replace(b"x = 1", b"x = 2"), "outside the edits"),
        (lambda data: data.replace(b"# kept", b"      "), "a comment is lost: # kept"),
    ],
    ids=["syntax", "code", "comment"],
)
def test_damage_is_found(damage: Callable[[bytes], bytes], failure: str) -> None:
    migration, data = _migration()
    found = check.find_failure(migration, damage(data))
    assert found is not None
    assert failure in found


def test_a_legacy_name_that_remains_is_found() -> None:
    migration = Migration(Source.decode(CODE), Path("program.py"), Project.single(), "faithful")
    _, edited = migration.rewrite()
    assert edited
    migration.regions = [Region(Span(0, len(CODE)), Span(0, 200))]
    found = check.find_failure(migration, IMPORT + b"\nTrainingLoop(  # kept\n)[0]\n")
    assert found == "the sites that were declined are not the ones that remain"


def test_a_second_run_that_would_edit_again_is_found() -> None:
    migration, _ = _migration()
    found = check.find_failure(migration, migration.source.data)
    assert found is not None


def test_a_failed_check_leaves_the_file_and_blames_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Migration, "_edits", _wrong_edits)
    result = migrate_bytes(CODE, path=Path("program.py"))
    assert result.problem is not None
    assert (result.problem.code, result.problem.internal) == ("ANN990", True)
    assert result.after == CODE
    assert result.sites == ()


def _wrong_edits(migration: Migration, plans: list[object]) -> list[Edit]:
    return [Edit(Span(0, len(migration.source.data)), lambda text: text.replace("x = 1", "x = 2"))]


@pytest.mark.parametrize(
    ("source", "span", "new", "same"),
    [
        ("a = 1\nb = 2\n", (4, 5), "3", True),
        ("if a:\n    b = 1\nc = 2\n", (14, 15), "3", True),
        ("if a:\n    b = 1\nc = 2\n", (3, 4), "d", True),
        ("if a:\n    b = 1\nc = 2\n", (16, 16), "    ", False),
        ("a = 1\nb = 2\n", (0, 0), "x = 0\n", True),
        ("a = 1\nb = 2\n", (0, 0), "if x:\n ", False),
        ("def f():\n    a\n    b\n", (13, 14), "a\n    c", True),
        ("a = 1\nb = 2\n", (5, 5), " + (", None),
    ],
)
def test_code_outside_of_the_edits_is_compared(source: str, span: tuple[int, int], new: str, same: bool | None) -> None:
    old = Source.decode(source.encode())
    data, regions = apply_edits(old, [Edit(Span(*span), lambda _: new)])
    try:
        tree = ast.parse(data)
    except SyntaxError:
        assert same is None
        return
    assert same_outside(old, ast.parse(source), Source.decode(data), tree, regions) is same
