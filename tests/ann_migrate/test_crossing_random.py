"""Random projects, migrated and executed: the same objects are met at the same uses.

Each project has one to four modules that hand loops to each other by whatever imports Python has, some of them by forms
that nobody can follow. What is migrated must behave the same, and a second migration must find nothing more to do; what
is declined is no matter here, but enough must be migrated for the comparison to mean something.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crossing_projects import Writer
from crossing_runs import run

from ann_migrate.api import RunResult, migrate_paths

PROJECTS = 20_000 if os.environ.get("ANN_MIGRATE_TORTURE") else 320
PARTS = 4


def written(files: dict[str, str], root: Path) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "pyproject.toml").write_text("")
    return root


def changed(run: RunResult, root: Path) -> dict[str, str]:
    return {result.path.relative_to(root).as_posix(): result.after.decode() for result in run.changed}


@pytest.mark.parametrize("part", range(PARTS))
def test_projects_run_the_same_after_migration(part: int, tmp_path: Path) -> None:
    found = rewritten = together = met = 0
    for seed in range(part, PROJECTS, PARTS):
        files = Writer(seed).project()
        root = written(files, tmp_path / str(seed))
        first = migrate_paths([root])
        internal = [item.problem for item in first.problems if item.problem is not None and item.problem.internal]
        assert not internal, f"seed {seed}: {internal}"  # a few of the odd forms do not go together in valid Python
        found += first.found
        rewritten += first.rewritten
        if not (edited := changed(first, root)):
            continue
        together += any(result.together for result in first.changed)
        before = run(files, seed)
        met += len(before)
        assert run({**files, **edited}, seed) == before, f"seed {seed}"
        if seed % 5 == 0:
            written(edited, root)
            assert not migrate_paths([root]).changed, f"seed {seed}"
    print(f"\n{rewritten} of {found} loops are rewritten, in {together} projects across files; {met} of their uses ran")
    assert rewritten > found / 8
    assert together > PROJECTS / PARTS / 20
    assert met > PROJECTS / PARTS
