"""The family of generated programs: search, failures and what is kept of them, coverage."""

import json

import pytest

from ann_compat.equivalence.families import Budget, run_programs
from ann_compat.equivalence.program_coverage import ProgramCounts, reachable_cells
from ann_compat.equivalence.program_run import check_program
from ann_compat.equivalence.program_search import check_programs
from ann_compat.equivalence.programs import ProgramSpec


@pytest.fixture
def wrong_norm(monkeypatch):
    """A defect of behaviour: migrated programs clip at another norm."""
    from adaptiveneuralnetwork.training import Trainer

    init = Trainer.__init__

    def wrong(self, *arguments, max_grad_norm=None, **rest):
        init(self, *arguments, max_grad_norm=max_grad_norm and 0.1 * max_grad_norm, **rest)

    monkeypatch.setattr(Trainer, "__init__", wrong)


def test_the_same_seed_gives_the_same_programs():
    def specs(seed):
        seen = []
        check_programs(16, seed, on_program=lambda checked: seen.append(checked.spec))
        return seen

    first = specs(1)
    assert len(first) == 16
    assert first == specs(1)
    assert first[12:] != specs(2)[12:]


def test_time_ends_the_search():
    assert check_programs(1000, max_time=0.0).programs == 0


def test_a_run_of_the_family():
    outcome = run_programs(Budget(45))
    assert outcome.verdict == "EQUAL", outcome
    assert outcome.cases == outcome.controls == 45
    by_name = {item.name: item for item in outcome.activity}
    assert by_name["migrated"].count == by_name["must be migrated"].count
    assert by_name["must be migrated"].share >= 0.6
    assert [matrix.title for matrix in outcome.coverage] == ["rule x placement", "rule x binding"]
    assert all(matrix.covered > 30 for matrix in outcome.coverage)


def test_leaving_all_alone_is_a_failure(monkeypatch):
    from ann_compat.equivalence import program_run

    monkeypatch.setattr(
        program_run, "migrate_bytes", lambda source, **rest: program_run.FileResult(None, source, source)
    )
    outcome = run_programs(Budget(3))
    assert outcome.verdict == "DIFFERENT"
    assert outcome.failures[0].channel == "verdict"
    assert outcome.failures[0].fields == {}


def test_a_failure_shrinks_to_what_matters(wrong_norm):
    (found,) = check_programs(40).found
    assert found.result.fault.kind == "behaviour"
    assert len(found.result.spec.non_defaults()) <= 1


def test_a_failure_is_kept_and_replayed(wrong_norm, in_process, tmp_path):
    ran = in_process("run", "--family", "programs", "--max-examples", "20", cwd=tmp_path)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    (kept,) = (tmp_path / ".ann-equiv").rglob("case-*.json")
    assert json.loads(kept.read_text())["program"] == 1
    replayed = in_process("replay", str(kept), cwd=tmp_path)
    assert (replayed.returncode, replayed.stdout.split()[0]) == (1, "FAILED")
    assert 'Reproduce: ann-equiv replay \'{"program": 1' in replayed.stdout
    explained = in_process("explain", str(kept), cwd=tmp_path)
    assert explained.returncode == 1
    assert "TrainingLoop(model, config)" in explained.stdout
    assert "Trainer(" in explained.stdout
    assert "behaviour: " in explained.stdout


def test_a_mended_failure_is_fixed(in_process, tmp_path):
    replayed = in_process("replay", '{"program": 1, "binding": "walrus"}', cwd=tmp_path)
    assert (replayed.returncode, replayed.stdout) == (0, "FIXED ProgramSpec(binding='walrus')\n")
    explained = in_process("explain", '{"program": 1, "binding": "walrus"}', cwd=tmp_path)
    assert (explained.returncode, explained.stdout.splitlines()[-1]) == (0, "This is as it must be.")


@pytest.mark.parametrize("text", ['{"program": 2}', '{"program": 1, "binding": "nothing"}', "[1"])
def test_what_is_no_case_is_an_error(in_process, tmp_path, text):
    path = tmp_path / "case.json"
    path.write_text(text)
    assert in_process("replay", str(path), cwd=tmp_path).stdout.startswith(f"ERROR {path}: ")


def test_rules_are_counted_where_they_act():
    counts = ProgramCounts()
    counts.add(check_program(ProgramSpec(other_use="evaluate", placement="method")))
    counts.add(check_program(ProgramSpec(constructor="star", placement="loop")))
    matrix, _ = counts.coverage()
    assert {cell for cell, count in matrix.hits.items() if count} == {
        ("ANN101", "method"),
        ("ANN102", "method"),
        ("ANN103", "method"),
        ("ANN401", "loop"),
    }


def test_reachable_cells():
    cells = reachable_cells("placement")
    assert ("ANN406", "f_string") in cells
    assert ("ANN406", "module") not in cells
    # Uses of the object need a statement of their own.
    assert ("ANN103", "comprehension") not in cells
