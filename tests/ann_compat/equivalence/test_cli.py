import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ann_compat.equivalence import environment
from ann_compat.equivalence.cases import CaseSpec

PLANTED = """
import sys
from ann_compat.equivalence import cli, environment, mutants
with mutants.BY_NAME[sys.argv.pop(1)].planted():
    cli.main()
"""
RESTLESS = """
import itertools
from ann_compat.equivalence import cli, environment
numbers = itertools.count(1)
settings = environment.settings
environment.settings = lambda: settings() | {"threads": next(numbers)}
cli.main()
"""


def ann_equiv(*arguments: str, program: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = ["-c", program] if program else ["-m", "ann_compat.equivalence.cli"]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, *command, *arguments], capture_output=True, text=True, check=False, env=variables, cwd=cwd
    )


def test_equal_is_0_and_the_behaviours_are_counted():
    result = ann_equiv("run", "--family", "configs", "--max-examples", "100", "--seed", "3")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "EQUAL: all 100 cases are bit-equal." in result.stdout
    assert "clipping active" in result.stdout


def test_a_difference_is_1_with_a_case_that_can_be_replayed(in_process, tmp_path):
    kept_in = str(tmp_path / "kept")
    arguments = ("run", "--family", "configs", "--max-examples", "60", "--case-dir", kept_in)
    result = ann_equiv("no-clipping", *arguments, program=PLANTED)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "DIFFERENT" in result.stdout
    [kept] = (tmp_path / "kept").iterdir()
    failed = in_process("replay", str(kept), defect="no-clipping")
    assert (failed.returncode, failed.stdout.split()[0]) == (1, "FAILED")
    fixed = in_process("replay", str(kept))
    assert (fixed.returncode, fixed.stdout.split()[0]) == (0, "FIXED")


@pytest.mark.parametrize(
    "arguments",
    [("run", "--max-examples", "0"), ("run", "--sed", "1"), ("run", "no_such_file.py"), ("fly",), ("replay",)],
)
def test_wrong_usage_is_2(arguments):
    result = ann_equiv(*arguments)
    assert result.returncode == 2
    assert "Usage" in result.stderr
    assert result.stdout == ""


def test_cases_that_cannot_be_read_are_errors_and_the_others_are_run(in_process, tmp_path):
    paths = []
    for number, text in enumerate(["{", "[]", '{"version": 1, "model": "x"}', '{"version": 7}', '{"version": 1}']):
        paths.append(tmp_path / f"case{number}.json")
        paths[-1].write_text(text)
    result = in_process("replay", *map(str, paths))
    assert result.returncode == 2
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ERROR"] * 4 + ["FIXED"]


def test_a_restless_environment_is_3_in_one_line():
    result = ann_equiv("run", "--family", "configs", "--max-examples", "5", program=RESTLESS)
    assert result.returncode == 3
    assert result.stderr.startswith("ann-equiv: NotDeterministicError: ")
    assert len(result.stderr.splitlines()) == 1


def test_verbose_adds_the_traceback(in_process, monkeypatch):
    numbers = itertools.count()
    real = environment.settings
    monkeypatch.setattr(environment, "settings", lambda: real() | {"planted": next(numbers)})
    result = in_process("--verbose", "run", "--family", "configs", "--max-examples", "5")
    assert result.returncode == 3
    assert "Traceback" in result.stderr


def test_vacuous_is_4():
    result = ann_equiv("run", "--family", "configs", "--max-examples", "3")
    assert result.returncode == 4
    assert "VACUOUS" in result.stdout
    assert "dropout: never occurred" in result.stdout


def test_a_case_can_be_given_as_text(in_process):
    result = in_process("replay", json.dumps({"version": 1, **CaseSpec(model="dropout").non_defaults()}))
    assert (result.returncode, result.stdout.split()[0]) == (0, "FIXED")


def test_help_loads_neither_torch_nor_hypothesis():
    code = (
        "import sys; sys.argv = ['ann-equiv', '--help']\n"
        "from ann_compat.equivalence.cli import main\n"
        "try: main()\n"
        "except SystemExit as error: assert not error.code\n"
        "print(sorted({'torch', 'hypothesis', 'libcst', 'pytest'} & set(sys.modules)))"
    )
    result = ann_equiv(program=code)
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


LEGACY = """
import torch
from adaptiveneuralnetwork.training import TrainingLoop
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
config = AdaptiveConfig(input_dim=4, output_dim=3, num_nodes=3, hidden_dim=3, num_epochs=1)
loader = [(torch.randn(5, 4) * 50, torch.randint(0, 3, (5,)))]
TrainingLoop(AdaptiveModel(config), config).train(loader)
"""


def test_files_are_migrated_run_and_compared_and_left_alone(in_process, tmp_path):
    legacy, other = tmp_path / "legacy.py", tmp_path / "other.py"
    legacy.write_text(LEGACY)
    other.write_text("print('nothing to migrate')\n")
    result = in_process("run", str(legacy), str(other), cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{legacy}: EQUAL over 1 optimizer steps" in result.stdout
    assert f"{other}: not compared: nothing in it was migrated" in result.stdout
    assert legacy.read_text() == LEGACY
    assert sorted(path.name for path in tmp_path.iterdir()) == ["legacy.py", "other.py"]
    assert in_process("run", str(other)).returncode == 4
    assert in_process("run", str(legacy), defect="no-clipping").returncode == 1


def test_the_self_test_runs_from_the_command_line(in_process):
    result = in_process("selftest", "no-clipping", "nan-equals-anything", "scheduler-before-optimizer")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[0].startswith("no-clipping                    caught case ")
    assert "scheduler-before-optimizer     not hunted: the legacy loop has no schedulers" in result.stdout
    assert "PASSED: 2 of 2 planted defects caught" in result.stdout
    assert in_process("selftest", "no-such-defect").returncode == 2


OWN_CASE = """
import torch
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

def tiny():
    config = AdaptiveConfig(input_dim=3, output_dim=2, num_nodes=2, hidden_dim=2, num_epochs=1)
    return AdaptiveModel(config), config, [(torch.randn(4, 3) * 90, torch.randint(0, 2, (4,)))]

cases = {"tiny": tiny}
"""


def test_the_project_s_own_cases_run_first(in_process, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.ann-equiv]\ncases = "own_equiv:cases"\n')
    (tmp_path / "own_equiv.py").write_text(OWN_CASE)
    result = in_process("run", "--family", "own,configs", "--max-examples", "1", cwd=tmp_path)
    assert (result.returncode, result.stdout.splitlines()[1]) == (4, "tiny: EQUAL"), result.stderr
    different = in_process(
        "run", "--family", "own,configs", "--max-examples", "1", cwd=tmp_path, defect="zero-grad-after-step"
    )
    assert (different.returncode, different.stdout.splitlines()[1]) == (1, "tiny: DIFFERENT"), different.stderr
    (tmp_path / "pyproject.toml").write_text('[tool.ann-equiv]\ncases = "own_equiv:none"\n')
    assert in_process("run", cwd=tmp_path).returncode == 2
