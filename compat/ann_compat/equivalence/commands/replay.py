"""``ann-equiv replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ann_compat.equivalence.commands.kept import case_text, is_program
from ann_compat.equivalence.commands.options import case_dir_option, mode_of, mode_options
from ann_compat.equivalence.outcome import DIFFERENT, EQUAL, INTERNAL, USAGE

if TYPE_CHECKING:
    from ann_compat.equivalence.cases import CaseSpec
    from ann_compat.equivalence.compare import Mode
    from ann_compat.equivalence.outcome import Failure
    from ann_compat.equivalence.programs import ProgramSpec


@click.command()
@click.argument("cases", nargs=-1, required=True)
@mode_options
@case_dir_option
def replay(cases: tuple[str, ...], channels: tuple[str, ...] | None, tolerance: str, case_dir: Path) -> int:
    """Run kept CASES (ids, JSON files, or JSON itself) again and say what became of each.

    FIXED: the paths are equal now. FAILED: they still differ. ERROR: the case cannot be read, or not be judged.
    """
    from ann_compat.equivalence.families import one_line
    from ann_compat.equivalence.harness import NotDeterministicError
    from ann_compat.equivalence.reports.text import failure_text

    mode = mode_of(channels, tolerance)
    code = EQUAL
    for given in cases:
        try:
            spec, failure = _judge(case_text(given, case_dir), mode)
        except (OSError, ValueError, TypeError) as error:
            click.echo(f"ERROR {given}: {one_line(error)}")
            code = max(code, USAGE)
            continue
        except NotDeterministicError as error:
            click.echo(f"ERROR {error}")
            code = max(code, INTERNAL)
            continue
        if failure is None:
            click.echo(f"FIXED {spec}")
            continue
        click.echo(f"FAILED {spec}\n{failure_text(failure)}")
        code = max(code, DIFFERENT)
    return code


def _judge(text: str, mode: Mode) -> tuple[CaseSpec | ProgramSpec, Failure | None]:
    """The case of a JSON text, and how it fails if it does.

    Raises:
        TypeError, ValueError: It is no case.
        NotDeterministicError: It cannot be judged here.
    """
    from ann_compat.equivalence.cases import CaseSpec
    from ann_compat.equivalence.findings import case_failure, program_failure
    from ann_compat.equivalence.harness import NotDeterministicError, control, run_case
    from ann_compat.equivalence.program_run import check_program
    from ann_compat.equivalence.programs import ProgramSpec

    if is_program(text):
        checked = check_program(ProgramSpec.from_json(text), mode)
        if checked.fault is None:
            return checked.spec, None
        if checked.fault.kind == "generator":
            raise NotDeterministicError(f"the legacy text does not do what its spec says: {checked.fault.text}")
        return checked.spec, program_failure(checked, mode)
    case = run_case(CaseSpec.from_json(text), mode)
    if case.comparison.equal:
        return case.spec, None
    control(case.spec, mode)
    return case.spec, case_failure(case, mode=mode)
