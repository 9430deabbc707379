"""The command on notebooks and documents: report, patch, write and undo as for Python files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from notebooks import IMPORT, LOOP, code, notebook, sources

ROOT = Path(__file__).parents[3]
Run = Callable[..., subprocess.CompletedProcess[bytes]]
OUTPUT = {"name": "stdout", "output_type": "stream", "text": ["1\n"]}
BOOK = notebook(IMPORT, "x = 1\n" + LOOP, code("loop.train(loader);", [OUTPUT]), "use(TrainingLoop)")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "book.ipynb").write_bytes(BOOK)

    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        path = os.pathsep.join(str(ROOT / name) for name in ("", "codemods", "compat"))
        cache = str(tmp_path / "cache")
        environment = {**os.environ, "PYTHONPATH": path, "ANN_MIGRATE_CACHE_DIR": cache}
        command = [sys.executable, "-m", "ann_migrate", *arguments]
        return subprocess.run(command, capture_output=True, cwd=folder, env=environment, check=False)

    return run


def test_a_notebook_is_shown_written_and_restored(run: Run, tmp_path: Path) -> None:
    book = tmp_path / "project" / "book.ipynb"
    patch = run("--diff", ".")
    assert patch.returncode == 1  # the last cell is declined
    assert book.read_bytes() == BOOK
    applied = subprocess.run(["git", "apply"], input=patch.stdout, cwd=book.parent, capture_output=True, check=False)
    assert applied.returncode == 0, applied.stderr
    by_patch = book.read_bytes()
    book.write_bytes(BOOK)

    written = run("--verbose", ".")
    assert written.returncode == 1
    assert book.read_bytes() == by_patch
    assert "Trainer(" in sources(by_patch)[1]
    report = written.stderr.decode()
    assert "book.ipynb:cell 2:2:8 ANN101 rewritten" in report
    assert "book.ipynb:cell 4:1:5 ANN" in report
    assert "book.ipynb:cell 3:1:1 note: its outputs are those of the old code" in report
    assert "book.ipynb now imports ann_compat" in report

    assert run("--undo", ".").returncode == 0
    assert book.read_bytes() == BOOK


def test_the_json_report_has_cells(run: Run) -> None:
    document = json.loads(run("--check", "--output-format", "json", "book.ipynb").stdout)
    (file,) = document["files"]
    assert [site["position"] for site in file["sites"]] == [
        {"cell": 2, "line": 2, "column": 8},
        {"cell": 4, "line": 1, "column": 5},
    ]
    assert [note["position"]["cell"] for note in file["notes"]] == [3]
    assert file["imports_bridge"]
