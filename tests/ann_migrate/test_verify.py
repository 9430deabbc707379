"""``--verify`` end to end: real commands in real processes, and what they leave behind: nothing.

Each process that trains costs seconds to import torch, so a whole verification is run only where nothing less shows the
same; ``tests/ann_compat/equivalence/verify`` compares many rewrites in one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from notebooks import notebook

from ann_migrate.api import migrate_paths
from ann_migrate.commands.verify import (
    Difference,
    Verdict,
    VerifyError,
    common_root,
    verdict_document,
    verdict_lines,
    verify_migration,
)
from ann_migrate.result import FileResult

ROOT = Path(__file__).parents[2]
WINGS = (ROOT, ROOT / "codemods", ROOT / "compat")

EXPERIMENT = """\
import multiprocessing
import random

import numpy as np
import torch
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop


class Experiment:
    def __init__(self, epochs, folder):
        self.config = AdaptiveConfig(
            input_dim=4, output_dim=2, num_nodes=3, hidden_dim=4, learning_rate=0.05, num_epochs=epochs,
            checkpoint_dir=folder, metrics_file=folder + ".json",
        )
        self.loop = TrainingLoop(AdaptiveModel(self.config), self.config)

    def run(self):
        data = torch.as_tensor(np.random.randn(10, 4) * 30, dtype=torch.float32)
        targets = torch.tensor([random.randrange(2) for _ in range(10)])
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(data, targets), batch_size=4, shuffle=True)
        return self.loop.train(loader, loader)


def never(model, config, loader):
    return TrainingLoop(model, config).train(loader)


def main(epochs=1):
    torch.set_num_threads(1)
    history = Experiment(epochs, "first").run()
    child = multiprocessing.get_context("fork").Process(target=lambda: Experiment(1, "second").run())
    child.start()
    child.join()
    return history
"""

SCRIPT = """\
import argparse
import csv
import os
import time

