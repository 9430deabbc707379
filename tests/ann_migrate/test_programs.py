"""Legacy programs as people write them, migrated and executed before and after.

Each file in ``programs/`` is a complete script that leaves ``RESULT`` and ``MODEL`` behind. Its first line holds the
expected verdict: ``rewritten`` (no legacy name is left), ``declined`` (nothing changes, with a reason), ``mixed`` (some
sites are rewritten, others stay) or ``untouched`` (nothing there to migrate). Its second line says what it shows.
"""

from __future__ import annotations

import ast
import io
import tokenize
from functools import cache
from pathlib import Path

import pytest
from program_runs import differences, new_lines, run_program

from ann_migrate.result import FileResult, Outcome
from ann_migrate.running.engine import Options, Project, migrate_bytes

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
LEGACY_NAMES = {"TrainingLoop", "quick_train"}
HOMONYMS = {"attribute_called_like_the_class", "parameter_called_like_the_class"}  # other things of that name stay
OUTCOMES = {
    "rewritten": [{Outcome.REWRITTEN}],
    "declined": [{Outcome.DECLINED}],
    "mixed": [{Outcome.REWRITTEN, Outcome.DECLINED}, {Outcome.REWRITTEN, Outcome.IGNORED}],
    "untouched": [set()],
}

# The one difference that is known and stays: a loader whose len() is wrong. The legacy loop divides its sum of losses
# by len(loader), Trainer by the batches that came, which is the mean.
WRONG_LENGTH = "loader_of_wrong_length"


def verdict(program: Path) -> str:
    """The verdict that the program's header expects."""
    first = program.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# verdict: "), f"{program.name} has no header"
    return first.removeprefix("# verdict: ")


def with_verdict(*verdicts: str, but: str = "") -> pytest.MarkDecorator:
    """The programs of some verdicts."""
    programs = [program for program in PROGRAMS if verdict(program) in verdicts and program.stem != but]
    return pytest.mark.parametrize("program", programs, ids=lambda path: path.stem)


@cache
def migrate(source: bytes, name: str = "program.py") -> FileResult:
    return migrate_bytes(source, path=Path(name), project=Project.single(), options=Options())


def test_there_are_programs_of_every_verdict() -> None:
    counts = {name: sum(verdict(program) == name for program in PROGRAMS) for name in OUTCOMES}
    assert sum(counts.values()) == len(PROGRAMS)
    assert counts["rewritten"] >= 60
    assert counts["declined"] >= 15
    assert counts["mixed"] >= 3
    assert counts["untouched"] >= 3


@with_verdict(*OUTCOMES)
def test_the_verdict_is_as_expected(program: Path) -> None:
    result = migrate(program.read_bytes())
    told = [f"{site.position} {site.code} {site.reason}" for site in result.sites]
    assert result.problem is None, result.problem
    assert {site.outcome for site in result.sites} in OUTCOMES[verdict(program)], told
    assert result.changed == (verdict(program) in ("rewritten", "mixed"))
    for site in result.sites:
        assert site.reason
        if site.outcome is Outcome.DECLINED:
            assert site.advice, f"{site.code} does not tell what to do"


@with_verdict("rewritten", "mixed", but=WRONG_LENGTH)
def test_old_and_new_do_the_same(program: Path, tmp_path: Path) -> None:
    source = program.read_bytes()
    result = migrate(source)
    assert result.changed, result.sites
    old = run_program(source, program.name, tmp_path / "old")
    new = run_program(result.after, program.name, tmp_path / "new")
    assert old.error is None, old.output
    assert old.result, "the program leaves nothing to compare"
    assert old.model, "the program leaves no model to compare"
    assert differences(old, new) == [], new.output + "\n" + result.after.decode()
    if not names(result.after) & {"LoggingCallback"}:
        assert new.output == old.output, "the bridge prints the lines of the old loop"


def test_a_loader_of_wrong_length_changes_the_mean_loss_and_nothing_else(tmp_path: Path) -> None:
    program = Path(__file__).parent / "programs" / f"{WRONG_LENGTH}.py"
    source = program.read_bytes()
    old = run_program(source, program.name, tmp_path / "old")
    new = run_program(migrate(source).after, program.name, tmp_path / "new")
    losses = [
        (ours["train_loss"], theirs["train_loss"])
        for ours, theirs in zip(new.result["history"], old.result["history"], strict=True)
    ]
    # 10 samples in batches of 5 came, and len() said 4 batches.
    assert all(ours * 2 == theirs * 4 for ours, theirs in losses)
    for record in (*new.result["history"], *old.result["history"]):
        record["train_loss"] = 0.0  # a record without its losses would not be seen as one
    assert differences(old, new) == []


