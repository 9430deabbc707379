"""A report for people, line by line: what needs attention first, then what was done, then a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ann_migrate.reports.report import (
    BRIDGE_DISTRIBUTION,
    BRIDGE_MODULE,
    Mode,
    Report,
    gains_bridge,
    number_of,
    path_text,
)
from ann_migrate.result import FileResult, Outcome, Position, Site

if TYPE_CHECKING:
    from ann_migrate.api import RunResult
    from ann_migrate.files.write import UndoResult

_NAMED_IN_A_LINE = 3
"""More files than these are named one a line."""


def text_lines(report: Report, *, verbose: bool = False, quiet: bool = False, hints: bool = False) -> Iterator[str]:
    """Yield the report for people, line by line.

    Args:
        report: The finished run.
        verbose: Also each rewritten and ignored site, what was passed over, and tracebacks of internal errors.
        quiet: Only what needs attention.
        hints: Also each mention of the legacy names that no code depends on; else their number.
    """
    left_alone = {left.path: left.reason for left in report.left_alone}
    effective = {result.path for result in report.effective}
    for result in report.run.files:
        yield from _problem_lines(result, report.run, verbose=verbose)
        for site in result.sites:
            if site.outcome is Outcome.DECLINED or verbose or ((site.not_kept or site.dropped) and not quiet):
                yield from _site_lines(result.path, site, report.mode, verbose=verbose)
        if not quiet:
            yield from (
                f"{_place(result.path, note.position)} {note.code or 'note:'} {note.text}" for note in result.notes
            )
        if result.path in left_alone:
            yield f"{shown_path(result.path)}: not written: {left_alone[result.path]}"
        elif result.path in effective and not quiet:
            verb = "rewrote" if report.mode == "write" else "would rewrite"
            yield f"{shown_path(result.path)}: {verb} {_what_is_rewritten(result, report.run)}"
    if report.failure:
        yield f"nothing was written: {report.failure}"
    if report.verdict is not None and (report.refuted or not quiet):
        from ann_migrate.commands.verify import verdict_lines

        yield from verdict_lines(report.verdict)
    if report.tests is not None:
        from ann_migrate.commands.emit_tests import emitted_lines

        yield from emitted_lines(report.tests)
    for warning in report.outcome.warnings if report.outcome else ():
        yield f"warning: {warning}"
    if hints:
        yield from (f"{_place(hint.path, hint.position)} {hint.kind}: {hint.text}" for hint in report.run.hints)
    if not quiet:
        if verbose:
            yield from (f"{shown_path(folder)}: passed over; name it to search it" for folder in report.run.pruned)
        yield from _summary(report, hints=hints)


def undo_lines(result: UndoResult | None, paths: Sequence[str], *, quiet: bool = False) -> Iterator[str]:
    """Yield what an undo did, line by line."""
    if result is None:
        yield f"nothing to undo: no journalled run wrote at or beneath {', '.join(paths)}"
        return
    for left in result.left_alone:
        yield f"{shown_path(left.path)}: not restored: {left.reason}"
    for warning in result.warnings:
        yield f"warning: {warning}"
    if quiet:
        return
    yield from (f"{shown_path(path)}: restored" for path in result.restored)
    yield f"Restored {number_of(len(result.restored), 'file')}" + (
        f"; {number_of(len(result.left_alone), 'file')} left alone, for the reasons above."
        if result.left_alone
        else "."
    )
    if result.unchanged:
        yield f"{number_of(len(result.unchanged), 'file')} of the run held the original content already."


def _what_is_rewritten(result: FileResult, run: RunResult) -> str:
    """``2 sites``; of a file that only uses what others make, the files with which it goes."""
    sites = _rewritten(result)
    if sites or not result.together:
        return number_of(sites, "site")
    homes = [other.path for other in run.files if other.path in result.together and _rewritten(other)]
    return f"the uses of what {', '.join(shown_path(path) for path in homes)} makes"


def _problem_lines(result: FileResult, run: RunResult, *, verbose: bool) -> Iterator[str]:
    problem = result.problem
    if problem is None:
        return
    yield f"{_place(result.path, problem.position)} {problem.code} {problem.reason}"
    if trace := run.tracebacks.get(result.path):
        yield trace.rstrip() if verbose else "    --verbose shows where; please report it with the file"


def _site_lines(path: Path, site: Site, mode: Mode, *, verbose: bool) -> Iterator[str]:
    rewritten = "rewritten" if mode == "write" else "would be rewritten"
    verdict = {Outcome.DECLINED: "", Outcome.REWRITTEN: f"{rewritten}: ", Outcome.IGNORED: "ignored: "}[site.outcome]
    yield f"{_place(path, site.position)} {site.code} {verdict}{site.reason}"
    if site.culprit is not None and site.culprit != site.position:
        yield f"    because of {_place(path, site.culprit)}"
    if site.advice:
        yield f"    {site.advice}"
    yield from (f"    made explicit: {note}" for note in site.notes if verbose)
    yield from (f"    not kept: {behaviour}" for behaviour in site.not_kept)
    yield from (f"    {line}" for line in dropped_lines(site))


def dropped_lines(site: Site) -> Iterator[str]:
    """Yield what a rewrite leaves behind, a line for each code, with the lines of the uses that show it.

    Example:
        >>> from ann_migrate.result import Dropped
        >>> dropped = Dropped("ANN601", "accuracies are fractions of 1", Position(13, 20))
        >>> list(dropped_lines(Site(Position(1, 1), "ANN101", Outcome.REWRITTEN, "...", dropped=(dropped,))))
        ['dropped: ANN601 accuracies are fractions of 1 (line 13)']
    """
    for code, behaviour in sorted({(item.code, item.behaviour) for item in site.dropped}):
        lines = sorted({item.position.line for item in site.dropped if item.code == code and item.position is not None})
        shown = ", ".join(map(str, lines))
        yield f"dropped: {code} {behaviour}" + (f" (line{'s' if len(lines) > 1 else ''} {shown})" if lines else "")


def _summary(report: Report, *, hints: bool) -> Iterator[str]:
    run = report.run
    effective = report.effective
    if run.found:
        pending = run.rewritten - sum(map(_rewritten, effective))
        parts = [
            f"{run.rewritten - pending} {'rewritten' if report.mode == 'write' else 'to rewrite'}",
            f"{run.declined} declined",
            f"{run.ignored} ignored",
            *([f"{pending} not written"] if pending else []),
        ]
        yield f"{number_of(run.found, 'site')} found: {', '.join(parts)}."
    yield from _why_unchanged(report)
    if mentions := len(run.hints):
        where = "in comments, strings, documents or configuration"
        listed = "listed above" if hints else "--hints lists them"
        them = "it" if mentions == 1 else "them"
        others = number_of(mentions, "other mention")
        yield f"{others} of the legacy names {where}; no code depends on {them} ({listed})."
    if bridged := [shown_path(result.path) for result in effective if gains_bridge(result)]:
        if report.mode != "write":
            verb = "would import"
        else:
            verb = "now imports" if len(bridged) == 1 else "now import"
        provided = f"{verb} {BRIDGE_MODULE}, which the distribution {BRIDGE_DISTRIBUTION} provides"
        if len(bridged) <= _NAMED_IN_A_LINE:
            yield f"{', '.join(bridged)} {provided}."
        else:
            yield f"{len(bridged)} files {provided}:"
            yield from (f"    {name}" for name in bridged)
    if effective and report.mode == "write":
        import shlex

        what = f"Rewrote {number_of(len(effective), 'file')}."
        marked = ("--", *report.paths) if any(path.startswith("-") for path in report.paths) else report.paths
        undo = f" To take it back: ann-migrate --undo {shlex.join(marked)}" if report.undoable else ""
        yield what + undo
    elif effective:
        yield f"{number_of(len(effective), 'file')} would be rewritten; nothing was written."


def _why_unchanged(report: Report) -> Iterator[str]:
    """Yield how much was looked at; where nothing changed, why. "Nothing to migrate" only if no site remains."""
    run = report.run
    naming = run.naming
    looked_at = f"{number_of(run.scanned, 'file')} scanned, {naming or 'none'} {_name(naming)} the legacy API"
    if not run.scanned and not run.files:
        yield "There is no Python file or notebook at or beneath the given paths that is not excluded" + (
            f"; {number_of(len(run.pruned), 'folder')} passed over (--verbose names them)." if run.pruned else "."
        )
    elif report.effective:
        yield f"{looked_at}."
    elif run.declined or run.problems or report.failure or report.left_alone or report.refuted:
        yield f"Nothing was changed, for the reasons above: {looked_at}."
    elif run.ignored:
        yield f"Nothing was changed, every site is told to be ignored: {looked_at}."
    elif naming:
        yield f"Nothing to migrate: {looked_at}, but no code uses it."
    else:
        yield f"Nothing to migrate: {looked_at}."


def _rewritten(result: FileResult) -> int:
    return sum(site.outcome is Outcome.REWRITTEN for site in result.sites)


def _place(path: Path, position: Position | None) -> str:
    shown = shown_path(path)
    return f"{shown}:" if position is None else f"{shown}:{position}"


def shown_path(path: Path) -> str:
    """Return a path for a line of text: what is no printable character (a line end, say) as an escape.

    Example:
        >>> print(shown_path(Path("two\\nlines.py")))
        two\\nlines.py
    """
    text = path_text(path)
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _name(count: int) -> str:
    return "names" if count in (0, 1) else "name"