import torch
from shop.experiment import main

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
history = main(parser.parse_args().epochs)
with open("history.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, history[-1])
    writer.writeheader()
    writer.writerows(history)
torch.save(history, "history.pt")
print(os.getcwd(), "accuracy", history[-1]["val_accuracy"], "at", time.time())
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, which must be empty in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def project(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    package = folder / "src" / "shop"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / ".git").mkdir()
    (package / "__init__.py").touch()
    (package / "experiment.py").write_text(EXPERIMENT)
    (folder / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return folder


@pytest.fixture
def small(project: Path) -> tuple[FileResult, ...]:
    """The verdicts for a project whose command is cheap, since it gets stopped before it trains."""
    return migrate_paths([project]).files


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", textwrap.dedent(code)])


def test_an_equal_rewrite_is_written_though_the_package_is_installed_from_the_original_tree(
    project: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", environment], check=True)
    site = next(environment.glob("lib/*/site-packages"))
    installed = [project / "src", *WINGS, sysconfig.get_path("purelib")]
    (site / "editable.pth").write_text("".join(f"{path}\n" for path in installed))
    cells = ["from adaptiveneuralnetwork.training import TrainingLoop\n", "TrainingLoop(m, c).train(d);"]
    (project / "src" / "try.ipynb").write_bytes(notebook(*cells))
    example = ">>> " + "\n>>> ".join(line.strip() for line in cells)
    (project / "src" / "GUIDE.md").write_text(f"# Guide\n\n```python\n{example.replace('>>> ', '')}\n```\n")
    with (project / "src" / "shop" / "experiment.py").open("a") as file:
        file.write(
            f'\n\ndef example():\n    """Trains.\n\n    {example.replace(">>> ", "    >>> ").lstrip()}\n    """\n'
        )
    before = names(project)

    command = f"{environment}/bin/python train.py --epochs 5"
    done = migrate("src", "--docs", "--verify", command, "--output-format", "json")

    assert done.returncode == 0, done.stderr
    verification = json.loads(done.stdout)["verification"]
    assert verification["verdict"] == "equal", verification
    assert verification["covered"] == ["src/shop/experiment.py:16:21"]
    assert verification["uncovered"] == [
        "src/shop/experiment.py:26:12",
        # What the command does not run as a Python program:
        "src/GUIDE.md:5:1",
        "src/shop/experiment.py:42:9",
        "src/try.ipynb:cell 2:1:1",
    ]
    assert verification["calls"] == 2
    assert verification["steps"] == 3 * 5 + 3
    assert verification["not_compared"] == ["words in 1 of 1 lines of output: two runs of the old code differ there"]
    for name in ("shop/experiment.py", "GUIDE.md", "try.ipynb"):
        assert b"TrainingLoop" not in Path("src", name).read_bytes()
    assert names(project) == before


def test_a_sabotaged_rewrite_differs_and_says_why(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = [each for each in migrate_paths(["src"]).files if each.changed]
    sabotaged = result.after.replace(b"callbacks=legacy_callbacks(self.config)", b"callbacks=[]")
    sabotaged = sabotaged.replace(b"legacy_history(", b"(")
    assert sabotaged != result.after
    before = names(project)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, ("src", *WINGS))))

    verdict = verify_migration(project, [replace(result, after=sabotaged)], f"{sys.executable} train.py --epochs 1")

    assert verdict.kind == "differs", verdict
    assert verdict.difference is not None
    assert (verdict.difference.channel, verdict.difference.place) == ("files", "file first")
    assert "legacy_callbacks" in verdict.difference.cause
    assert names(project) == before


def test_code_that_is_imported_from_the_original_tree_proves_nothing(project: Path) -> None:
    script = SCRIPT.replace("import torch\n", f"import sys\nsys.path.insert(0, {str(project / 'src')!r})\n")
    Path("train.py").write_text(script.replace("torch.save", "print"))
    verdict = verify_migration(project, migrate_paths(["src"]).files, f"{sys.executable} train.py --epochs 1")
    assert verdict.kind == "unverifiable"
    assert "called from the original tree" in verdict.reason
    assert str(project / "src/shop/experiment.py") in verdict.reason


def test_a_program_that_does_not_repeat_itself_proves_nothing(project: Path) -> None:
    Path("src/shop/experiment.py").write_text(EXPERIMENT.replace("set_num_threads(1)", "seed()"))
    verdict = verify_migration(
        project,
        migrate_paths(["src"]).files,
        python("import sys; sys.path.insert(0, 'src'); from shop.experiment import main; main()"),
    )
    assert verdict.kind == "unverifiable"
    assert "does not repeat itself" in verdict.reason
    assert "before it began: " in verdict.reason


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "the command is empty"),
        ("python 'train.py", "cannot be split"),
        ("no-such-program --at-all", "cannot be started"),
        (
            "cd src && python -m shop.train",
            "No such file or directory: cd; it is run without a shell: write sh -c '...'",
        ),
        ("SHOP=1 python -m shop.train", "without a shell: set SHOP where ann-migrate is called"),
        (f"{python('raise SystemExit(3)')} && {python('pass')}", "exit code 3; it is run without a shell"),
        (f"{sys.executable} -I -c pass", "no Python process could be recorded"),
        (f"env PYTHONPATH=src {sys.executable} -c pass", "no Python process could be recorded"),
        (python("pass"), "no migrated site was executed"),
        (python("raise SystemExit(3)"), "fails on the old code, with exit code 3"),
        (python("import os; os.kill(os.getpid(), 9)"), "fails on the old code, with exit code -9"),
        (python("import time; time.sleep(60)"), "did not end within 1.5 seconds"),
        (python("while True: print('x' * 100000)"), "printed more than"),
    ],
)
def test_a_command_that_proves_nothing_is_unverifiable_with_the_reason(
    command: str, reason: str, project: Path, small: tuple[FileResult, ...]
) -> None:
    verdict = verify_migration(project, small, command, timeout=1.5 if "did not end" in reason else 60)
    assert verdict.kind == "unverifiable"
    assert reason in verdict.reason


def test_writing_into_the_original_tree_is_unverifiable(project: Path, small: tuple[FileResult, ...]) -> None:
    verdict = verify_migration(project, small, python(f"open({str(project / 'out.txt')!r}, 'w')"))
    assert verdict.kind == "unverifiable"
    assert f"writes into the original tree by an absolute path: {project / 'out.txt'}" in verdict.reason


