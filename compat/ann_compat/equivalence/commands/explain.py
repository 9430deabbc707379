"""``ann-equiv explain``."""

from __future__ import annotations

from pathlib import Path

import click

from ann_compat.equivalence.commands.kept import case_text
from ann_compat.equivalence.commands.options import Seed, case_dir_option, mode_of, mode_options
from ann_compat.equivalence.outcome import DIFFERENT, EQUAL, VACUOUS


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

        try:
            spec = CaseSpec.from_json(case_text(given, case_dir))
        except (OSError, ValueError, TypeError) as error:
            raise click.UsageError(f"{given}: {error}") from error
        explanation, title = explain_case(spec, mode), str(spec)
    click.echo(explanation_text(title, explanation))
    return EQUAL if explanation.first is None else DIFFERENT
