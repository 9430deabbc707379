"""The commands beyond a plain run: fuzz, explain, matrix, reports, profiles, several processes."""

import json
import re
import shlex
import sys

import pytest

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.commands.execution import execute
from ann_compat.equivalence.profiles import PROFILES

OWN = """
import itertools
import torch
from torch import nn
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel

def steady():
    config = AdaptiveConfig(input_dim=3, output_dim=2, num_nodes=2, hidden_dim=2, num_epochs=2)
    return AdaptiveModel(config), config, [(torch.randn(4, 3) * 90, torch.randint(0, 2, (4,)))]

runs = itertools.count()

class Restless(AdaptiveModel):
    def forward(self, x):
        return super().forward(x) + next(runs) * 1e-3

def restless():
    config = AdaptiveConfig(input_dim=3, output_dim=2, num_nodes=2, hidden_dim=2, num_epochs=1)
    return Restless(config), config, [(torch.randn(4, 3), torch.randint(0, 2, (4,)))]

def wrong():
    return "not a case"

class Half(AdaptiveModel):
    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return super().forward(x).float()

def half():
    config = AdaptiveConfig(input_dim=3, output_dim=2, num_nodes=2, hidden_dim=2, num_epochs=2)
    return Half(config), config, [(torch.randn(4, 3) * 90, torch.randint(0, 2, (4,)))]

steady_cases = {"steady": steady}
restless_cases = {"steady": steady, "restless": restless}
wrong_cases = {"wrong": wrong}
half_cases = {"half": half}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with cases of its own, chosen by ``pyproject.toml``."""
    (tmp_path / "own_project_cases.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    # The module of an earlier test has the same name.
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_project_cases", raising=False)

    def choose(name, more=""):
        (tmp_path / "pyproject.toml").write_text(f'[tool.ann-equiv]\ncases = "own_project_cases:{name}"\n{more}\n')
        return tmp_path

    return choose


def test_fuzz_goes_on_and_names_each_cause_once(in_process, tmp_path):
    arguments = ("fuzz", "--family", "configs", "--seed", "0", "--max-examples", "30", "--continue-on-failure")
    result = in_process(*arguments, defect="evaluation-with-gradients", cwd=tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "compared 30 cases" in result.stdout
    causes = re.findall(r"Likely cause: (.*)", result.stdout)
    assert len(causes) == len(set(causes)) == result.stdout.count("First difference") >= 1
    assert "more of the same cause" in result.stdout
    assert len(list((tmp_path / ".ann-equiv/cases").iterdir())) == len(causes)


def test_fuzz_ends_when_the_time_is_over_and_says_which_seed_it_had(in_process, tmp_path):
    result = in_process("fuzz", "--max-time", "1", "--report", "json", cwd=tmp_path)
    # So few cases cannot show all that matters.
    assert result.returncode == 4, result.stdout + result.stderr
    seed = int(re.search(r"seed (\d+)", result.stdout)[1])
    report = json.loads((tmp_path / ".ann-equiv/report/report.json").read_text())
    assert report["seed"] == seed
    assert report["command"].endswith(f"--seed {seed}")
    assert report["command"].count("--seed") == 1


def test_a_kept_case_is_replayed_and_explained_by_its_id(in_process, tmp_path):
    arguments = ("run", "--family", "configs", "--max-examples", "20")
    found = in_process(*arguments, defect="no-clipping", cwd=tmp_path)
    [kept] = (tmp_path / ".ann-equiv/cases").iterdir()
    name = kept.stem.removeprefix("case-")
    assert f"Kept: .ann-equiv/cases/case-{name}.json" in found.stdout
    failed = in_process("replay", name, defect="no-clipping", cwd=tmp_path)
    assert (failed.returncode, failed.stdout.split()[0]) == (1, "FAILED")
    assert in_process("replay", name[:4], cwd=tmp_path).returncode == 0
    explained = in_process("explain", name, defect="no-clipping", cwd=tmp_path)
    assert explained.returncode == 1
    assert "The paths part at: gradients" in explained.stdout
    assert "add max_grad_norm=1.0" in explained.stdout
    equal = in_process("explain", str(kept), cwd=tmp_path)
    assert (equal.returncode, "The paths do not part." in equal.stdout) == (0, True)
    missing = in_process("replay", "beefbeef", cwd=tmp_path)
    assert (missing.returncode, missing.stdout.split()[0]) == (2, "ERROR")
    assert in_process("explain", "beefbeef", cwd=tmp_path).returncode == 2


def test_the_line_to_paste_shows_the_failure_again(in_process, tmp_path):
    arguments = (
        "run",
        "--family",
        "configs",
        "--max-examples",
        "20",
        "--channels",
        "state,rng",
        "--tolerance",
        "torch",
    )
    found = in_process(*arguments, defect="no-clipping", cwd=tmp_path)
    for word in ("Reproduce", "Explain"):
        line = shlex.split(re.search(rf"^{word}: (.*)", found.stdout, re.MULTILINE)[1])
        assert line[0] == "ann-equiv"
        assert {"--channels", "--tolerance"} <= set(line)
        assert in_process(*line[1:], defect="no-clipping", cwd=tmp_path).returncode == 1
        assert in_process(*line[1:], cwd=tmp_path).returncode == 0


def test_a_failure_fits_on_a_screen(in_process, tmp_path):
    case = CaseSpec(
        seed=3, model="dropout", hidden=4, features=3, classes=4, input_form="image", dtype="float64", scale=100.0,
        train_size=9, batch_size=4, validation=True, validation_size=5, loader="seeded", shuffle=True,
        optimizer="rmsprop", learning_rate=0.5, criterion="learned", epochs=3, config_epochs=3,
        calls=("train", "more_epochs", "train", "save", "train", "load", "train_epoch"), form="function",
        stale_gradients=True, files=True, log_interval=1,
    )  # fmt: skip
    result = in_process("replay", case.to_json(), defect="no-clipping", cwd=tmp_path)
    assert result.returncode == 1
    assert len(result.stdout.split("\n", 1)[1].splitlines()) <= 25


def test_tolerance_mode_says_so_and_still_catches(in_process, tmp_path):
    arguments = ("run", "--family", "configs", "--max-examples", "12", "--tolerance", "torch")
    fine = in_process(*arguments, "--report", "md,html", cwd=tmp_path)
    assert fine.returncode == 4
    assert "TOLERANCE torch: floats may differ by rounding" in fine.stdout
    assert "Tolerance mode" in (tmp_path / ".ann-equiv/report/summary.md").read_text()
    assert "tolerance mode" in (tmp_path / ".ann-equiv/report/report.html").read_text()
    assert in_process(*arguments, defect="clip-1.01", cwd=tmp_path).returncode == 1


def test_the_matrix_counts_and_what_is_missing_can_be_listed(in_process, tmp_path):
    result = in_process("matrix", "--family", "configs", "--max-examples", "8", cwd=tmp_path)
    assert result.returncode == 0
    assert "configs: behaviour x model: " in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.strip().startswith("batch norm"))
    cells = line.split()[2:]
    assert len(cells) == 8
    assert cells.count(".") == 7
    missing = in_process("matrix", "--family", "configs", "--max-examples", "8", "--missing", cwd=tmp_path)
    first = result.stdout.split("configs: behaviour x loader")[0]
    zeros = sum(line.replace("epochs 0", "").split().count("0") for line in first.splitlines())
    assert missing.stdout.split("configs: behaviour x loader")[0].count(" x ") == 1 + zeros


def test_a_model_that_does_not_repeat_itself_is_3_and_not_a_difference(in_process, project):
    folder = project("restless_cases")
    result = in_process("run", "--family", "own", "--report", "junit,github", cwd=folder)
    assert result.returncode == 3
    assert "UNSTEADY: the environment does not repeat itself" in result.stdout
    assert "::error title=ann-equiv%3A own UNSTEADY::" in result.stdout
    [line] = result.stderr.splitlines()
    assert line.startswith("ann-equiv: NotDeterministicError: the factory does not make the same each time")
    assert '<error message="NotDeterministicError' in (folder / ".ann-equiv/report/junit.xml").read_text()


def test_a_factory_that_is_wrong_is_3_with_one_line(in_process, project):
    result = in_process("run", "--family", "own", cwd=project("wrong_cases"))
    assert result.returncode == 3
    assert result.stderr.startswith("ann-equiv: TypeError: a case must be a tuple")
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" in in_process("--verbose", "run", "--family", "own", cwd=project("wrong_cases")).stderr


def test_a_model_that_computes_in_bfloat16_can_be_compared_both_ways(in_process, project):
    for tolerance in ("exact", "torch"):
        arguments = ("run", "--family", "own", "--tolerance", tolerance)
        assert in_process(*arguments, cwd=project("half_cases")).returncode == 0
        assert in_process(*arguments, cwd=project("half_cases"), defect="zero-grad-after-step").returncode == 1


def test_a_difference_in_an_own_case_points_at_its_factory(in_process, project):
    arguments = ("run", "--family", "own", "--report", "github,json")
    result = in_process(*arguments, cwd=project("steady_cases"), defect="zero-grad-after-step")
    assert result.returncode == 1
    line = OWN.splitlines().index("def steady():") + 1
    assert f"::error file=own_project_cases.py,line={line},title=ann-equiv%3A own differ::" in result.stdout


def test_several_processes_find_what_one_finds(in_process, tmp_path):
    arguments = ("run", "--family", "configs,stateful", "--max-examples", "2", "--report", "json")
    found = []
    for jobs in ("1", "2"):
        result = in_process(*arguments, "--jobs", jobs, cwd=tmp_path)
        assert result.returncode == 4, result.stdout + result.stderr
        report = json.loads((tmp_path / ".ann-equiv/report/report.json").read_text())
        kept = ("name", "cases", "activity", "coverage")
        found.append([{key: family[key] for key in kept} for family in report["families"]])
    assert found[0] == found[1]


@pytest.fixture
def given(monkeypatch):
    """What ``run`` was asked to do, which is not done."""
    from ann_compat.equivalence.commands import fuzz, run

    asked = []
    for module in (run, fuzz):
        monkeypatch.setattr(module, "execute", lambda **options: asked.append(options) or 0)
    return lambda: asked[-1]


def test_a_profile_sets_what_is_not_given(in_process, given, tmp_path):
    in_process("run", "--profile", "pr", "--jobs", "1", cwd=tmp_path)
    assert {name: given()[name] for name in PROFILES["pr"]} == {**PROFILES["pr"], "jobs": 1}
    in_process("run", "--profile", "nightly", cwd=tmp_path)
    first = given()["seed"]
    in_process("run", "--profile", "nightly", cwd=tmp_path)
    assert first != given()["seed"]
    in_process("run", cwd=tmp_path)
    assert (given()["max_examples"], given()["seed"], given()["jobs"], given()["mutants"]) == (200, 0, 1, 0)


def test_pyproject_stands_between_the_command_line_and_the_defaults(in_process, given, project):
    folder = project("steady_cases", 'max-examples = 9\nreport = ["md"]\nprofile = "ci"\nfamily = "configs"')
    in_process("run", cwd=folder)
    expected = {**PROFILES["ci"], "max_examples": 9, "profile": "ci", "report": ("md",), "family": ("configs",)}
    assert {name: given()[name] for name in expected} == expected
    in_process("run", "--profile", "pr", "--max-time", "3", cwd=folder)
    expected = {**PROFILES["pr"], "max_time": 3.0, "profile": "pr", "report": ("md",)}
    assert {name: given()[name] for name in expected} == expected
    in_process("fuzz", cwd=folder)
    assert given()["max_examples"] == 9


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--channels", "gradient"), "no channel is named 'gradient'; there are forward, gradients"),
        (("--report", "html,pdf"), "no report is named 'pdf'; there are junit, json, md, github, html"),
        (("--family", "all,x"), "no family is named 'x'; there are own, configs"),
        (("--seed", "-1"), "must be 'random' or a number from 0 to 4294967295, got '-1'"),
        (("--tolerance", "close"), "'close' is not one of 'exact', 'torch'"),
        (("--profile", "big"), "'big' is not one of 'pr', 'ci', 'nightly'"),
        (("--family", "own"), "pyproject.toml has no [tool.ann-equiv] cases"),
    ],
)
def test_what_is_wrong_in_an_option_is_named(in_process, tmp_path, arguments, text):
    result = in_process("run", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert text in " ".join(result.stderr.split())


def test_a_wrong_setting_of_the_project_is_2(in_process, project):
    for more in ("max_examples = 3", 'profile = "big"', 'report = "pdf"'):
        assert in_process("run", cwd=project("steady_cases", more)).returncode == 2


def test_every_option_of_run_and_fuzz_is_one_that_is_carried_out():
    import inspect

    from ann_compat.equivalence.commands.fuzz import fuzz
    from ann_compat.equivalence.commands.run import run

    known = set(inspect.signature(execute).parameters)
    for command in (run, fuzz):
        names = {parameter.name for parameter in command.params} - {"continue_on_failure"}
        assert names <= known
