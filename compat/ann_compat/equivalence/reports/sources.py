"""The verdict on one source file that was migrated in memory and run before and after, as text."""

from __future__ import annotations

from ann_compat.equivalence.diagnose import likely_cause, where
from ann_compat.equivalence.sources import SourceResult


def source_report(result: SourceResult) -> str:
    """The verdict on one source file, and its declined sites."""
    lines = [f"{result.path}: {_verdict(result)}"]
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


def _verdict(result: SourceResult) -> str:
    if result.comparison is None:
        return "not compared: nothing in it was migrated"
    if not result.comparison.equal:
        return "DIFFERENT"
    ending = f"; both end with {_ending(result)}" if result.old and result.old.exception is not None else ""
    return f"EQUAL over {result.steps} optimizer steps{ending}"


def _ending(result: SourceResult) -> str:
    error = result.old.exception if result.old else None
    return " ".join(f"{type(error).__name__} {error}".split())
