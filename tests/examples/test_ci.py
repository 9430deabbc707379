"""The CI files that people copy: valid by the published schemas, and their commands do what the comments say."""

import importlib.resources
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"
WORKFLOW = yaml.safe_load((CI / "github-workflow.yml").read_text())
HOOKS = yaml.safe_load((CI / "pre-commit-config.yaml").read_text())
LEGACY = """\
from adaptiveneuralnetwork.training import TrainingLoop

def run(model, config, loader):
    TrainingLoop(model, config).train(loader)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project that people have, with the commands on its path."""
    monkeypatch.chdir(tmp_path)
    commands = tmp_path.parent / f"{tmp_path.name}-bin"
    commands.mkdir()
    for name, module in {"ann-migrate": "ann_migrate.cli", "ann-equiv": "ann_compat.equivalence.cli"}.items():
        script = commands / name
        script.write_text(f"#!{sys.executable}\nfrom {module} import main\nmain()\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / wing) for wing in ("", "codemods", "compat")))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "run.py").write_text(LEGACY)
    return tmp_path


def commands(job):
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def shell(command):
    return subprocess.run(["bash", "-e", "-c", command], capture_output=True, text=True, check=False)


def test_the_workflow_is_one_by_the_published_schema():
    files = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "github-workflows.json"
    schema = json.loads(files.read_text())
    # YAML 1.1 reads the key "on" as True.
    document = {("on" if key is True else key): value for key, value in WORKFLOW.items()}
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"jobs": {"equal": {"steps": [{"runs": "x"}]}}}, schema)


def test_what_is_left_to_migrate_becomes_an_annotation_and_fails(project):
    install, check = commands("migrated")
    assert shlex.split(install)[:2] == ["pip", "install"]
    found = shell(check)
    assert found.returncode == 1
    assert "file=run.py,line=4" in found.stdout
    assert shell("ann-migrate run.py").returncode == 0
    assert shell(check).returncode == 0


def test_the_comparison_writes_its_reports_and_the_summary_of_the_run(project):
    _, compare, summarize = commands("equal")
    # As in the file, but for its size: a profile takes most of a minute.
    assert "--profile pr" in compare
    ran = shell(compare.replace("--profile pr", "--max-examples 150 --family configs"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert shell(summarize).returncode == 0
    assert "EQUAL" in (project / "summary.md").read_text()
    assert {path.suffix for path in Path("equivalence").iterdir()} == {".md", ".xml"}


def test_the_nightly_search_names_its_seed(project):
    _, search = commands("search")
    assert "fuzz --profile nightly" in search
    ran = shell(search.replace("--profile nightly", "--max-time 2 --family stateful"))
    assert ran.returncode in (0, 4), ran.stdout + ran.stderr  # in two seconds not everything occurs
    report = json.loads(next(Path("equivalence").glob("*.json")).read_text())
    assert f"seed {report['seed']}" in ran.stdout
    assert list(Path("equivalence").glob("*.html"))


def test_each_file_that_is_uploaded_is_one_that_is_written():
    for job in ("equal", "search"):
        (upload,) = [step for step in WORKFLOW["jobs"][job]["steps"] if "upload-artifact" in step.get("uses", "")]
        assert upload["with"]["path"].split() == ["equivalence", ".ann-equiv/cases"]
        assert any("--report-dir equivalence" in command for command in commands(job))


def test_the_hook_fails_where_something_is_left_and_changes_nothing(project):
    (hook,) = HOOKS["repos"][0]["hooks"]
    assert hook["language"] == "system"
    # As pre-commit runs it: split by words, the files appended.
    ran = shell(f"{hook['entry']} run.py")
    assert ran.returncode == 1
    assert (project / "run.py").read_text() == LEGACY
    (project / "run.py").write_text("print('nothing legacy')\n")
    assert shell(f"{hook['entry']} run.py").returncode == 0
