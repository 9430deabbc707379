"""``ann-equiv explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ann_compat.equivalence.commands.kept import case_text, is_program
from ann_compat.equivalence.commands.options import Seed, case_dir_option, mode_of, mode_options
from ann_compat.equivalence.outcome import DIFFERENT, EQUAL, VACUOUS

if TYPE_CHECKING:
    from ann_compat.equivalence.compare import Mode
    from ann_compat.equivalence.programs import ProgramSpec


@click.command()
@click.argument("given", metavar="CASE")
@click.option("--seed", type=Seed(), default=0, show_default=True, help="Of the generators, for a Python file.")
@mode_options
@case_dir_option
def explain(given: str, seed: int, channels: tuple[str, ...] | None, tolerance: str, case_dir: Path) -> int:
    """Find the layer at which the paths part in CASE: a kept case's id, a JSON file, JSON itself, or a Python file.

    The layers from the bottom up: initialisation, data order, modes, random draws, forward pass, loss, gradients,
    update, metrics, end state, generators, side effects. A Python file is executed.
    """
    from ann_compat.equivalence.ladder import Explanation, explain_case
    from ann_compat.equivalence.ladder import explain as go_up
    from ann_compat.equivalence.reports.explanation import explanation_text

    mode = mode_of(channels, tolerance)
    explanation: Explanation
    if given.endswith(".py"):
        from ann_compat.equivalence.sources import compare_source

        result = compare_source(Path(given), seed, mode)
        if result.compared is None:
            click.echo(f"{given}: nothing in it was migrated, so there is nothing to explain")
            return VACUOUS
        explanation, title = go_up(*result.compared, mode), given
    else:
        from ann_compat.equivalence.cases import CaseSpec
        from ann_compat.equivalence.programs import ProgramSpec

        try:
            text = case_text(given, case_dir)
            program = ProgramSpec.from_json(text) if is_program(text) else None
            spec = CaseSpec.from_json(text) if program is None else None
        except (OSError, ValueError, TypeError) as error:
            raise click.UsageError(f"{given}: {error}") from error
        if program is not None:
            return _explain_program(program, mode)
        assert spec is not None
        explanation, title = explain_case(spec, mode), str(spec)
    click.echo(explanation_text(title, explanation))
    return EQUAL if explanation.first is None else DIFFERENT


def _explain_program(spec: ProgramSpec, mode: Mode) -> int:
    """Show both texts of a generated program, what is wrong, and the layer at which the runs part."""
    from ann_compat.equivalence.ladder import explain as go_up
    from ann_compat.equivalence.program_run import check_program
    from ann_compat.equivalence.reports.explanation import explanation_text

    checked = check_program(spec, mode)
    click.echo(f"{spec}\n\n{checked.migration.before.decode(errors='replace')}")
    if checked.migration.changed:
        click.echo(f"becomes\n\n{checked.migration.after.decode(errors='replace')}")
    for site in checked.migration.sites:
        click.echo(f"{site.position}: {site.outcome.value} {site.code} {site.reason}")
    click.echo(f"{checked.fault.kind}: {checked.fault.text}" if checked.fault else "This is as it must be.")
    if checked.fault is not None and checked.old is not None and checked.new is not None:
        click.echo(explanation_text(str(spec), go_up(checked.old, checked.new, mode)))
    return EQUAL if checked.fault is None else DIFFERENT