@with_verdict("declined", "untouched")
def test_what_is_left_alone_runs(program: Path, tmp_path: Path) -> None:
    """A program that does not run would show nothing by staying as it is."""
    run = run_program(program.read_bytes(), program.name, tmp_path / "old")
    assert run.error is None, run.output
    assert run.result


@with_verdict("rewritten")
def test_no_legacy_name_is_left(program: Path) -> None:
    after = migrate(program.read_bytes()).after
    assert not (LEGACY_NAMES & (imported(after) if program.stem in HOMONYMS else names(after))), after.decode()


@with_verdict("rewritten", "mixed")
def test_a_second_run_changes_nothing(program: Path) -> None:
    after = migrate(program.read_bytes()).after
    again = migrate(after)
    assert again.after == after
    assert Outcome.REWRITTEN not in {site.outcome for site in again.sites}


@with_verdict("rewritten", "mixed", but="import_with_semicolons")  # what shares a line stays on it
def test_no_new_line_is_too_long(program: Path) -> None:
    source = program.read_bytes()
    assert not [line for line in new_lines(source, migrate(source).after) if len(line) > 120]


@with_verdict("rewritten", "mixed")
def test_comments_survive(program: Path) -> None:
    source = program.read_bytes()
    assert comments(migrate(source).after) == comments(source)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_windows_newlines_are_kept(program: Path) -> None:
    source = program.read_bytes()
    assert migrate(source.replace(b"\n", b"\r\n")).after == migrate(source).after.replace(b"\n", b"\r\n")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_byte_order_mark_and_missing_final_newline_are_kept(program: Path) -> None:
    source = program.read_bytes()
    bare = source.removesuffix(b"\n")
    assert migrate(b"\xef\xbb\xbf" + bare).after == b"\xef\xbb\xbf" + migrate(source).after.removesuffix(b"\n")


@pytest.mark.parametrize(
    "program", [path for path in PROGRAMS[1::6] if path.read_bytes().isascii()], ids=lambda path: path.stem
)
def test_declared_encoding_is_kept(program: Path) -> None:
    """A Latin-1 file with bytes that are not UTF-8, in a comment before everything else."""
    source = program.read_bytes()
    prefix = "# -*- coding: latin-1 -*-\n# Früher: TrainingLoop\n".encode("latin-1")
    assert migrate(prefix + source).after == prefix + migrate(source).after


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("RESULT[0]['train_loss'] += 2**-56", "result"),
        ("RESULT[0]['timestamp'] = 'now'", "result"),
        ("RESULT[0] = dict(reversed(RESULT[0].items()))", "result"),
        ("RESULT.append({})", "result"),
        ("MODEL.bias.data[0] *= -1.0", "model"),
        ("MODEL.eval()", "training"),
        ("torch.rand(1)", "generators"),
        ("random.random()", "generators"),
        ("numpy.random.rand()", "generators"),
        ("open('notes.json', 'w').write('[1]')", "files"),
        ("raise OSError", "error"),
    ],
)
def test_the_comparison_sees_a_small_difference(change: str, where: str, tmp_path: Path) -> None:
    program = """
import random, time, numpy, torch
MODEL = torch.nn.Linear(1, 1)
RESULT = [{"train_loss": 0.1, "timestamp": time.time()}]
open("notes.json", "w").write("[1.0]")
"""
    run = run_program(program.encode(), "program.py", tmp_path / "run")
    assert differences(run, run_program(program.encode(), "program.py", tmp_path / "again")) == []
    changed = run_program((program + change).encode(), "program.py", tmp_path / "changed")
    assert [line.split(":")[0].split("[")[0] for line in differences(run, changed)] == [where]


def names(source: bytes) -> set[str]:
    return {token.string for token in tokenize.tokenize(io.BytesIO(source).readline) if token.type == tokenize.NAME}


def imported(source: bytes) -> set[str]:
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


def comments(source: bytes) -> list[str]:
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return sorted(token.string for token in tokens if token.type == tokenize.COMMENT)
