"""Annotations of GitHub Actions: lines on standard output that it shows beside the code."""

from __future__ import annotations

from ann_compat.equivalence.outcome import Outcome

MOST = 10
"""GitHub shows so many errors of a step and drops the others without a word."""


def github_text(outcome: Outcome) -> str:
    """One ``::error`` line for each failure, the last of :data:`MOST` standing for all that are left."""
    lines = list(_errors(outcome))
    if len(lines) > MOST:
        rest = len(lines) - MOST + 1
        lines = [*lines[: MOST - 1], _line({"title": "ann-equiv"}, f"{rest} more differences; see the other reports")]
    return "".join(f"{line}\n" for line in lines)


def _errors(outcome: Outcome) -> list[str]:
    lines = []
    for failure in outcome.failures:
        place = {"file": failure.file, "line": str(failure.line) if failure.line and failure.file else None}
        cause = f"\nLikely cause: {failure.cause}" if failure.cause else ""
        repeat = f"\nReproduce: {failure.reproduce}" if failure.reproduce else ""
        text = f"{failure.where}: {failure.channel}: {failure.difference}{cause}{repeat}"
        lines.append(_line({**place, "title": f"ann-equiv: {failure.family} differ"}, text))
    for family in outcome.families:
        if family.problem is not None:
            lines.append(_line({"title": f"ann-equiv: {family.name} {family.verdict}"}, family.problem))
        elif family.verdict == "VACUOUS":
            text = "\n".join(["All cases are bit-equal, but they do not show enough:", *family.lacking])
            lines.append(_line({"title": f"ann-equiv: {family.name} VACUOUS"}, text))
    missed = [mutant.name for mutant in outcome.mutants if not mutant.caught and mutant.equivalent is None]
    if missed or outcome.blind:
        text = f"Not seen: {', '.join([*outcome.blind, *missed])}"
        lines.append(_line({"title": "ann-equiv: the harness does not see"}, text))
    return lines


def _line(properties: dict[str, str | None], message: str) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::error {given}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
