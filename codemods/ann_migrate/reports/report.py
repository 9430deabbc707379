"""What a run tells, and its versioned JSON form; ``report_text`` has the lines for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ann_migrate.result import FileResult, Position, Site

if TYPE_CHECKING:
    from ann_migrate.api import RunResult
    from ann_migrate.commands.emit_tests import Emitted
    from ann_migrate.commands.verify import Verdict
    from ann_migrate.files.write import LeftAlone, UndoResult, WriteResult

SCHEMA_VERSION = 1

BRIDGE_MODULE = "ann_compat"
BRIDGE_DISTRIBUTION = "adaptiveneuralnetwork (0.2 or newer)"
"""What has to be installed where migrated code that imports the bridge runs."""

Mode = Literal["write", "diff", "check"]

# Also behind a lone CR, in a string of a notebook (behind a quote or an escaped line end), behind a doctest's prompt.
_BRIDGE_IMPORT = re.compile(rb"(?:^|\r|\"|\\[nr])[ \t]*(?:>>> )?(?:from|import)[ \t]+ann_compat\b", re.MULTILINE)


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
    from ann_migrate.text.diff import line_edits

    run = report.run
    left_alone = {left.path: left.reason for left in report.left_alone}
    written = set(report.outcome.written) if report.outcome else set()
    return {
        "schema_version": SCHEMA_VERSION,
        "mode": report.mode,
        "summary": {
            "scanned": run.scanned,
            "naming_legacy_api": sum(bool(each.sites or each.problem) or not each.together for each in run.files),
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
                "together": sorted(map(path_text, result.together)),
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
    from ann_migrate.commands.verify import verdict_document

    return verdict_document(report.verdict)


def _tests_document(report: Report) -> dict[str, Any] | None:
    if report.tests is None:
        return None
    from ann_migrate.commands.emit_tests import emitted_document

    return emitted_document(report.tests)


def gains_bridge(result: FileResult) -> bool:
    return result.changed and len(_BRIDGE_IMPORT.findall(result.after)) > len(_BRIDGE_IMPORT.findall(result.before))


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


def path_text(path: Path) -> str:
    """Return a path as text that is valid in JSON, bytes that are not UTF-8 shown as escapes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
