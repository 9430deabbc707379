"""The report as workflow commands, which GitHub shows as annotations beside the code.

The commands and their escapes:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands. GitHub keeps ten annotations of
each level from one step and drops the rest without a word, so the tenth tells of all further ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ann_migrate.reports.report import Report, number_of, path_text
from ann_migrate.reports.report_text import dropped_lines
from ann_migrate.result import Outcome, Position

PER_STEP = 10
"""How many annotations of one level GitHub keeps."""


@dataclass(frozen=True, slots=True)
class _Annotation:
    level: str
    path: str
    position: Position | None
    title: str
    message: str


def github_lines(report: Report) -> Iterator[str]:
    """Yield the workflow commands: errors for what makes the exit code, notices for what was done and may be known.

    Args:
        report: The finished run.
    """
    annotations = list(_annotations(report))
    for level in ("error", "notice"):
        of_level = [each for each in annotations if each.level == level]
        if len(of_level) <= PER_STEP:
            yield from map(_command, of_level)
            continue
        yield from map(_command, of_level[: PER_STEP - 1])
        rest = of_level[PER_STEP - 1 :]
        places = [f"{_place(each)} {each.title}" for each in rest]
        files = number_of(len({each.path for each in rest}), "file")
        title = f"ann-migrate: {len(rest)} more in {files}"
        yield f"::{level} title={_property(title)}::{_data(chr(10).join(places))}"


def _annotations(report: Report) -> Iterator[_Annotation]:
    done = report.mode == "write"
    effective = {result.path for result in report.effective}
    left_alone = {left.path: left.reason for left in report.left_alone}
    if report.failure:
        yield _Annotation("error", "", None, "ann-migrate", f"nothing was written: {report.failure}")
    if report.verdict is not None and report.refuted:
        what = report.verdict.difference
        where = f"\nfirst difference: {what.place}\nlikely cause: {what.cause}" if what is not None else ""
        yield _Annotation("error", "", None, "verify", f"{report.verdict.kind}: {report.verdict.reason}{where}")
    for result in report.run.files:
        path = path_text(result.path)
        if result.problem is not None:
            yield _Annotation("error", path, result.problem.position, result.problem.code, result.problem.reason)
        if result.path in left_alone:
            yield _Annotation("error", path, None, "ann-migrate", f"not written: {left_alone[result.path]}")
        for site in result.sites:
            if site.outcome is Outcome.DECLINED:
                because = f" (because of {site.culprit})" if site.culprit else ""
                message = f"{site.reason}{because}" + (f"\n{site.advice}" if site.advice else "")
                yield _Annotation("error", path, site.position, site.code, message)
            elif site.outcome is Outcome.REWRITTEN and result.path in effective:
                message = "\n".join(
                    (
                        site.reason,
                        *(f"not kept: {behaviour}" for behaviour in site.not_kept),
                        *dropped_lines(site),
                    )
                )
                verb = "rewritten" if done else "would be rewritten"
                level = "error" if report.mode == "check" else "notice"
                yield _Annotation(level, path, site.position, site.code, f"{verb}: {message}")
        for note in result.notes:
            yield _Annotation("notice", path, note.position, note.code or "ann-migrate", note.text)


def _command(annotation: _Annotation) -> str:
    properties = {"file": annotation.path} if annotation.path else {}
    if annotation.position is not None and annotation.position.cell is None:
        properties |= {"line": str(annotation.position.line), "col": str(annotation.position.column)}
    properties["title"] = annotation.title
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    in_cell = annotation.position is not None and annotation.position.cell is not None
    message = f"{annotation.position}: {annotation.message}" if in_cell else annotation.message
    return f"::{annotation.level} {listed}::{_data(message)}"


def _place(annotation: _Annotation) -> str:
    return annotation.path if annotation.position is None else f"{annotation.path}:{annotation.position}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
