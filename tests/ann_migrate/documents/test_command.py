"""The command on notebooks and documents: report, patch, write and undo as for Python files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from notebooks import IMPORT, LOOP, code, notebook, sources

from ann_migrate.cli import main

Run = Callable[..., "Done"]
OUTPUT = {"name": "stdout", "output_type": "stream", "text": ["1\n"]}
BOOK = notebook(IMPORT, "x = 1\n" + LOOP, code("loop.train(loader);", [OUTPUT]), "use(TrainingLoop)")


@dataclass
class Done:
    """How a run of the command ended, and what it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "book.ipynb").write_bytes(BOOK)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return Done(int(ended.value.code or 0), *capfdbinary.readouterr())

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


def test_documents_are_migrated_by_wish_only(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "book.ipynb").unlink()
    code = f"{IMPORT}{LOOP}\n"
    files = {
        "README.md": f"# Read\n\n```python\n{code}```\n\n```python\nx = TrainingLoop(...\n```\n",
        "docs/a.rst": f"A\n=\n\n.. code::\n\n   {IMPORT}\n   {LOOP}\n",
        "mod.py": f'"""M.\n\n>>> {IMPORT}>>> {LOOP}\n"""\n',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    assert run(".").returncode == 0
    assert all((folder / name).read_text() == text for name, text in files.items())
    refused = run("README.md")
    assert refused.returncode == 1
    assert b"README.md: ANN914 is a document; the code in it is migrated with --docs" in refused.stderr

    document = json.loads(run("--check", "--docs", "--output-format", "json", ".").stdout)
    assert document["summary"]["rewritten"] == document["summary"]["changed_files"] == 3
    patch = run("--docs", "--diff", ".")
    assert patch.returncode == 0
    done = run("--docs", ".")
    assert done.returncode == 0
    report = done.stderr.decode()
    assert "README.md:9:5 note: names TrainingLoop, but the block is no Python on its own" in report
    assert "README.md, docs/a.rst, mod.py now import ann_compat" in report
    written = {name: (folder / name).read_text() for name in files}
    assert all("Trainer(" in text for text in written.values())
    assert run("--docs", "--check", ".").returncode == 0

    assert run("--undo", ".").returncode == 0
    assert all((folder / name).read_text() == text for name, text in files.items())
    applied = subprocess.run(["git", "apply"], input=patch.stdout, cwd=folder, capture_output=True, check=False)
    assert applied.returncode == 0, applied.stderr
    assert {name: (folder / name).read_text() for name in files} == written
