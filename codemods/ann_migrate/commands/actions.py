"""What the command does: write or verify or only show, take back, explain; and how it prints what came of it.

All imports of the tool's own modules are made where they are needed: most calls need few of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO

import click

if TYPE_CHECKING:
    from ann_migrate.api import RunResult
    from ann_migrate.reports.report import Report
    from ann_migrate.rewriting.styles import Style

OutputFormat = Literal["text", "json", "sarif", "github"]


def verified(
    run: RunResult, paths: Sequence[str], command: str, timeout: float, exclude: Sequence[str], *, journal: bool
) -> Report:
    """Write only if running both versions shows no difference."""
    from dataclasses import replace

    from ann_migrate.commands.verify import VerifyError, common_root, verify_migration
    from ann_migrate.reports.report import Report

    try:
        verdict = verify_migration(common_root(run.files), run.files, command, timeout=timeout, exclude=exclude)
    except VerifyError as error:
        return Report(run, "write", failure=str(error), paths=paths)
    if not verdict.equal:
        return Report(run, "write", paths=paths, verdict=verdict)
    return replace(write(run, paths, journal=journal), verdict=verdict)


def write(run: RunResult, paths: Sequence[str], *, journal: bool) -> Report:
    """Write the changed files; the outcome as a report."""
    from ann_migrate.files.write import Change, WriteError, write_files
    from ann_migrate.reports.report import Report

    changes = [Change(result.path, result.before, result.after, result.together) for result in run.changed]
    try:
        outcome = write_files(changes, journal=journal)
    except WriteError as error:
        return Report(run, "write", failure=str(error), paths=paths)
    return Report(run, "write", outcome, paths=paths, undoable=journal)


def check_tests_folder(folder: str, run: RunResult) -> None:
    """Refuse a folder for tests before anything is written."""
    from pathlib import Path

    from ann_migrate.commands.emit_tests import EmitError, check_folder

    try:
        check_folder(Path(folder), run.changed)
    except EmitError as error:
        raise click.UsageError(f"--emit-tests: {error}") from error


def with_tests(report: Report, folder: str, command: str | None) -> Report:
    """The report, with the tests that were written."""
    from dataclasses import replace
    from pathlib import Path

    from ann_migrate.commands.emit_tests import emit_tests

    return replace(report, tests=emit_tests(Path(folder), report.effective, command=command))


def undo(paths: Sequence[str], *, json_wanted: bool, quiet: bool) -> int:
    """Take the last run back, and say so; the exit code."""
    from pathlib import Path

    from ann_migrate.files.write import WriteError, undo
    from ann_migrate.reports.report import undo_document
    from ann_migrate.reports.report_text import undo_lines

    try:
        result = undo([Path(path) for path in paths])
    except WriteError as error:
        raise click.ClickException(f"nothing was restored: {error}") from error
    if result is None or result.left_alone:
        code = 2 if result is not None and any(left.failed for left in result.left_alone) else 1
    else:
        code = 0
    if json_wanted:
        _print_json(undo_document(result, code))
    else:
        for line in undo_lines(result, paths, quiet=quiet):
            click.echo(line, err=True)
    return code


def split_codes(codes: Sequence[str]) -> tuple[str, ...]:
    """``("ANN1,ANN205", "ANN3")`` as three codes."""
    return tuple(code.strip() for given in codes for code in given.split(",") if code.strip())


def explain(what: str, select: Sequence[str], ignore: Sequence[str], style: Style | None, unsafe: bool | None) -> int:
    """Print what a code means or how a verdict came about; the exit code."""
    from ann_migrate.commands.explain import ExplainError, explain

    try:
        click.echo(explain(what, style=style, select=select or None, ignore=ignore or None, unsafe=unsafe))
    except (ExplainError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    return 0


def from_stdin(
    style: Style,
    select: Sequence[str],
    ignore: Sequence[str],
    *,
    diff: bool,
    check: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Migrate standard input to standard output; the exit code."""
    from pathlib import Path

    from ann_migrate.api import migrate_text
    from ann_migrate.files.write import WriteResult
    from ann_migrate.reports.report import Report

    raw = _opened(sys.stdin, "standard input").read()
    # A notebook is JSON, and that can be read as Python too: it would be a literal with nothing to migrate.
    name = "<stdin>.ipynb" if raw.lstrip().startswith(b"{") and b'"nbformat"' in raw else "<stdin>"
    run = migrate_text(raw, path=Path(name), style=style, select=select, ignore=ignore)
    if diff:
        print_diff(run)
    if diff or check:
        report = Report(run, "check" if check else "diff", paths=("-",))
    else:
        output = _opened(sys.stdout, "standard output")
        output.write(run.files[0].after if run.files else raw)
        output.flush()
        outcome = WriteResult(tuple(result.path for result in run.changed))
        report = Report(run, "write", outcome, paths=("-",), undoable=False)
    print_report(report, "text", verbose=verbose, quiet=quiet, hints=False)
    return report.exit_code


def print_diff(run: RunResult) -> None:
    """Print all changes as one patch."""
    from ann_migrate.text.diff import unified_diff

    output = _opened(sys.stdout, "standard output")
    for result in run.changed:
        output.write(unified_diff(result.before, result.after, _patch_name(os.fspath(result.path))))
    output.flush()


def _opened(stream: TextIO | None, name: str) -> BinaryIO:
    """The bytes of a standard stream, which is None where a process was started with it closed."""
    if stream is None:
        raise click.UsageError(f"{name} is closed.")
    return stream.buffer


def _patch_name(path: str) -> str:
    """Name a file as ``git apply`` wants it: relative to the current folder, else to the project it lies in."""
    name = os.path.relpath(path)
    if name.startswith(os.pardir + os.sep):
        from ann_migrate.files.discover import project_root

        root = project_root(os.path.dirname(os.path.abspath(path)))
        name = os.path.relpath(path, root) if root else os.path.basename(path)
    return name.replace(os.sep, "/")


def print_report(
    report: Report, format_: OutputFormat, *, verbose: bool, quiet: bool, hints: bool, version: str | None = None
) -> None:
    """Print the report in the form that was asked for."""
    from ann_migrate.reports.report import json_document
    from ann_migrate.reports.report_text import text_lines

    if format_ == "json":
        _print_json(json_document(report))
        return
    if format_ == "sarif":
        from ann_migrate.reports.report_sarif import sarif_document

        _print_json(sarif_document(report, version=version))
        return
    if format_ == "github":
        from ann_migrate.reports.report_github import github_lines

        for line in github_lines(report):
            click.echo(line)
    for line in text_lines(report, verbose=verbose, quiet=quiet, hints=hints):
        click.echo(line, err=True)


def _print_json(document: dict[str, object]) -> None:
    import json

    click.echo(json.dumps(document, indent=2))
