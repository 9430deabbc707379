"""``ann-equiv``: run the old and the new path and compare them bit for bit."""

from __future__ import annotations

import sys
import traceback

import click

from ann_compat.equivalence.commands.explain import explain
from ann_compat.equivalence.commands.fuzz import fuzz
from ann_compat.equivalence.commands.matrix import matrix
from ann_compat.equivalence.commands.replay import replay
from ann_compat.equivalence.commands.run import run
from ann_compat.equivalence.commands.selftest import selftest
from ann_compat.equivalence.interruption import heeded
from ann_compat.equivalence.outcome import INTERNAL, USAGE

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show the traceback of an internal error.")
@click.version_option(package_name="adaptiveneuralnetwork")
@click.pass_context
def cli(context: click.Context, verbose: bool) -> None:
    """Run TrainingLoop and Trainer, or an old program and its migrated form, and compare them bit for bit.

    Exit codes: 0 equal, 1 a difference, 2 wrong usage, 3 an internal error or an environment that does not repeat
    itself, 4 equal but vacuous (a behaviour that matters never occurred).
    """
    context.obj = verbose


for command in (run, fuzz, replay, explain, matrix, selftest):
    cli.add_command(command)


def main() -> None:
    """The console script: like click's own, but an unforeseen error is 3 with one line, never 1."""
    try:
        with heeded():
            code = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("ann-equiv: interrupted", err=True)
        code = INTERRUPTED
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"ann-equiv: {text}", err=True)
        if "--verbose" in sys.argv:
            traceback.print_exc()
        code = INTERNAL
    sys.exit(code)


if __name__ == "__main__":
    main()
