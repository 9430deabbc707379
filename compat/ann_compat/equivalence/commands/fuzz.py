"""``ann-equiv fuzz``."""

from __future__ import annotations

from typing import Any

import click

from ann_compat.equivalence.commands.execution import execute
from ann_compat.equivalence.commands.options import extent_options, mode_options, output_options, profile_option

ENDLESS = 10**9


@click.command()
@profile_option
@click.option("--max-time", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to go on for.")
@click.option("--max-examples", type=click.IntRange(min=1), default=ENDLESS, help="Stop after so many configs as well.")
@click.option(
    "--continue-on-failure", is_flag=True, help="Go on after a difference, and report the simplest case of each cause."
)
@extent_options(seed="random")
@mode_options
@output_options
def fuzz(continue_on_failure: bool, **options: Any) -> int:
    """Compare generated cases for as long as there is time, from a random seed unless one is given."""
    return execute(keep_going=continue_on_failure, **options)
