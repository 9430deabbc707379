"""``--style guide`` on the command line: options, settings, reports, and ``--verify`` in real processes."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ann_migrate.cli import main

ROOT = Path(__file__).parents[2]
Run = Callable[..., SimpleNamespace]
IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
READS = IMPORT + "h = TrainingLoop(m, c).train(d, num_epochs=2)\nprint(f\"{h[-1]['train_accuracy']:.2f}%\")\n"
CODES = ["ANN601", "ANN604", "ANN605", "ANN606", "ANN607"]

PROGRAM = """\
import torch
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop

torch.set_num_threads(1)
loader = [(torch.randn(8, 4), torch.randint(0, 2, (8,))) for _ in range(2)]
config = AdaptiveConfig(input_dim=4, output_dim=2, num_nodes=3, hidden_dim=4, num_epochs=5, learning_rate=0.1)
loop = TrainingLoop(AdaptiveModel(config), config)
history = loop.train(loader, loader)
print(f"{history[-1]['val_accuracy']:.2f}%", loop.evaluate(loader)["val_accuracy"] >= 50)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "a.py").write_text(READS)
    return folder


@pytest.fixture
def run(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: to start one for each call takes longer than all the rest."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("", "codemods", "compat"))
    for name, value in {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "ANN_MIGRATE_CACHE_DIR": str(tmp_path / "c"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tree)

    def run(*arguments: str, stdin: str = "") -> SimpleNamespace:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code or 0, stdout=out, stderr=err)

    return run


def test_help_names_both_styles(run: Run) -> None:
    assert "[faithful|guide]" in run("--help").stdout


def test_it_writes_and_tells_what_is_dropped(run: Run, tree: Path) -> None:
    done = run("--style", "guide", ".")
    assert done.returncode == 0, done.stderr
    after = (tree / "a.py").read_text()
    assert "ann_compat" not in after
    assert ":.2%}" in after
    for code in CODES:
        assert f"dropped: {code} " in done.stderr
    assert "dropped: ANN601 accuracies are fractions of 1 (line 3)" in done.stderr
    assert "ann_compat" not in done.stderr
    assert run("--style", "guide", "--check", ".").returncode == 0
    assert run("--undo", ".").returncode == 0
    assert (tree / "a.py").read_text() == READS


def test_the_patch_the_check_and_standard_input_know_it(run: Run, tree: Path) -> None:
    patch = run("--style", "guide", "--diff", ".").stdout
    assert "+h = Trainer(" in patch
    assert run("--style", "guide", "--check", ".").returncode == 1
    piped = run("--style", "guide", "-", stdin=READS)
    assert piped.returncode == 0
    assert ":.2%}" in piped.stdout
    assert (tree / "a.py").read_text() == READS


def test_the_settings_know_it_and_the_option_beats_them(run: Run, tree: Path) -> None:
    (tree / "pyproject.toml").write_text('[tool.ann-migrate]\nstyle = "guide"\n')
    assert "+from ann_compat" not in run("--diff", ".").stdout
    assert "+from ann_compat" in run("--diff", "--style", "faithful", ".").stdout


def test_the_json_report_has_codes_and_places(run: Run) -> None:
    report = json.loads(run("--style", "guide", "--check", "--output-format", "json", ".").stdout)
    (site,) = report["files"][0]["sites"]
    assert [item["code"] for item in sorted(site["dropped"], key=lambda item: item["code"])] == CODES
    (percent,) = [item for item in site["dropped"] if item["code"] == "ANN601"]
    assert percent["position"]["line"] == 3
    assert report["bridge"]["files"] == []


@pytest.mark.parametrize("output_format", ["sarif", "github"])
def test_the_other_reports_tell_it_too(run: Run, output_format: str) -> None:
    done = run("--style", "guide", "--check", "--output-format", output_format, ".")
    assert "dropped: ANN604" in done.stdout


def test_a_dropped_behaviour_can_be_explained_and_refused(run: Run, tree: Path) -> None:
    assert run("--explain", "ANN604").stdout.startswith("### ANN604: The metrics file.")
    done = run("--style", "guide", "--ignore", "ANN604", "--check", ".")
    assert done.returncode == 0
    assert "1 ignored" in done.stderr
    assert "dropped: ANN601" in run("--style", "guide", "--explain", "a.py:2").stdout


def test_verify_compares_all_but_what_is_dropped(run: Run, tree: Path) -> None:
    (tree / "a.py").write_text(PROGRAM)
    done = run("--style", "guide", "a.py", "--verify", f"{sys.executable} a.py")
    assert done.returncode == 0, done.stderr
    assert "verify: equal" in done.stderr
    assert "2 calls and 10 optimizer steps compared" in done.stderr
    assert "not compared: files: the style of the new code drops behaviour that shows there" in done.stderr
    assert "not compared: output" not in done.stderr
    assert 'loop.evaluate(loader)["val_accuracy"] >= 0.5' in (tree / "a.py").read_text()
