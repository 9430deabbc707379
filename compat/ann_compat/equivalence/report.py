"""What a run found, as text that people read in a terminal."""

from __future__ import annotations

import json
import shlex

import torch

from ann_compat.equivalence.activity import BEHAVIOURS, missing
from ann_compat.equivalence.cases import SCHEMA_VERSION
from ann_compat.equivalence.compare import Comparison
from ann_compat.equivalence.diagnose import likely_cause, where
from ann_compat.equivalence.harness import CaseResult, RunResult
from ann_compat.equivalence.own_cases import trained
from ann_compat.equivalence.planting import Mutant
from ann_compat.equivalence.selftest import Catch, SelfTest
from ann_compat.equivalence.sources import SourceResult
from ann_compat.equivalence.trace import Trace


def run_report(result: RunResult) -> str:
    """Counts, behaviours, refinements, and the verdict of a run."""
    lines = [
        f"Compared {result.cases} cases in {result.seconds:.1f} s "
        f"(seed {result.seed}, torch {torch.__version__}, {result.controls} controls of the legacy path with itself)",
        "",
        f"  {'behaviour':<34}{'cases':>7}{'share':>8}",
    ]
    for behaviour in BEHAVIOURS:
        count = result.activity[behaviour.name]
        required = f"   at least {behaviour.required:.0%}" if behaviour.required else ""
        lines.append(f"  {behaviour.name:<34}{count:>7}{count / max(result.cases, 1):>8.1%}{required}")
    for name, count in sorted(result.refinements.items()):
        lines.append(f"  {'allowed: ' + name:<34}{count:>7}{count / max(result.cases, 1):>8.1%}")
    return "\n".join([*lines, "", verdict(result)])


def verdict(result: RunResult) -> str:
    """One word and why."""
    if result.failure is not None:
        return f"DIFFERENT in case {result.examples_to_failure}\n\n{failure_report(result.failure)}"
    lacking = missing(result.activity, result.cases)
    if lacking:
        return "\n".join(
            [
                "VACUOUS: all cases are bit-equal, but they do not show enough. Run more (--max-examples).",
                *_listed(lacking),
            ]
        )
    return f"EQUAL: all {result.cases} cases are bit-equal."


def failure_report(case: CaseResult) -> str:
    """Where the two paths part, by how much, why most likely, and how to see it again."""
    first, *others = case.comparison.differences
    cause = likely_cause(case.spec, case.comparison, case.old, case.new)
    fields = case.spec.non_defaults()
    lines = [
        f"First difference: {where(first, case.old, case.spec.train_batches or None)}",
        f"  {first}",
        *([f"Differs too: {', '.join(difference.channel for difference in others)}"] if others else []),
        *([f"Likely cause: {cause}"] if cause else []),
        "Fields that matter:" if fields else "Every field of the case is at its default.",
        *(f"  {name} = {value!r}" for name, value in fields.items()),
        f"Reproduce: {reproduction(case)}",
    ]
    return "\n".join(lines)


def reproduction(case: CaseResult) -> str:
    """A command line that runs the case again."""
    fields = {"version": SCHEMA_VERSION, **case.spec.non_defaults()}
    return f"ann-equiv replay {shlex.quote(json.dumps(fields))}"


def source_report(result: SourceResult) -> str:
    """The verdict on one source file, and its declined sites."""
    lines = [f"{result.path}: {_source_verdict(result)}"]
    problem = result.migration.problem
    if problem is not None:
        lines.append(f"  {problem.code} {problem.reason}")
    for site in result.migration.sites:
        if site.outcome.value == "declined":
            lines.append(f"  declined: {result.path}:{site.position} {site.code} {site.reason}")
    if result.unsteady:
        lines.append(f"  not compared, since two runs of the old file differ there: {', '.join(result.unsteady)}")
    if result.comparison is not None and not result.comparison.equal and result.old and result.new:
        cause = likely_cause(None, result.comparison, result.old, result.new)
        lines += [f"  first difference: {where(result.comparison.first, result.old)}", f"  {result.comparison.first}"]
        lines += [f"  likely cause: {cause}"] if cause else []
    return "\n".join(lines)


def own_case_report(name: str, comparison: Comparison, old: Trace, new: Trace) -> str:
    """The verdict on one of a project's own cases."""
    if comparison.equal:
        ending = "EQUAL" if trained(old) else f"VACUOUS: nothing was trained; the run ended with {old.exception!r}"
        return f"{name}: {ending}"
    cause = likely_cause(None, comparison, old, new)
    lines = [f"{name}: DIFFERENT", f"  {where(comparison.first, old)}", f"  {comparison.first}"]
    return "\n".join([*lines, *([f"  likely cause: {cause}"] if cause else [])])


def _source_verdict(result: SourceResult) -> str:
    if result.comparison is None:
        return "not compared: nothing in it was migrated"
    if not result.comparison.equal:
        return "DIFFERENT"
    ending = f"; both end with {_ending(result)}" if result.old and result.old.exception is not None else ""
    return f"EQUAL over {result.steps} optimizer steps{ending}"


def _ending(result: SourceResult) -> str:
    error = result.old.exception if result.old else None
    return " ".join(f"{type(error).__name__} {error}".split())


def catch_line(catch: Catch) -> str:
    """What became of one planted defect."""
    if not catch.caught:
        return f"{catch.mutant.name:<30} NOT CAUGHT: {catch.mutant.defect}"
    after = f"case {catch.examples}" if catch.examples else ""
    return f"{catch.mutant.name:<30} caught {after:<9} {catch.seconds:5.1f} s  {', '.join(catch.channels)}"


def selftest_summary(outcome: SelfTest, equivalent: list[Mutant]) -> str:
    """The verdict on the harness."""
    caught = sum(catch.caught for catch in outcome.catches)
    lines = [f"{mutant.name:<30} not hunted: {mutant.equivalent}" for mutant in equivalent]
    lines += [f"BLIND: {line}" for line in outcome.blind]
    worst = max((catch.examples for catch in outcome.catches), default=0)
    lines.append(
        f"{'PASSED' if outcome.passed else 'FAILED'}: {caught} of {len(outcome.catches)} planted defects caught"
        f"{f', each within {worst} cases' if worst else ''}."
    )
    return "\n".join(lines)


def _listed(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
