"""Running cases through both paths: one case, many generated ones, and the simplest that still differs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky

from ann_compat.equivalence import paths
from ann_compat.equivalence.activity import behaviours
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import EXACT, Comparison, Mode
from ann_compat.equivalence.strategies import case_specs
from ann_compat.equivalence.trace import Trace

CONTROL_EVERY = 25
"""The legacy path is compared with itself in the first case and then in each so-manieth."""


class NotDeterministicError(RuntimeError):
    """Two runs of the legacy path differ, so nothing can be said about the new one here."""


class CasesDifferError(AssertionError):
    """The two paths differ in a case."""


@dataclass(slots=True)
class CaseResult:
    """One case, run through both paths.

    Attributes:
        activity: The behaviours that occurred.
    """

    spec: CaseSpec
    comparison: Comparison
    activity: list[str]
    old: Trace
    new: Trace


@dataclass(slots=True)
class RunResult:
    """Many cases.

    Attributes:
        cases: How many were compared.
        seconds: How long it took.
        activity: For each behaviour, in how many cases it occurred.
        refinements: For each entry of the refinement table, in how many cases it was used.
        controls: How many times the legacy path was compared with itself.
        failure: The simplest case that differs, if any does.
        examples_to_failure: How many cases were run until the first that differs.
        unsteady: What ended the run because the environment does not repeat itself.
    """

    seed: int
    cases: int = 0
    seconds: float = 0.0
    activity: Counter[str] = field(default_factory=Counter)
    refinements: Counter[str] = field(default_factory=Counter)
    controls: int = 0
    failure: CaseResult | None = None
    examples_to_failure: int = 0
    unsteady: NotDeterministicError | None = None


def run_case(spec: CaseSpec, mode: Mode = EXACT) -> CaseResult:
    """Run one case through both paths and compare."""
    old, new = paths.run_legacy(spec), paths.run_migrated(spec)
    return CaseResult(spec, mode.compare(old, new), behaviours(spec, old), old, new)


def control(spec: CaseSpec, mode: Mode = EXACT) -> None:
    """Compare the legacy path with itself.

    Raises:
        NotDeterministicError: Two runs differ.
    """
    comparison = mode.compare(paths.run_legacy(spec), paths.run_legacy(spec))
    if not comparison.equal:
        raise NotDeterministicError(f"two runs of TrainingLoop differ in {spec}: {comparison.first}")


def run_cases(
    max_examples: int,
    seed: int = 0,
    *,
    max_time: float | None = None,
    shrink: bool = True,
    strategy: Any = None,
    mode: Mode = EXACT,
    on_case: Callable[[CaseResult], None] | None = None,
) -> RunResult:
    """Compare generated cases until one differs.

    Args:
        max_examples: How many.
        seed: Of the generation; the same seed gives the same cases.
        max_time: Stop generating after so many seconds; default: never.
        shrink: Whether to look for a simpler case once one differs.
        strategy: Of cases; default: :func:`~ann_compat.equivalence.strategies.case_specs`.
        mode: What is compared, and how strictly.
        on_case: Called with each case that was compared.

    Raises:
        NotDeterministicError: Two runs of the legacy path differ.
    """
    search = _Search(RunResult(seed), shrink, max_time, mode, on_case)
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @hypothesis.seed(seed)
    @settings(
        max_examples=max_examples,
        phases=phases,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(case_specs() if strategy is None else strategy)
    def compare_case(spec: CaseSpec) -> None:
        search.take(spec)

    result = search.result
    try:
        compare_case()
    except CasesDifferError:
        if result.failure is not None:
            result.failure = simplest(result.failure, mode)
    except _Stop:
        if result.unsteady is not None:
            raise result.unsteady from None
    except Flaky as error:
        raise NotDeterministicError(f"a case differed and then did not: {error}") from error
    result.seconds = time.perf_counter() - search.started
    return result


class _Stop(BaseException):
    """Ends the generation at once: Hypothesis takes any ``Exception`` for a failure that it should shrink."""


class _Search:
    """Takes generated cases, first until one differs, then while that one is made simpler."""

    def __init__(
        self,
        result: RunResult,
        shrink: bool,
        max_time: float | None,
        mode: Mode,
        on_case: Callable[[CaseResult], None] | None,
    ) -> None:
        self.result = result
        self.shrink = shrink
        self.max_time = max_time
        self.mode = mode
        self.on_case = on_case
        self.started = time.perf_counter()

    def take(self, spec: CaseSpec) -> None:
        result = self.result
        shrinking = result.failure is not None
        if not shrinking:
            if self.max_time is not None and time.perf_counter() - self.started > self.max_time:
                raise _Stop
            if result.cases % CONTROL_EVERY == 0:
                self.control(spec)
        case = run_case(spec, self.mode)
        if not shrinking:
            self.count(case)
        if case.comparison.equal:
            return
        if not shrinking:
            self.control(spec)
            result.examples_to_failure = result.cases
        result.failure = case
        if not self.shrink:
            raise _Stop
        raise CasesDifferError

    def count(self, case: CaseResult) -> None:
        result = self.result
        result.cases += 1
        result.activity.update(case.activity)
        if case.comparison.refinement is not None:
            result.refinements[case.comparison.refinement.name] += 1
        if self.on_case is not None:
            self.on_case(case)

    def control(self, spec: CaseSpec) -> None:
        self.result.controls += 1
        try:
            control(spec, self.mode)
        except NotDeterministicError as error:
            self.result.unsteady = error
            raise _Stop from error


def simplest(failure: CaseResult, mode: Mode = EXACT) -> CaseResult:
    """Put fields back to their defaults as long as the two paths still differ."""
    changed = True
    while changed:
        changed = False
        for name in failure.spec.non_defaults():
            default: dict[str, Any] = {f.name: f.default for f in fields(CaseSpec) if f.name == name}
            candidate = run_case(replace(failure.spec, **default), mode)
            if not candidate.comparison.equal:
                failure, changed = candidate, True
    return failure
