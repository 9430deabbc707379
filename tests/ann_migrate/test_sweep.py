"""The tool over code that has nothing to do with it: the standard library and everything installed.

Nothing may change and nothing may fail. ``make test`` takes the whole tool over what names the legacy API in any way,
and the full analysis, without the search for candidates that spares most files it, over a seeded sample. With
``ANN_MIGRATE_TORTURE=1`` (``make torture``) the analysis takes every file.
"""

from __future__ import annotations

import ast
import os
import random
import sysconfig
from functools import cache
from pathlib import Path

import pytest

from ann_migrate.flow.flow import Escape
from ann_migrate.project.project import Project
from ann_migrate.result import Outcome
from ann_migrate.rewriting.migration import Migration
from ann_migrate.running.engine import migrate_bytes
from ann_migrate.text.source import Source, SourceError

EVERYTHING = bool(os.environ.get("ANN_MIGRATE_TORTURE"))
SAMPLE = 120
SEED = 20260101
CALLS = 40
"""Of each file, so many calls are followed as if they made a loop: real code has few that do."""
OURS = ("adaptiveneuralnetwork", "ann_migrate", "ann_compat")


@cache
def installed() -> tuple[Path, ...]:
    """All Python files of the standard library and of installed packages but ours, in an order that a seed decides."""
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found = {file for folder in folders for file in folder.rglob("*.py") if not set(OURS) & set(file.parts)}
    files = sorted(found)
    random.Random(SEED).shuffle(files)
    return tuple(files)


def test_there_is_enough_to_sweep() -> None:
    assert len(installed()) > 1000


def test_no_file_that_names_the_legacy_api_in_any_way_is_changed() -> None:
    """Other libraries have a ``TrainingLoop`` or a ``quick_train`` too."""
    files = installed() if EVERYTHING else installed()[:4000]
    for file in files:
        raw = file.read_bytes()
        if b"TrainingLoop" in raw or b"quick_train" in raw or b"adaptiveneuralnetwork" in raw:
            result = migrate_bytes(raw, path=file)
            assert not result.changed, file
            assert not any(site.outcome is Outcome.REWRITTEN for site in result.sites), file
            assert result.problem is None or not result.problem.internal, f"{file}: {result.problem}"


@pytest.mark.parametrize("part", range(1 if not EVERYTHING else 20))
def test_the_full_analysis_changes_nothing_and_fails_nowhere(part: int) -> None:
    files = installed()[part::20] if EVERYTHING else installed()[:SAMPLE]
    followed = escaped = 0
    for file in files:
        raw = file.read_bytes()
        try:
            migration = Migration(Source.decode(raw), file, Project.single(), "faithful")
            result = migration.result(raw)
        except (SourceError, RecursionError):
            continue  # other syntax, other encodings: tests of their own
        assert not result.changed, file
        assert not result.sites, file
        calls = migration.tree.all_of(ast.Call)
        for call in random.Random(SEED).sample(calls, min(CALLS, len(calls))):
            try:
                found = migration.flow.follow(call)
            except Escape:
                escaped += 1
                continue
            followed += 1
            assert call in found.constructors, file
            # Whoever is found from one end is found from the other.
            for other in found.constructors:
                assert migration.flow.follow(other) is found, f"{file}:{other.lineno}"
    print(f"\n{len(files)} files: {followed} calls followed to the end, {escaped} escape")
    assert followed > len(files) / 4
    assert escaped > len(files) / 4
