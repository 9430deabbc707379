"""``ann-equiv run``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ann_compat.equivalence.commands.execution import execute
from ann_compat.equivalence.commands.options import extent_options, mode_options, output_options, profile_option


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@profile_option
@click.option("--max-examples", type=click.IntRange(min=1), default=200, show_default=True, help="Generated configs.")
@click.option("--max-time", type=click.FloatRange(min=0), help="Stop generating after so many seconds.")
@extent_options(seed=0)
@click.option(
    "--mutants", type=click.IntRange(min=0), default=0, show_default=True, help="Plant so many known defects as well."
)
@mode_options
@output_options
def run(files: tuple[Path, ...], **options: Any) -> int:
    """Compare generated cases; or, given FILES, migrate each in memory and compare its old run with its new one.

    FILES are executed. Without FILES, the project's own cases ([tool.ann-equiv] cases in pyproject.toml) run as well.
    """
    return execute(files=files, **options)
