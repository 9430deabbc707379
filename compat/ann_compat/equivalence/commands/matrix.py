"""``ann-equiv matrix``."""

from __future__ import annotations

import click

from ann_compat.equivalence.commands.options import extent_options
from ann_compat.equivalence.outcome import EQUAL


@click.command()
@click.option("--max-examples", type=click.IntRange(min=1), default=200, show_default=True, help="Generated configs.")
@click.option("--max-time", type=click.FloatRange(min=0), help="Stop generating after so many seconds.")
@click.option("--missing", is_flag=True, help="List only the combinations that can occur and did not.")
@extent_options(seed=0)
def matrix(
    max_examples: int, max_time: float | None, missing: bool, seed: int, family: tuple[str, ...], jobs: int
) -> int:
    """Print which behaviours occur in which contexts, in generated cases.

    A count of 0 is a combination that can occur and did not; a dot one that cannot.
    """
    from ann_compat.equivalence.compare import EXACT
    from ann_compat.equivalence.families import Budget
    from ann_compat.equivalence.outcome import most_serious
    from ann_compat.equivalence.reports.matrix import matrix_text, missing_text
    from ann_compat.equivalence.session import Plan, carry_out, generated

    plan = Plan("", Budget(max_examples, seed, max_time), EXACT, generated(family), jobs=jobs)
    outcome = carry_out(plan)
    show = missing_text if missing else matrix_text
    for part in outcome.families:
        if part.coverage:
            click.echo("\n\n".join(f"{part.name}: {show(matrix)}" for matrix in part.coverage))
        if part.problem:
            click.echo(f"ann-equiv: {part.problem}", err=True)
    worst = most_serious(part.verdict for part in outcome.families)
    return outcome.exit_code if worst in ("UNSTEADY", "ERROR", "DIFFERENT") else EQUAL
