"""What a run found, as text for a terminal or a log."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ann_compat.equivalence.outcome import Failure, FamilyOutcome, MutantOutcome, Outcome

if TYPE_CHECKING:
    from ann_compat.equivalence.session import SelfTested

WIDTH = 100
_FIELD_LINES = 6


def header(outcome_seed: int, profile: str | None, tolerance: str, versions: Mapping[str, str]) -> str:
    """What a reader needs to repeat the run."""
    parts = [f"seed {outcome_seed}", f"torch {versions['torch']}", f"python {versions['python']}"]
    if profile:
        parts.insert(0, f"profile {profile}")
    if tolerance != "exact":
        parts.append(f"TOLERANCE {tolerance}: floats may differ by rounding, this run does not show bit-equality")
    return f"ann-equiv: {', '.join(parts)}"


def part_text(part: FamilyOutcome | SelfTested) -> str:
    """What one part of a run gave."""
    if isinstance(part, FamilyOutcome):
        return family_text(part)
    return "\n".join(
        ["self-test", *(f"  {mutant_line(m)}" for m in part.mutants), mutants_text(part.mutants, part.blind)]
    )


def family_text(family: FamilyOutcome) -> str:
    """Counts, behaviours, refinements, and the verdict of a family."""
    if family.name in ("own", "files"):
        return "\n".join([*family.notes, *_problem(family)])
    # Of a run that ended early, what occurred says nothing.
    activity = family.activity if family.verdict != "DIFFERENT" else ()
    lines = [
        f"{family.name}: compared {family.cases} cases in {family.seconds:.1f} s "
        f"({family.controls} controls of the legacy path with itself)",
    ]
    if activity:
        lines += ["", f"  {'behaviour':<34}{'cases':>7}{'share':>8}"]
    for item in activity:
        required = f"   at least {item.required:.0%}" if item.required else ""
        lines.append(f"  {item.name:<34}{item.count:>7}{item.share:>8.1%}{required}")
    for name, count in sorted(family.allowed.items()):
        lines.append(f"  {'allowed: ' + name:<34}{count:>7}{count / max(family.cases, 1):>8.1%}")
    return "\n".join([*lines, *family.notes, "", verdict_text(family)])


def verdict_text(family: FamilyOutcome) -> str:
    """One word and why."""
    if family.verdict == "DIFFERENT":
        return "\n\n".join(_found(failure) for failure in family.failures)
    if family.verdict == "VACUOUS":
        reason = "VACUOUS: all cases are bit-equal, but they do not show enough. Run more (--max-examples)."
        return "\n".join([reason, *(f"  {line}" for line in family.lacking)])
    if family.verdict == "EQUAL":
        return f"EQUAL: all {family.cases} cases are bit-equal."
    return "\n".join(_problem(family))


def failure_text(failure: Failure) -> str:
    """Where the two paths part, by how much, why most likely, and how to see it again: 25 lines at most."""
    lines = [f"First difference: {failure.where}", *_wrapped(f"{failure.channel}: {failure.difference}", "  ", 4)]
    if failure.channels:
        lines.append(f"Differs too: {', '.join(failure.channels)}")
    if failure.cause:
        lines += _wrapped(f"Likely cause: {failure.cause}", "", 4)
    if failure.case is not None:
        fields = fields_text(failure.fields)
        shown = f"Fields that matter: {fields}" if fields else "Every field of the case is at its default."
        lines += _wrapped(shown, "", _FIELD_LINES)
    if failure.file:
        lines.append(f"Kept: {failure.file}" if failure.case is not None else f"In: {failure.file}:{failure.line or 1}")
    lines += [f"Reproduce: {failure.reproduce}"] if failure.reproduce else []
    lines += [f"Explain: {failure.explain}"] if failure.explain else []
    return "\n".join(lines)


def fields_text(fields: Mapping[str, Any]) -> str:
    """The fields of a case as they stand in a call."""
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())


def mutant_line(mutant: MutantOutcome) -> str:
    """What became of one planted defect."""
    if mutant.equivalent is not None:
        return f"{mutant.name:<30} not hunted: {mutant.equivalent}"
    if not mutant.caught:
        return f"{mutant.name:<30} NOT CAUGHT: {mutant.defect}"
    after = f"case {mutant.examples}" if mutant.examples else ""
    return f"{mutant.name:<30} caught {after:<9} {mutant.seconds:5.1f} s  {', '.join(mutant.channels)}"


def mutants_text(mutants: Iterable[MutantOutcome], blind: Iterable[str]) -> str:
    """The verdict on the harness."""
    hunted = [mutant for mutant in mutants if mutant.equivalent is None]
    caught, blind = sum(mutant.caught for mutant in hunted), list(blind)
    worst = max((mutant.examples for mutant in hunted), default=0)
    passed = not blind and caught == len(hunted)
    return "\n".join(
        [
            *(f"BLIND: {line}" for line in blind),
            f"{'PASSED' if passed else 'FAILED'}: {caught} of {len(hunted)} planted defects caught"
            f"{f', each within {worst} cases' if worst else ''}.",
        ]
    )


def closing_line(outcome: Outcome) -> str:
    """The last line of a run of several families."""
    families = ", ".join(f"{family.name} {family.verdict}" for family in outcome.families)
    hunted = [mutant for mutant in outcome.mutants if mutant.equivalent is None]
    caught = f", {sum(m.caught for m in hunted)} of {len(hunted)} planted defects caught" if hunted else ""
    return f"{outcome.verdict} in {outcome.seconds:.0f} s: {families}{caught}"


def _found(failure: Failure) -> str:
    after = f" in case {failure.found_after}" if failure.found_after else ""
    times = f", and in {failure.times - 1} more of the same cause" if failure.times > 1 else ""
    return f"DIFFERENT{after}{times}\n\n{failure_text(failure)}"


def _problem(family: FamilyOutcome) -> list[str]:
    if family.problem is None:
        return []
    word = "UNSTEADY: the environment does not repeat itself" if family.verdict == "UNSTEADY" else "ERROR"
    return [f"{word}: {family.problem}"]


def _wrapped(text: str, indent: str, most: int) -> list[str]:
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return (
        lines if len(lines) <= most else [*lines[: most - 1], f"{indent}  ... and {len(lines) - most + 1} lines more"]
    )
