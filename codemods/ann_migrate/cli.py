"""The command ``ann-migrate``. Only click is imported until there is something to do: ``--help`` is instant."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, cast

import click

if TYPE_CHECKING:
    from ann_migrate.commands.actions import OutputFormat
    from ann_migrate.rewriting.styles import Style

EPILOG = """\b
Examples:
  ann-migrate --diff src tests            show what would change
  ann-migrate src tests                   change it
  ann-migrate --undo src tests            take the last run there back
  ann-migrate --diff . | git apply        the same change through git
  ann-migrate --check src                 for CI: is there anything left?
  ann-migrate - < old.py > new.py         standard input to standard output
  ann-migrate --explain src/run.py:12     why that line is or is not rewritten
  ann-migrate --explain ANN301            what that code means

\b
A comment leaves an object alone, with all its uses:
  loop = TrainingLoop(model, config)  # ann-migrate: skip
  loop = TrainingLoop(model, config)  # ann-migrate: skip[ANN301]

\b
Settings are in [tool.ann-migrate] of the nearest pyproject.toml: select, ignore,
unsafe, exclude, style, docs, jobs, hints, output-format. Options beat them.

\b
Exit codes:
  0  nothing is left to do
  1  something needs attention: a use that was declined, a file that could not
     be read or written; with --check, anything that would change
  2  wrong usage, or the tool or the system failed
