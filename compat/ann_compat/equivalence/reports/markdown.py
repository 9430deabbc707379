"""The report as Markdown, for ``$GITHUB_STEP_SUMMARY``, a merge request or a chat."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ann_compat.equivalence.coverage import Coverage
from ann_compat.equivalence.outcome import Failure, FamilyOutcome, MutantOutcome, Outcome
from ann_compat.equivalence.reports.text import failure_text

LIMIT = 900_000
"""GitHub drops a summary of more than a megabyte."""
_MARKS = {"EQUAL": "✅", "DIFFERENT": "❌", "VACUOUS": "⚠️", "UNSTEADY": "💥", "ERROR": "💥"}
_MOST_FAILURES = 10


def markdown_text(outcome: Outcome) -> str:
    """Verdict, families, failures, behaviours, coverage and planted defects."""
    lines = [
        f"## {_MARKS[outcome.verdict]} Equivalence: {outcome.verdict}",
        "",
        f"{outcome.cases} cases in {outcome.seconds:.0f} s · seed {outcome.seed} · torch {outcome.versions['torch']} · "
        f"python {outcome.versions['python']}{f' · profile {outcome.profile}' if outcome.profile else ''}",
        "",
    ]
    if outcome.tolerance != "exact":
        lines += [
            f"> Tolerance mode ({outcome.tolerance}): floats may differ by rounding; no bit-equality is shown.",
            "",
        ]
    lines += _table(("Family", "Verdict", "Cases", "Seconds"), [_family_row(family) for family in outcome.families])
    for family in outcome.families:
        lines += [f"- **{family.name}**: {_cell(line)}" for line in (*family.lacking, *filter(None, [family.problem]))]
    for failure in outcome.failures[:_MOST_FAILURES]:
        lines += _failure(failure)
    rest = len(outcome.failures) - _MOST_FAILURES
    lines += [f"… and {rest} more differences.", ""] if rest > 0 else []
    for family in outcome.families:
        lines += _details(f"{family.name}: what occurred", _activity(family)) if family.activity else []
        for matrix in family.coverage:
            title = f"{matrix.title}: {matrix.covered} of {len(matrix.reachable)} combinations"
            lines += _details(title, _matrix(matrix))
    if outcome.mutants:
        caught = sum(mutant.caught for mutant in outcome.mutants)
        lines += _details(f"{caught} of {len(outcome.mutants)} planted defects caught", _mutants(outcome.mutants))
    lines += [f"Repeat with `{outcome.command}`", ""]
    # Half a surrogate pair, which a message of an exception may hold, cannot be written.
    raw = "\n".join(lines).encode(errors="replace")
    return raw.decode() if len(raw) <= LIMIT else f"{raw[:LIMIT].decode(errors='ignore')}\n\n… cut off\n"


def step_summary() -> str | None:
    """The file that GitHub shows as the summary of a step, where there is one."""
    return os.environ.get("GITHUB_STEP_SUMMARY") or None


def _family_row(family: FamilyOutcome) -> tuple[str, ...]:
    return family.name, f"{_MARKS[family.verdict]} {family.verdict}", str(family.cases), f"{family.seconds:.1f}"


def _failure(failure: Failure) -> list[str]:
    return [f"### ❌ {failure.family} {failure.id}", "", *_fenced(failure_text(failure)), ""]


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}text", text, fence]


def _activity(family: FamilyOutcome) -> list[str]:
    rows = [(a.name, str(a.count), f"{a.share:.1%}", "" if a.enough else "❌ too few") for a in family.activity]
    return _table(("Behaviour", "Cases", "Share", ""), rows)


def _matrix(matrix: Coverage) -> list[str]:
    marks = {"covered": "", "rare": " 🟡", "missing": " 🔴", "unreachable": ""}
    rows = [
        (row, *(_shown(matrix, row, column, marks[matrix.state(row, column)]) for column in matrix.columns))
        for row in matrix.rows
    ]
    return _table(("", *matrix.columns), rows)


def _shown(matrix: Coverage, row: str, column: str, mark: str) -> str:
    return "·" if matrix.state(row, column) == "unreachable" else f"{matrix.count(row, column)}{mark}"


def _mutants(mutants: tuple[MutantOutcome, ...]) -> list[str]:
    rows = []
    for mutant in mutants:
        caught = mutant.equivalent or ("✅" if mutant.caught else "❌ not caught")
        rows.append((mutant.name, mutant.defect, caught, str(mutant.examples or ""), ", ".join(mutant.channels)))
    return _table(("Defect", "", "Caught", "Examples", "Seen in"), rows)


def _details(summary: str, body: list[str]) -> list[str]:
    return [f"<details><summary>{_cell(summary)}</summary>", "", *body, "</details>", ""]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return [*(f"| {' | '.join(map(_cell, row))} |" for row in lines), ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
