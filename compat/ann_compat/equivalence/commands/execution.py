"""What ``run`` and ``fuzz`` share: run the plan, say what was seen, keep what differs, write reports."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ann_compat.equivalence.commands.options import mode_of
from ann_compat.equivalence.profiles import project_settings

if TYPE_CHECKING:
    from ann_compat.equivalence.outcome import Failure, Outcome
    from ann_compat.equivalence.session import Part


def execute(
    *,
    profile: str | None,
    max_examples: int,
    max_time: float | None,
    seed: int,
    family: tuple[str, ...],
    jobs: int,
    channels: tuple[str, ...] | None,
    tolerance: str,
    report: tuple[str, ...] | None,
    report_dir: Path,
    case_dir: Path,
    files: tuple[Path, ...] = (),
    mutants: int = 0,
    keep_going: bool = False,
) -> int:
    """Run what the options say and return the exit code."""
    from ann_compat.equivalence.families import Budget
    from ann_compat.equivalence.outcome import versions
    from ann_compat.equivalence.reports import text
    from ann_compat.equivalence.session import Plan, carry_out, generated

    own = project_settings(Path.cwd()).get("cases") if not files and {"own", "all"} & set(family) else None
    if family == ("own",) and own is None and not files:
        raise click.UsageError("pyproject.toml has no [tool.ann-equiv] cases")
    plan = Plan(
        command=_command(seed),
        budget=Budget(max_examples, seed, max_time, keep_going),
        mode=mode_of(channels, tolerance),
        families=() if files else generated(family),
        own=own,
        files=files,
        mutants=mutants,
        jobs=jobs,
        profile=profile,
    )

    def told(part: Part) -> Part:
        part = _kept(part, case_dir)
        click.echo(f"{text.part_text(part)}\n")
        return part

    click.echo(text.header(seed, profile, tolerance, versions()))
    try:
        outcome = carry_out(plan, told)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(text.closing_line(outcome))
    _report(outcome, report or (), report_dir)
    _complain(outcome)
    return outcome.exit_code


def _command(seed: int) -> str:
    """The command line that repeats the run, with the seed that it had."""
    arguments = iter(sys.argv[1:])
    kept = []
    for argument in arguments:
        if argument == "--seed":
            next(arguments, None)
        elif not argument.startswith("--seed="):
            kept.append(argument)
    return shlex.join(["ann-equiv", *kept, "--seed", str(seed)])


def _kept(part: Part, folder: Path) -> Part:
    from ann_compat.equivalence.outcome import FamilyOutcome

    if not isinstance(part, FamilyOutcome):
        return part
    return replace(part, failures=tuple(_kept_failure(failure, folder) for failure in part.failures))


def _kept_failure(failure: Failure, folder: Path) -> Failure:
    """Write the case to a file, unless only code describes it."""
    if failure.case is None:
        return failure
    path = folder / f"case-{failure.id}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(failure.case)}\n", encoding="utf-8")
    except OSError as error:
        click.echo(f"ann-equiv: the case could not be kept: {error}", err=True)
        return failure
    return replace(failure, file=path.as_posix(), line=1)


def _report(outcome: Outcome, names: tuple[str, ...], folder: Path) -> None:
    if not names:
        return
    from ann_compat.equivalence.reports.writing import write_reports

    for line in write_reports(outcome, names, folder):
        click.echo(line)


def _complain(outcome: Outcome) -> None:
    """Name what kept the run from its end where a log shows it first."""
    verbose = click.get_current_context().find_root().obj
    for family in outcome.families:
        if family.problem is not None:
            click.echo(f"ann-equiv: {family.problem}", err=True)
            if verbose and family.trace:
                click.echo(family.trace, err=True)
