"""What a run tells: lines for people, and a versioned JSON document for programs. Both say why nothing changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ann_migrate.result import FileResult, Outcome, Position, Site

if TYPE_CHECKING:
    from ann_migrate.api import RunResult
    from ann_migrate.emit_tests import Emitted
    from ann_migrate.verify import Verdict
    from ann_migrate.write import LeftAlone, UndoResult, WriteResult

SCHEMA_VERSION = 1

BRIDGE_MODULE = "ann_compat"
BRIDGE_DISTRIBUTION = "adaptiveneuralnetwork (0.2 or newer)"
"""What has to be installed where migrated code that imports the bridge runs."""

Mode = Literal["write", "diff", "check"]
_NAMED_IN_A_LINE = 3
"""More files than these are named one a line."""

# Also in a string of a notebook (behind a quote or an escaped line end) and behind the prompt of a doctest.
_BRIDGE_IMPORT = re.compile(rb"(?:^|\"|\\n)[ \t]*(?:>>> )?(?:from|import)[ \t]+ann_compat\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run: what was found, and what became of it.

    Attributes:
        run: What the analysis found.
        mode: Whether the files were to be written, or only shown (``"diff"``) or counted (``"check"``).
        outcome: What was written; None where nothing was to be, and where writing failed as a whole.
        failure: Why nothing at all was written, where it should have been.
        paths: The paths that were given, for the advice on what to do next.
        undoable: Whether a journal was kept.
        verdict: What running both versions showed, where that was asked for; if not ``equal``, nothing was written.
        tests: What ``--emit-tests`` wrote, where that was asked for.
    """

    run: RunResult
    mode: Mode
    outcome: WriteResult | None = None
    failure: str = ""
    paths: Sequence[str] = ()
    undoable: bool = True
    verdict: Verdict | None = None
    tests: Emitted | None = None

    @property
    def exit_code(self) -> int:
        """0 when nothing is left to do, 1 when something needs attention, 2 when the tool or the system failed."""
        internal = any(result.problem is not None and result.problem.internal for result in self.run.files)
        untested = self.tests is not None and bool(self.tests.failure)
        if self.failure or internal or untested or any(left.failed for left in self.left_alone):
            return 2
        if self.run.declined or self.run.problems or self.left_alone or self.refuted:
            return 1
        return 1 if self.mode == "check" and self.run.changed else 0

    @property
    def refuted(self) -> bool:
        """Whether nothing was written because the runs differ, or show nothing."""
        return self.verdict is not None and not self.verdict.equal

    @property
    def left_alone(self) -> tuple[LeftAlone, ...]:
        return self.outcome.left_alone if self.outcome else ()

    @property
    def effective(self) -> tuple[FileResult, ...]:
        """The files that were rewritten; with ``--diff`` and ``--check``, those that would be."""
        if self.mode != "write":
            return self.run.changed
        if self.refuted:
            return ()
        written = set(self.outcome.written) if self.outcome else set()
        return tuple(result for result in self.run.changed if result.path in written)


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
            yield f"{shown_path(result.path)}: {verb} {number_of(_rewritten(result), 'site')}"
    if report.failure:
        yield f"nothing was written: {report.failure}"
    if report.verdict is not None and (report.refuted or not quiet):
        from ann_migrate.verify import verdict_lines

        yield from verdict_lines(report.verdict)
    if report.tests is not None:
        from ann_migrate.emit_tests import emitted_lines

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


