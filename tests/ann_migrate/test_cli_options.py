"""The options of the command that choose, explain and report, run as people run them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]
IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
LEGACY = IMPORT + "TrainingLoop(m, c).train(d)\n"
DECLINED = IMPORT + "print(dir(TrainingLoop))\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "a.py").write_text(LEGACY)
    (folder / "b.py").write_text(DECLINED)
    return folder


@pytest.fixture
def run(tmp_path: Path, tree: Path) -> Run:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
        environment = {**os.environ, "PYTHONPATH": path, "ANN_MIGRATE_CACHE_DIR": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "ann_migrate", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=tree, env=environment)

    return run


def settings(tree: Path, *lines: str) -> None:
    (tree / "pyproject.toml").write_text("\n".join(["[tool.ann-migrate]", *lines, ""]))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--select", "ANN777", "."), "'ANN777' is no code of a rule"),
        (("--ignore", "ANN9", "."), "files with problems are left out by exclude"),
        (("--explain", "ANN777"), "ANN777 is no code"),
        (("--explain", "nowhere.py:1"), "'nowhere.py' is no file"),
        (("--explain", "ANN101", "."), "--explain goes with"),
        (("--undo", "--select", "ANN1", "."), "--undo goes with"),
        (("--undo", "--output-format", "sarif", "."), "--undo reports as text or json"),
        (("--diff", "--output-format", "sarif", "."), "--diff prints a patch"),
        (("-", "--output-format", "github"), "not github"),
        (("-j", "0", "."), "0 is not in the range"),
        (("--output-format", "xml", "."), "'xml' is not one of"),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, tree: Path, arguments: tuple[str, ...], complaint: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr.replace("\n", " ")
    assert (tree / "a.py").read_text() == LEGACY


def test_select_and_ignore(run: Run, tree: Path) -> None:
    done = run(".", "--ignore", "ANN101,ANN299")
    assert (done.returncode, (tree / "a.py").read_text()) == (0, LEGACY)
    assert "2 sites found: 0 rewritten, 0 declined, 2 ignored." in done.stderr
    done = run(".", "--select", "ANN1", "-v")
    assert done.returncode == 0
    assert "b.py:2:11 ANN503 ignored: ANN299 is not selected" in done.stderr
    assert "TrainingLoop" not in (tree / "a.py").read_text()


def test_settings_are_beaten_by_options(run: Run, tree: Path) -> None:
    settings(tree, 'ignore = ["ANN2"]', "hints = true", 'exclude = ["a.py"]')
    (tree / "c.py").write_text("# TrainingLoop\n")
    done = run("--check", ".")
    assert done.returncode == 0
    assert "c.py:1:3 comment: # TrainingLoop" in done.stderr
    done = run("--check", ".", "--ignore", "ANN1", "--no-hints")
    assert done.returncode == 1
    assert "comment: " not in done.stderr
    assert "1 other mention of the legacy names" in done.stderr
    assert "a.py" not in done.stderr


def test_settings_choose_the_format_of_runs_that_print_nothing_else(run: Run, tree: Path) -> None:
    settings(tree, 'output-format = "json"')
    assert json.loads(run("--check", ".").stdout)["exit_code"] == 1
    assert run("--diff", ".").stdout.startswith("--- a/a.py")
    assert "Trainer(" in run("-", stdin=LEGACY).stdout


def test_wrong_settings_end_with_2(run: Run, tree: Path) -> None:
    settings(tree, "selekt = 1")
    done = run(".")
    assert done.returncode == 2
    assert "unknown key 'selekt'" in done.stderr
    assert (tree / "a.py").read_text() == LEGACY


def test_settings_hold_for_standard_input_too(run: Run, tree: Path) -> None:
    settings(tree, 'ignore = ["ANN101"]')
    assert run("-", stdin=LEGACY).stdout == LEGACY


def test_unsafe_assumes_that_attributes_of_other_files_are_not_the_loop(run: Run, tree: Path) -> None:
    job = (
        IMPORT + "class Job:\n    def __init__(self, m, c):\n        self.loop = TrainingLoop(m, c)\n\n"
        "    def run(self, d):\n        self.loop.train(d)\n"
    )
    (tree / "a.py").write_text(job)
    (tree / "b.py").write_text("def spin(server):\n    server.loop.run()\n")
    done = run(".")
    assert done.returncode == 1
    assert "ANN305" in done.stderr
    assert (tree / "a.py").read_text() == job
    assert "not kept: the certainty that .loop at b.py:2" in run("--explain", "a.py:4", "--unsafe").stdout
    done = run(".", "--unsafe")
    assert done.returncode == 0
    assert "not kept: the certainty that .loop at b.py:2 (and in other files) is not of class Job" in done.stderr
    assert "self.loop.fit(" in (tree / "a.py").read_text()


def test_skip_comments_and_unused_ones(run: Run, tree: Path) -> None:
    (tree / "a.py").write_text(LEGACY.replace("(d)", "(d)  # ann-migrate: skip"))
    (tree / "b.py").write_text("x = 1  # ann-migrate: skip\n")
    done = run("--check", ".")
    assert done.returncode == 0
    assert "b.py:1:8 ANN504 unused skip comment" in done.stderr
    assert "Nothing was changed, every site is told to be ignored: 2 files scanned, 1 names" in done.stderr
    assert "ANN504" not in run("--check", ".", "-q").stderr


def test_explain(run: Run) -> None:
    done = run("--explain", "ann301")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("### ANN301: ")
    done = run("--explain", "a.py:2")
    assert done.returncode == 0
    assert "verdict: can be rewritten. ANN101" in done.stdout


def test_hints_never_change_the_exit_code(run: Run, tree: Path) -> None:
    (tree / "b.py").write_text("# TrainingLoop\n")
    (tree / "a.py").write_text('"""TrainingLoop"""\n')
    done = run("--check", "--hints", ".")
    assert done.returncode == 0
    assert "a.py:1:4 docstring:" in done.stderr
    assert "Nothing to migrate" in done.stderr


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_formats_go_to_standard_output(run: Run, tree: Path, form: str) -> None:
    done = run("--output-format", form, ".")
    assert done.returncode == 1
    assert "Trainer(" in (tree / "a.py").read_text()
    if form == "sarif":
        assert {each["ruleId"] for each in json.loads(done.stdout)["runs"][0]["results"]} == {"ANN101", "ANN299"}
        assert done.stderr == ""
    else:
        assert [line.partition(" ")[0] for line in done.stdout.splitlines()] == ["::error", "::notice"]
        assert "2 sites found" in done.stderr


def test_an_internal_failure_ends_with_2_in_every_format(run: Run, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    for form in ("text", "json", "sarif", "github"):
        done = run("--output-format", form, ".")
        assert done.returncode == 2
        if form == "json":
            assert json.loads(done.stdout)["files"][0]["not_written"]
        elif form == "sarif":
            (invocation,) = json.loads(done.stdout)["runs"][0]["invocations"]
            assert not invocation["executionSuccessful"]
            assert invocation["toolExecutionNotifications"][0]["level"] == "error"
        else:
            assert "nothing was written" in done.stderr
            assert ("::error title=ann-migrate::nothing was written" in done.stdout) == (form == "github")
    assert (tree / "a.py").read_text() == LEGACY


HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_the_hooks_run_as_pre_commit_runs_them(run: Run, tree: Path, hook: dict[str, str]) -> None:
    program, *options = shlex.split(hook["entry"])
    assert program == "ann-migrate"
    first = run(*options, "a.py")
    changed = (tree / "a.py").read_text() != LEGACY
    # pre-commit fails a hook that exits with another code than 0 or changes a file.
    assert changed == (hook["id"] == "ann-migrate")
    assert first.returncode == (0 if changed else 1)
    (tree / "a.py").write_text("x = 1\n")
    assert run(*options, "a.py").returncode == 0