def test_a_process_that_outlives_the_command_is_stopped_and_proves_nothing(
    project: Path, small: tuple[FileResult, ...], tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    verdict = verify_migration(project, small, python(LEAVES_A_PROCESS.format(note=str(note), then="pass")))
    assert verdict.kind == "unverifiable"
    assert "left processes running" in verdict.reason
    assert_gone(int(note.read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_leaves_no_process_and_no_file_behind(
    number: signal.Signals, project: Path, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    command = python(LEAVES_A_PROCESS.format(note=str(note), then="time.sleep(100)"))
    before = names(project), Path("src/shop/experiment.py").read_bytes()
    running = subprocess.Popen(migrate_command("src", "--verify", command), env=search_path(), stderr=subprocess.PIPE)
    while not note.exists() or not note.read_text().endswith("\n"):
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    helpers = psutil.Process(running.pid).children(recursive=True)

    running.send_signal(number)

    code = running.wait(20)
    assert running.stderr is not None
    running.stderr.close()
    assert code == (130 if number is signal.SIGINT else -number)
    psutil.wait_procs(helpers, timeout=20)
    assert [process for process in helpers if process.is_running()] == []
    assert_gone(int(note.read_text()))
    assert (names(project), Path("src/shop/experiment.py").read_bytes()) == before


LEAVES_A_PROCESS = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True)
    with open({note!r}, "w") as file:
        file.write(str(child.pid) + "\\n")
    {then}
"""


def test_verify_excludes_what_writes_nothing(project: Path) -> None:
    for option in ("--diff", "--check", "--undo"):
        done = migrate("src", option, "--verify", "true")
        assert done.returncode == 2
        assert b"--verify" in done.stderr
    assert migrate("src", "--verify-exclude", "*.log").returncode == 2


def test_a_refuted_rewrite_is_not_written_and_the_exit_code_is_1(project: Path) -> None:
    done = migrate("src", "--verify", python("pass"))
    assert done.returncode == 1
    assert b"verify: unverifiable: no migrated site was executed" in done.stderr
    assert b"Nothing was changed" in done.stderr
    assert Path("src/shop/experiment.py").read_text() == EXPERIMENT


def test_without_anything_to_rewrite_no_command_is_run(project: Path) -> None:
    done = migrate("train.py", "--verify", python("open('/dev/full', 'w').write('x')"))
    assert done.returncode == 0
    assert b"verify:" not in done.stderr


def test_the_project_is_copied_if_the_command_runs_in_it_else_the_current_folder(
    project: Path, small: tuple[FileResult, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert common_root(small) == str(project)
    absolute = [replace(result, path=result.path.absolute()) for result in small]
    monkeypatch.chdir(project / "src")
    assert common_root(absolute) == str(project)
    monkeypatch.chdir(project.parent)
    assert common_root(absolute) == str(project.parent)


def test_files_and_folders_outside_the_root_are_refused(project: Path, small: tuple[FileResult, ...]) -> None:
    verdict = verify_migration(project / "src" / "shop", small, "true")
    assert verdict == Verdict("unverifiable", f"the current folder is not within {project / 'src' / 'shop'}: go there")
    elsewhere = [replace(result, path=project.parent / "other.py") for result in small]
    assert verify_migration(project, elsewhere, "true").reason.startswith(
        f"{project.parent / 'other.py'} is not within"
    )


def test_a_file_that_changed_since_it_was_read_is_unverifiable(project: Path, small: tuple[FileResult, ...]) -> None:
    Path("src/shop/experiment.py").write_text(EXPERIMENT + "\n")
    assert "changed since it was read" in verify_migration(project, small, "true").reason


@pytest.mark.parametrize(("name", "value"), [("timeout", 0), ("timeout", -1.0), ("max_bytes", 0)])
def test_limits_must_be_positive(name: str, value: float, project: Path, small: tuple[FileResult, ...]) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected more than 0, got {value}"):
        verify_migration(project, small, "true", **{name: value})  # type: ignore[arg-type]


def test_results_must_change_something(project: Path, small: tuple[FileResult, ...]) -> None:
    with pytest.raises(ValueError, match="results: expected at least one file that changes"):
        verify_migration(project, [replace(each, after=each.before) for each in small], "true")


def test_a_verifying_process_that_fails_is_an_error_of_its_own(
    project: Path, small: tuple[FileResult, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(VerifyError, match="exit code 1 and no verdict"):
        verify_migration(project, small, "true")


def test_a_verdict_as_people_and_programs_read_it() -> None:
    difference = Difference("step", "train at a.py:9, step 2: the gradients", "norm 1.0", "norm 4.7", "no clipping")
    verdict = Verdict("differs", "it differs", difference, covered=("a.py:9:3",))
    assert list(verdict_lines(verdict)) == [
        "verify: differs: it differs",
        "    first difference: train at a.py:9, step 2: the gradients",
        "      old: norm 1.0",
        "      new: norm 4.7",
        "    likely cause: no clipping",
    ]
    document = verdict_document(verdict)
    assert document["verdict"] == "differs"
    assert document["first_difference"]["cause"] == "no clipping"
    assert document["covered"] == ["a.py:9:3"]
    assert json.loads(json.dumps(document)) == document


def migrate(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(migrate_command(*arguments), capture_output=True, timeout=300, env=search_path())


def migrate_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ann_migrate", *arguments]


def search_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, WINGS))}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def assert_gone(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        assert process.status() == psutil.STATUS_ZOMBIE or process.wait(5) is None
