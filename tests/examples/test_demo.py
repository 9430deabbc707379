"""The demonstration compares what it says, and sees a difference where there is one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("sklearn", reason="the example project trains on scikit-learn's digits")

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "demo.py"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_demo_finds_the_two_runs_equal() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("bit-equal") >= 17
    assert "DIFFERENT" not in done.stdout


def test_the_demo_sees_a_difference(demo: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(loss: float, digest: str = "d") -> object:
        result = object.__new__(demo.ProjectRun)
        result.histories = {"baseline": [{"epoch": 0, "timestamp": loss, "train_loss": loss}]}
        result.digests = {"baseline": [digest]}
        return result

    assert demo.compare_epochs(run(0.5), run(0.5)) == []
    assert demo.compare_epochs(run(0.5), run(0.5 + 2**-53))
    assert demo.compare_epochs(run(0.5), run(0.5, "e"))
    nothing = run(0.5)
    nothing.histories = {}
    assert "no epoch was compared" in demo.compare_epochs(nothing, nothing)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "old" / "metrics.json").write_text("[1.0]")
    assert demo.compare_files(tmp_path / "old", tmp_path / "new") == ["metrics.json is written by one run only"]
    (tmp_path / "new" / "metrics.json").write_text("[1]")
    assert demo.compare_files(tmp_path / "old", tmp_path / "new") == ["metrics.json differs"]
