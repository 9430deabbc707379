"""``--emit-tests``: what is written, what is refused before anything is, and that the tests really test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from ann_compat.equivalence.migrated import MigratedProject
from ann_migrate.cli import command

WINGS = [str(Path(__file__).parents[2] / name) for name in ("", "codemods", "compat")]
SCHEMA = json.loads((Path(WINGS[1]) / "ann_migrate" / "reports" / "report.schema.json").read_text())
PROGRAM = """\
import torch
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

config = AdaptiveConfig(input_dim=4, output_dim=3, num_nodes=3, hidden_dim=3, learning_rate=0.1, num_epochs=1)
loader = [(torch.randn(4, 4) * 50, torch.randint(0, 3, (4,))) for _ in range(2)]


def never(model):
    TrainingLoop(model, config).train(loader)


TrainingLoop(AdaptiveModel(config), config).train(loader)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(WINGS))
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "__init__.py").write_text("")
    (tmp_path / "study" / "run.py").write_bytes(PROGRAM.replace("\n", "\r\n").encode())
    return tmp_path


def migrate(*arguments):
    return CliRunner().invoke(command, list(arguments), standalone_mode=False)


def test_the_tests_that_are_written_tell_what_is_reached_equal_and_broken(project):
    result = migrate("study", "--emit-tests", "tests/migrated")
    assert result.return_value == 0, result.output
    assert "Wrote tests of 2 sites, old against new, to tests/migrated. To run them: pytest" in result.stderr
    assert '"python -m study.run",' in (project / "tests/migrated/test_migrated.py").read_text()
    assert (project / "tests/migrated/legacy/study/run.py.legacy").read_bytes() == PROGRAM.replace(
        "\n", "\r\n"
    ).encode()

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/migrated"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    assert "no command reaches study/run.py:10:5, so nothing is known of it" in ran.stdout

    run = project / "study" / "run.py"
    run.write_bytes(run.read_bytes().replace(b"max_grad_norm=1.0", b"max_grad_norm=2.0"))
    migrated = MigratedProject(project / "tests/migrated/migrated.json")
    assert migrated.sites == ["study/run.py:10:5", "study/run.py:13:1"]
    with pytest.raises(AssertionError, match=r"likely cause: .*max_grad_norm") as caught:
        migrated.check("study/run.py:13:1", ["python -m study.run"], seed=3)
    assert "first difference: train at study/run.py:13, step" in str(caught.value)
    # The tool does not take what it put there for code.
    assert migrate("--check", ".").return_value == 0


def test_the_command_of_verify_is_that_of_the_tests(project, monkeypatch):
    from ann_migrate.commands import verify

    monkeypatch.setattr(verify, "verify_migration", lambda *_, **__: verify.Verdict("equal", "they did the same"))
    result = migrate("study", "--verify", "python -m study.run --fast", "--emit-tests", "old_and_new")
    assert result.return_value == 0, result.output
    assert (
        'COMMANDS = [\n    "python -m study.run --fast",\n]' in (project / "old_and_new/test_migrated.py").read_text()
    )


def test_tests_of_another_file_are_added_and_the_test_file_is_its_owners(project):
    migrate("study", "--emit-tests", "kept")
    (project / "kept/test_migrated.py").write_text("# mine\n")
    (project / "more.py").write_text(PROGRAM)
    assert migrate("more.py", "--emit-tests", "kept").return_value == 0
    manifest = json.loads((project / "kept/migrated.json").read_text())
    assert [file["path"] for file in manifest["files"]] == ["study/run.py", "more.py"]
    assert (manifest["root"], manifest["cwd"]) == ("..", ".")
    assert (project / "kept/test_migrated.py").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (lambda: Path("there").write_text("x"), "there is not a folder"),
        (
            lambda: (Path("there").mkdir(), Path("there/migrated.json").write_text("[]")),
            "there/migrated.json was not written by ann-migrate",
        ),
        (
            lambda: (Path("there").mkdir(), Path("there/migrated.json").write_text('{"schema_version": 9}')),
            "schema_version is 9, accepted is 1",
        ),
        (
            lambda: (
                Path("there").mkdir(),
                Path("there/migrated.json").write_text('{"schema_version": 1, "files": [{"path": "study/run.py"}]}'),
            ),
            "there has tests of study/run.py from an earlier run: name another folder",
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_written(project, before, message):
    before()
    result = migrate("study", "--emit-tests", "there")
    assert message in str(result.exception)
    assert (project / "study/run.py").read_bytes() == PROGRAM.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("option", ["--diff", "--check", "--undo"])
def test_it_goes_with_a_run_that_writes(project, option):
    assert "--emit-tests goes with a run that writes files" in str(
        migrate("study", option, "--emit-tests", "x").exception
    )
    assert not (project / "x").exists()


def test_the_report_names_the_folder_and_fits_its_schema(project):
    document = json.loads(migrate("study", "--emit-tests", "x", "--output-format", "json").stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["tests"] == {"folder": "x", "sites": 2, "without": [], "failure": None}


def test_a_folder_that_the_system_refuses_ends_with_2_and_the_files_are_written(project):
    blocked = project / "blocked"
    blocked.mkdir()
    (blocked / "legacy").write_text("in the way")
    result = migrate("study", "--emit-tests", "blocked")
    assert result.return_value == 2
    assert "no test was written to blocked: " in result.stderr
    assert b"max_grad_norm" in (project / "study/run.py").read_bytes()
    assert not (blocked / "migrated.json").exists()


def test_a_notebook_has_no_test_and_is_named(project):
    cell = {"cell_type": "code", "source": PROGRAM, "metadata": {}, "outputs": [], "execution_count": None}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (project / "study" / "run.py").unlink()
    (project / "study" / "run.ipynb").write_text(json.dumps(notebook))
    result = migrate("study", "--emit-tests", "x")
    assert "study/run.ipynb: no test was written: not a Python file" in result.stderr
    assert not (project / "x").exists()


def test_an_unknown_site_is_refused(project):
    migrate("study", "--emit-tests", "x")
    with pytest.raises(ValueError, match=r"site must be one of study/run.py:10:5, .* got 'a'"):
        MigratedProject(project / "x/migrated.json").check("a", [])