def undo_document(result: UndoResult | None, exit_code: int) -> dict[str, Any]:
    """Return what an undo did as a JSON document of schema :data:`SCHEMA_VERSION`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "mode": "undo",
        "found_run": result is not None,
        "restored": [path_text(path) for path in result.restored] if result else [],
        "left_alone": [{"path": path_text(left.path), "reason": left.reason} for left in result.left_alone]
        if result
        else [],
        "unchanged": [path_text(path) for path in result.unchanged] if result else [],
        "warnings": list(result.warnings) if result else [],
        "exit_code": exit_code,
    }


def json_document(report: Report) -> dict[str, Any]:
    """Return the report as a JSON document of schema :data:`SCHEMA_VERSION`.

    ``summary`` counts; ``files`` lists each file that names the legacy API: its ``sites`` with code, position, outcome,
    reason, advice, ``notes`` (the behaviours made explicit), those ``not_kept`` and those ``dropped`` by the style,
    ``notes`` on other places of it, its ``edits`` as ranges of lines before and after (ends exclusive), whether it was
    ``written``, why not if not, and its ``problem`` if it could not be analysed; ``docs/ann-migrate-report.md``
    describes it all. A position in a notebook has the ``cell`` too, its number among all cells from 1, and line and
    column count in it. Fields may be added within a version; none is removed or changes its meaning.
    """
    from ann_migrate.diff import line_edits

    run = report.run
    left_alone = {left.path: left.reason for left in report.left_alone}
    written = set(report.outcome.written) if report.outcome else set()
    return {
        "schema_version": SCHEMA_VERSION,
        "mode": report.mode,
        "summary": {
            "scanned": run.scanned,
            "naming_legacy_api": len(run.files),
            "hints": len(run.hints),
            "found": run.found,
            "rewritten": run.rewritten,
            "declined": run.declined,
            "ignored": run.ignored,
            "changed_files": len(run.changed),
            "written_files": len(written),
            "problems": len(run.problems),
        },
        "files": [
            {
                "path": path_text(result.path),
                "changed": result.changed,
                "written": result.path in written,
                "not_written": left_alone.get(result.path) or (report.failure or None if result.changed else None),
                "imports_bridge": gains_bridge(result),
                "sites": [_site_document(site) for site in result.sites],
                "notes": [
                    {"position": _position_document(note.position), "code": note.code, "text": note.text}
                    for note in result.notes
                ],
                "edits": [
                    {
                        "before": {"start_line": edit.before_start, "end_line": edit.before_end},
                        "after": {"start_line": edit.after_start, "end_line": edit.after_end},
                    }
                    for edit in line_edits(result.before, result.after)
                ],
                "problem": None
                if result.problem is None
                else {
                    "code": result.problem.code,
                    "reason": result.problem.reason,
                    "position": _position_document(result.problem.position),
                    "internal": result.problem.internal,
                },
            }
            for result in run.files
        ],
        "verification": _verification_document(report),
        "tests": _tests_document(report),
        "hints": [
            {
                "path": path_text(hint.path),
                "position": _position_document(hint.position),
                "kind": hint.kind,
                "text": hint.text,
            }
            for hint in run.hints
        ],
        "bridge": {
            "files": [path_text(result.path) for result in report.effective if gains_bridge(result)],
            "module": BRIDGE_MODULE,
            "distribution": BRIDGE_DISTRIBUTION,
        },
        "warnings": list(report.outcome.warnings) if report.outcome else [],
        "exit_code": report.exit_code,
    }


def _verification_document(report: Report) -> dict[str, Any] | None:
    if report.verdict is None:
        return None
    from ann_migrate.verify import verdict_document

    return verdict_document(report.verdict)


def _tests_document(report: Report) -> dict[str, Any] | None:
    if report.tests is None:
        return None
    from ann_migrate.emit_tests import emitted_document

    return emitted_document(report.tests)


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
        yield "There is no Python file or notebook at or beneath the given paths" + (
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


def gains_bridge(result: FileResult) -> bool:
    return result.changed and len(_BRIDGE_IMPORT.findall(result.after)) > len(_BRIDGE_IMPORT.findall(result.before))


def _rewritten(result: FileResult) -> int:
    return sum(site.outcome is Outcome.REWRITTEN for site in result.sites)


def _site_document(site: Site) -> dict[str, Any]:
    return {
        "position": _position_document(site.position),
        "code": site.code,
        "outcome": site.outcome.value,
        "reason": site.reason,
        "culprit": _position_document(site.culprit),
        "advice": site.advice,
        "notes": list(site.notes),
        "not_kept": list(site.not_kept),
        "dropped": [
            {"code": item.code, "behaviour": item.behaviour, "position": _position_document(item.position)}
            for item in site.dropped
        ],
    }


def _position_document(position: Position | None) -> dict[str, int] | None:
    if position is None:
        return None
    cell = {} if position.cell is None else {"cell": position.cell}
    return {**cell, "line": position.line, "column": position.column}


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


def path_text(path: Path) -> str:
    """Return a path as text that is valid in JSON, bytes that are not UTF-8 shown as escapes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _name(count: int) -> str:
    return "names" if count in (0, 1) else "name"
