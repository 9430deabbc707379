"""``ann-equiv replay``."""

from __future__ import annotations

from pathlib import Path

import click

from ann_compat.equivalence.commands.kept import case_text
from ann_compat.equivalence.commands.options import case_dir_option, mode_of, mode_options
from ann_compat.equivalence.outcome import DIFFERENT, EQUAL, INTERNAL, USAGE


@click.command()
@click.argument("cases", nargs=-1, required=True)
@mode_options
@case_dir_option
def replay(cases: tuple[str, ...], channels: tuple[str, ...] | None, tolerance: str, case_dir: Path) -> int:
    """Run kept CASES (ids, JSON files, or JSON itself) again and say what became of each.

    FIXED: the paths are equal now. FAILED: they still differ. ERROR: the case cannot be read, or not be judged.
    """
    from ann_compat.equivalence.cases import CaseSpec
    from ann_compat.equivalence.families import one_line
    from ann_compat.equivalence.findings import case_failure
    from ann_compat.equivalence.harness import NotDeterministicError, control, run_case
    from ann_compat.equivalence.reports.text import failure_text

    mode = mode_of(channels, tolerance)
    code = EQUAL
    for given in cases:
        try:
            spec = CaseSpec.from_json(case_text(given, case_dir))
        except (OSError, ValueError, TypeError) as error:
            click.echo(f"ERROR {given}: {one_line(error)}")
            code = max(code, USAGE)
            continue
        case = run_case(spec, mode)
        if case.comparison.equal:
            click.echo(f"FIXED {spec}")
            continue
        try:
            control(spec, mode)
        except NotDeterministicError as error:
            click.echo(f"ERROR {error}")
            code = max(code, INTERNAL)
            continue
        click.echo(f"FAILED {spec}\n{failure_text(case_failure(case, mode=mode))}")
        code = max(code, DIFFERENT)
    return code
