"""The report as SARIF 2.1.0, which code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (the section of each property is beside it).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ann_migrate.reports.report import Report, path_text
from ann_migrate.reports.report_text import dropped_lines
from ann_migrate.result import FileResult, Outcome, Position, Site
from ann_migrate.rules.skip_comment import CODE as SKIPPED

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def sarif_document(report: Report, *, version: str | None = None) -> dict[str, Any]:
    """Return the report as a SARIF log with one run.

    Declined sites and rewrites that are still to be made are results with the kind ``fail``; rewrites that were made
    are ``informational``; ignored sites are suppressed results; files that could not be analysed are errors.

    Args:
        report: The finished run.
        version: The version of the tool, if known.
    """
    results = [result for file in report.run.files for result in _results(report, file)]
    codes = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = codes.index(result["ruleId"])
    driver: dict[str, Any] = {"name": "ann-migrate", "rules": [_rule(code) for code in codes]}
    if version:
        driver["version"] = version
    invocation: dict[str, Any] = {"executionSuccessful": report.exit_code != 2, "exitCode": report.exit_code}
    notifications = [("error", report.failure)] if report.failure else []
    if report.verdict is not None and report.refuted:
        notifications.append(("error", f"verify: {report.verdict.kind}: {report.verdict.reason}"))
    notifications += [("error", f"{path_text(left.path)}: not written: {left.reason}") for left in report.left_alone]
    notifications += [("warning", text) for text in (report.outcome.warnings if report.outcome else ())]
    if notifications:
        invocation["toolExecutionNotifications"] = [
            {"level": level, "message": {"text": text}} for level, text in notifications
        ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "columnKind": "unicodeCodePoints",  # 3.14.17
                "originalUriBaseIds": {_ROOT: {"uri": Path.cwd().as_uri() + "/"}},  # 3.14.14: ends with a slash
                "results": results,
            }
        ],
    }


def _results(report: Report, file: FileResult) -> list[dict[str, Any]]:
    results = []
    if file.problem is not None:
        results.append(_result(file, file.problem.code, file.problem.position, file.problem.reason, level="error"))
    results += [_site_result(report, file, site) for site in file.sites]
    results += [_result(file, note.code, note.position, note.text, level="note") for note in file.notes if note.code]
    seen: Counter[str] = Counter()
    lines = file.before.decode("utf-8", "replace").splitlines()
    for result in results:
        region = result["locations"][0]["physicalLocation"].get("region", {})
        line = lines[region["startLine"] - 1].strip() if 0 < region.get("startLine", 0) <= len(lines) else ""
        mark = f"{result['ruleId']}\0{file.path.as_posix()}\0{line}"
        seen[mark] += 1
        digest = hashlib.sha256(f"{mark}\0{seen[mark]}".encode("utf-8", "surrogatepass")).hexdigest()
        result["partialFingerprints"] = {"codeAndLine/v1": digest[:32]}  # 3.27.17: stays when lines move
    return results


def _site_result(report: Report, file: FileResult, site: Site) -> dict[str, Any]:
    made = report.mode == "write" and file in report.effective and site.outcome is Outcome.REWRITTEN
    text = site.reason
    if site.outcome is Outcome.REWRITTEN:
        text = f"{'rewritten' if made else 'can be rewritten'}: {text}"
        text += "".join(f"; not kept: {behaviour}" for behaviour in site.not_kept)
        text += "".join(f"; {line}" for line in dropped_lines(site))
    if site.advice:
        text += f". What to do: {site.advice}"
    level = {Outcome.DECLINED: "warning", Outcome.REWRITTEN: "note", Outcome.IGNORED: "note"}[site.outcome]
    result = _result(file, site.code, site.position, text, level=level)
    if made:
        result |= {"kind": "informational", "level": "none"}  # 3.27.10: any other kind than fail has no level
    if site.outcome is Outcome.IGNORED:
        kind = "inSource" if site.code == SKIPPED else "external"  # 3.35.2
        result["suppressions"] = [{"kind": kind, "justification": site.reason}]
    if site.culprit is not None:
        place = _location(file, site.culprit)
        result["relatedLocations"] = [{**place, "message": {"text": "because of this"}}]
    if site.notes or site.not_kept:
        result["properties"] = {"madeExplicit": list(site.notes), "notKept": list(site.not_kept)}
    return result


def _result(file: FileResult, code: str, position: Position | None, text: str, *, level: str) -> dict[str, Any]:
    return {
        "ruleId": code,
        "level": level,
        "message": {"text": text},
        "locations": [_location(file, position)],
    }


def _location(file: FileResult, position: Position | None) -> dict[str, Any]:
    absolute = Path(os.path.abspath(file.path))  # noqa: PTH100 - links stay as the user named them
    try:
        relative = absolute.relative_to(Path.cwd())
    except ValueError:
        artifact = {"uri": absolute.as_uri()}
    else:
        artifact = {"uri": quote(os.fsencode(relative.as_posix())), "uriBaseId": _ROOT}
    place: dict[str, Any] = {"artifactLocation": artifact}
    if position is not None and position.cell is None:  # a cell has no place in the lines of its file
        place["region"] = {"startLine": position.line, "startColumn": position.column}
    return {"physicalLocation": place}


def _rule(code: str) -> dict[str, Any]:
    from ann_migrate.reports.catalogue import explain_code, page

    title, text = page(code)
    about = (text.partition("\n\n")[0] or title).replace("``", "`")
    return {
        "id": code,
        "shortDescription": {"text": title.replace("``", "`")},
        "fullDescription": {"text": about},
        "help": {"text": about, "markdown": explain_code(code)},
    }
