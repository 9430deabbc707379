"""``ann-equiv selftest``."""

from __future__ import annotations

import click

from ann_compat.equivalence.outcome import DIFFERENT, EQUAL, MutantOutcome


@click.command()
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same cases.")
@click.option("--max-examples", type=click.IntRange(min=1), default=60, show_default=True, help="Cases for each.")
@click.argument("names", nargs=-1)
def selftest(seed: int, max_examples: int, names: tuple[str, ...]) -> int:
    """Plant known defects (all, or those of these NAMES) in Trainer, bridge and harness: each must be caught.

    Exit codes: 0 all were caught, 1 one was not, or a difference was seen where there is none.
    """
    from ann_compat.equivalence import mutants
    from ann_compat.equivalence.reports.text import mutant_line, mutants_text
    from ann_compat.equivalence.selftest import selftest as check
    from ann_compat.equivalence.session import mutant_outcome

    unknown = [name for name in names if name not in mutants.BY_NAME]
    if unknown:
        raise click.UsageError(f"no defect is named {unknown[0]!r}; there are {', '.join(mutants.BY_NAME)}")
    chosen = [mutant for name, mutant in mutants.BY_NAME.items() if not names or name in names]
    outcome = check(
        chosen,
        seed=seed,
        max_examples=max_examples,
        on_catch=lambda catch: click.echo(mutant_line(mutant_outcome(catch))),
    )
    for mutant in chosen:
        if mutant.equivalent is not None:
            click.echo(mutant_line(MutantOutcome(mutant.name, mutant.defect, False, equivalent=mutant.equivalent)))
    click.echo(mutants_text([mutant_outcome(catch) for catch in outcome.catches], outcome.blind))
    return EQUAL if outcome.passed else DIFFERENT