"""


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    click.echo(f"ann-migrate {_own_version() or '(not installed)'}")
    context.exit(0)


def _own_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("adaptiveneuralnetwork")
    except PackageNotFoundError:
        return None


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--diff", is_flag=True, help="Print the changes as a patch on standard output; write nothing.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--undo", is_flag=True, help="Restore what the last run at or beneath PATH (default: here) replaced.")
@click.option("--no-journal", is_flag=True, help="Do not keep the originals; --undo will not know of this run.")
@click.option(
    "--select",
    metavar="CODES",
    multiple=True,
    help="Only these rules act: codes or beginnings of codes, with commas between. Can be repeated.",
)
@click.option("--ignore", metavar="CODES", multiple=True, help="These rules do not act. Can be repeated.")
@click.option(
    "--unsafe/--no-unsafe",
    default=None,
    help="Also rewrite on an assumption that nothing shows: an attribute of the same name in another file is another "
    "class's; nobody outside the project uses what `__all__` names. The report names each.",
)
@click.option(
    "--exclude",
    metavar="PATTERN",
    multiple=True,
    help="Leave out what matches, as in a .gitignore in the current folder. Can be repeated.",
)
@click.option("--docs/--no-docs", default=None, help="Migrate code in Markdown, reStructuredText and docstrings too.")
@click.option(
    "--style",
    type=click.Choice(["faithful", "guide"]),
    show_default="faithful",
    help="faithful: the same numbers, files and records as before. guide: the migration guide's own forms, with the "
    "same training numbers; the report lists what else is dropped.",
)
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "sarif", "github"]),
    show_default="text",
    help="text: for people, on standard error; the others on standard output. github: annotations of a workflow's run.",
)
@click.option("--hints/--no-hints", default=None, help="List other mentions too: in comments, strings, documents.")
@click.option(
    "-j",
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    show_default="1",
    help="Analyse in up to N processes; pays from some hundred files to migrate.",
)
@click.option(
    "--explain",
    metavar="CODE|FILE:LINE",
    help="Print what a code means, or how the verdict on a line came about (in a notebook FILE:CELL:LINE); change "
    "nothing.",
)
@click.option(
    "--verify",
    metavar="COMMAND",
    help="Run COMMAND on copies of the project, with the old and with the new code; write only if both do the same.",
)
@click.option(
    "--verify-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    help="How long each of the three runs of --verify may take.",
)
@click.option(
    "--verify-exclude",
    metavar="PATTERN",
    multiple=True,
    help="Files that --verify neither copies nor compares, by name or path. Can be repeated.",
)
@click.option(
    "--emit-tests",
    metavar="FOLDER",
    help="Also write tests to FOLDER that run each rewritten site old against new (by the command of --verify).",
)
@click.option("-v", "--verbose", is_flag=True, help="List every site, what was passed over, and tracebacks.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what needs attention.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def command(
    paths: tuple[str, ...],
    diff: bool,
    check: bool,
    undo: bool,
    no_journal: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    unsafe: bool | None,
    exclude: tuple[str, ...],
    docs: bool | None,
    style: Style | None,
    output_format: OutputFormat | None,
    hints: bool | None,
    jobs: int | None,
    verify: str | None,
    verify_timeout: float,
    verify_exclude: tuple[str, ...],
    emit_tests: str | None,
    explain: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Rewrite programs that use TrainingLoop into Trainer programs with the same numbers.

    PATH is a file, a folder that is searched for .py, .pyi and .ipynb files, or - for standard input. Files are changed
    in place, whole or not at all; what cannot be shown to behave the same is left as it is, with the reason. No code is
    ever executed but by --verify.
    """
    from ann_migrate.commands import actions

    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other.")
    if verify is not None and (undo or diff or check or "-" in paths):
        raise click.UsageError(
            "--verify decides whether files are written; it goes without --diff, --check, --undo, -."
        )
    if verify is None and verify_exclude:
        raise click.UsageError("--verify-exclude goes with --verify only.")
    if emit_tests is not None and (undo or diff or check or explain or "-" in paths):
        raise click.UsageError("--emit-tests goes with a run that writes files.")
    if undo:
        if diff or check or no_journal or exclude or docs or select or ignore or explain or "-" in paths:
            raise click.UsageError("--undo goes with PATH... and --output-format only.")
        if output_format in ("sarif", "github"):
            raise click.UsageError("--undo reports as text or json.")
        return actions.undo(paths or (os.curdir,), json_wanted=output_format == "json", quiet=quiet)
    if explain is not None:
        if paths or diff or check or no_journal or exclude or output_format not in (None, "text"):
            raise click.UsageError("--explain goes with --select, --ignore, --unsafe and --style only.")
        return actions.explain(explain, actions.split_codes(select), actions.split_codes(ignore), style, unsafe)
    if not paths:
        raise click.UsageError("Missing argument 'PATH...': name files or folders ('.' for all that is here).")
    payload = output_format is not None and output_format != "text"
    if diff and payload:
        raise click.UsageError("--diff prints a patch; the other formats list the edits without it.")
    if "-" in paths and (len(paths) > 1 or payload or exclude or docs):
        raise click.UsageError(
            f"'-' (standard input) stands alone and gives source or a patch, not {output_format or 'a report'}."
        )
    for path in paths:
        if path != "-" and not os.path.exists(path):
            raise click.UsageError(f"Invalid value for 'PATH...': {path!r} does not exist.")

    from ann_migrate.api import migrate_paths
    from ann_migrate.commands.settings import load_settings
    from ann_migrate.reports.progress import ProgressBar
    from ann_migrate.reports.report import Report

    try:
        settings = load_settings([path for path in paths if path != "-"])
        given_style = cast("Style", style or settings.style or "faithful")
        selected = actions.split_codes(select) or settings.select or ()
        ignored = actions.split_codes(ignore) or settings.ignore or ()
        assuming = bool(settings.unsafe if unsafe is None else unsafe)
        if "-" in paths:
            return actions.from_stdin(
                given_style, selected, ignored, diff=diff, check=check, verbose=verbose, quiet=quiet
            )
        with ProgressBar() as bar:
            run = migrate_paths(
                paths,
                style=given_style,
                select=selected,
                ignore=ignored,
                unsafe=assuming,
                exclude=exclude,
                exclude_beneath={os.path.dirname(settings.file): settings.exclude or ()} if settings.file else None,
                docs=bool(settings.docs if docs is None else docs),
                jobs=jobs or settings.jobs or 1,
                progress=None if quiet else bar,
            )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    # A format in the settings is for runs that print nothing else.
    format_ = output_format or ("text" if diff else cast("OutputFormat", settings.output_format or "text"))
    if diff:
        actions.print_diff(run)
    if emit_tests is not None:
        actions.check_tests_folder(emit_tests, run)
    if diff or check:
        report = Report(run, "check" if check else "diff", paths=paths)
    elif verify is not None and run.changed:
        if not quiet:
            click.echo(f"verify: running {verify!r} twice as it is and once as it would become", err=True)
        report = actions.verified(run, paths, verify, verify_timeout, verify_exclude, journal=not no_journal)
    else:
        report = actions.write(run, paths, journal=not no_journal)
    if emit_tests is not None and report.effective:
        report = actions.with_tests(report, emit_tests, verify)
    wanted = settings.hints if hints is None else hints
    actions.print_report(report, format_, verbose=verbose, quiet=quiet, hints=bool(wanted), version=_own_version())
    return report.exit_code


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code.

    Args:
        arguments: The arguments after the program's name; those of the process by default.
    """
    try:
        # click's own standalone mode throws the command's return value away and ends with 0.
        code = command.main(args=arguments, prog_name="ann-migrate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("ann-migrate: interrupted", err=True)
        code = 130
    except Exception as error:
        import traceback

        # The system's own words say what to do (no space left, say): that is no bug to report.
        what = str(error) if isinstance(error, OSError) else f"internal error: {type(error).__name__}: {error}"
        click.echo(f"ann-migrate: {what}", err=True)
        if any(argument in ("-v", "--verbose") for argument in (sys.argv if arguments is None else arguments)):
            click.echo(traceback.format_exc(), err=True)
        elif not isinstance(error, OSError):
            click.echo("    --verbose shows where; please report it", err=True)
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
