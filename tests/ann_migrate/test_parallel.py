"""Several processes: the same result as one, and one that dies costs its own file only."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ann_migrate import migrate_paths
from ann_migrate.reports.progress import ProgressBar
from ann_migrate.running.parallel import in_processes

ROOT = Path(__file__).parents[2]
WORKER = """\
import os

def double(number):
    if number in (3, 7):
        os._exit(1)
    return 2 * number
"""
LEGACY = """\
from adaptiveneuralnetwork.training import TrainingLoop
from shared import config

def run{number}(model, loader):
    return TrainingLoop(model, config).train(loader, num_epochs={number})
"""


def test_a_process_that_dies_costs_its_own_item_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "worker_of_test.py").write_text(WORKER)
    monkeypatch.syspath_prepend(tmp_path)
    double = importlib.import_module("worker_of_test").double
    done: list[None] = []
    results = in_processes(
        double, range(9), jobs=2, died=lambda number: -number, done=lambda: done.append(None), serial_below=2
    )
    assert results == [0, 2, 4, -3, 8, 10, 12, -7, 16]
    assert len(done) == 9


def test_few_items_are_done_here() -> None:
    here = os.getpid()
    assert in_processes(lambda _: os.getpid(), range(15), jobs=4, died=lambda _: 0) == [here] * 15


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "shared.py").write_text("config = 1\n")
    for number in range(1, 18):
        (tmp_path / f"m{number}.py").write_text(LEGACY.format(number=number))
    (tmp_path / "broken.py").write_text("from adaptiveneuralnetwork.training import TrainingLoop\ndef (:\n")
    told: list[tuple[int, int]] = []
    several = migrate_paths([tmp_path], jobs=2, progress=lambda done, total: told.append((done, total)))
    assert several == migrate_paths([tmp_path])
    assert several.rewritten == 17
    assert told == [(number, 18) for number in range(1, 19)]


def test_nothing_of_the_current_folder_is_executed_by_new_processes(tmp_path: Path) -> None:
    trap = "raise SystemExit('executed')\n"
    for name in ("pickle", "multiprocessing", "libcst", "signal", "struct"):
        (tmp_path / f"{name}.py").write_text(trap)
    for number in range(16):
        (tmp_path / f"m{number}.py").write_text(LEGACY.format(number=number))
    path = os.pathsep.join(str(ROOT / folder) for folder in ("codemods", "compat"))
    done = subprocess.run(
        [sys.executable, "-m", "ann_migrate", "--check", "-j", "2", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 1
    assert "16 sites found: 16 to rewrite" in done.stderr
    assert "executed" not in done.stderr


@pytest.mark.parametrize(("jobs", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_a_wrong_number_of_processes_is_refused(tmp_path: Path, jobs: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="jobs: expected a whole number from 1"):
        migrate_paths([tmp_path], jobs=jobs)


class _Terminal:
    def __init__(self, is_terminal: bool) -> None:
        self.text = ""
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def _shown(*, is_terminal: bool, patience: float) -> str:
    stream = _Terminal(is_terminal)
    with ProgressBar(stream, patience=patience) as bar:  # type: ignore[arg-type]
        bar(1, 4)
        bar(2, 4)
    return stream.text


def test_the_bar_shows_on_a_terminal_after_a_while_and_goes_away() -> None:
    assert _shown(is_terminal=True, patience=0) == "\r[#######.......................] 1 of 4 files\r\x1b[K"
    assert _shown(is_terminal=True, patience=60) == ""
    assert _shown(is_terminal=False, patience=0) == ""
