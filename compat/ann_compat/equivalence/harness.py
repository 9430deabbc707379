"""Running cases through both paths: one case, many generated ones, and the simplest that still differs."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Flaky

from ann_compat.equivalence import interruption, paths
from ann_compat.equivalence.activity import behaviours
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import EXACT, Comparison, Mode
from ann_compat.equivalence.diagnose import likely_cause
from ann_compat.equivalence.strategies import case_specs
from ann_compat.equivalence.trace import Trace

CONTROL_EVERY = 25
"""The legacy path is compared with itself in the first case and then in each so-manieth."""


SHRINK_TIME = 20.0
"""Seconds for which a simpler case is looked for."""


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
class Found:
    """A cause for which the two paths differ.

    Attributes:
        case: The simplest case that shows it.
        examples: How many cases were run until it was seen.
        times: In how many cases it was seen.
    """

    case: CaseResult
    examples: int
    times: int = 1


@dataclass(slots=True)
class RunResult:
    """Many cases.

    Attributes:
        cases: How many were compared.
        seconds: How long it took.
        activity: For each behaviour, in how many cases it occurred.
        refinements: For each entry of the refinement table, in how many cases it was used.
        controls: How many times the legacy path was compared with itself.
        found: The simplest case of each cause for which the paths differ, the first found first; more than one only if
            the search was to go on.
        unsteady: What ended the run because the environment does not repeat itself.
        interrupted: Whether the user ended it.
    """

    seed: int
    cases: int = 0
    seconds: float = 0.0
    activity: Counter[str] = field(default_factory=Counter)
    refinements: Counter[str] = field(default_factory=Counter)
    controls: int = 0
    found: list[Found] = field(default_factory=list)
    unsteady: NotDeterministicError | None = None
    interrupted: bool = False

    @property
    def failure(self) -> CaseResult | None:
        """The simplest case that differs, of the first cause, if any does."""
        return self.found[0].case if self.found else None

    @property
    def examples_to_failure(self) -> int:
        """How many cases were run until the first that differs."""
        return self.found[0].examples if self.found else 0


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
    keep_going: bool = False,
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
        keep_going: Go on after a case that differs, and find one of each cause, until the end or an interrupt.
        strategy: Of cases; default: :func:`~ann_compat.equivalence.strategies.case_specs`.
        mode: What is compared, and how strictly.
        on_case: Called with each case that was compared.

    Raises:
        NotDeterministicError: Two runs of the legacy path differ.
    """
    search = _Search(RunResult(seed), shrink, keep_going, max_time, mode, on_case)
    # Hypothesis shrinks one failure and ends; of many, each is made simpler here.
    phases = [Phase.generate, Phase.shrink] if shrink and not keep_going else [Phase.generate]

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
    except (CasesDifferError, _Stop):
        if result.unsteady is not None:
            raise result.unsteady from None
    except KeyboardInterrupt:
        # A search that is to go on until it is stopped has been stopped; what it found is worth having.
        if not (keep_going and interruption.requested()):
            raise
        interruption.clear()
        result.interrupted = True
    except Flaky as error:
        raise NotDeterministicError(f"a case differed and then did not: {error}") from error
    if shrink:
        for found in result.found:
            found.case = simplest(found.case, mode)
        result.found = _merged(result.found)
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
        keep_going: bool,
        max_time: float | None,
        mode: Mode,
        on_case: Callable[[CaseResult], None] | None,
    ) -> None:
        self.result = result
        self.shrink = shrink
        self.keep_going = keep_going
        self.max_time = max_time
        self.mode = mode
        self.on_case = on_case
        self.started = time.perf_counter()
        self.failed_at: float | None = None
        self.causes: dict[str, Found] = {}

    def take(self, spec: CaseSpec) -> None:
        result, now = self.result, time.perf_counter()
        shrinking = self.failed_at is not None
        if self.failed_at is not None:
            if now - self.failed_at > SHRINK_TIME:
                raise _Stop
        else:
            if self.max_time is not None and now - self.started > self.max_time:
                raise _Stop
            if result.cases % CONTROL_EVERY == 0:
                self.control(spec)
        case = run_case(spec, self.mode)
        if not shrinking:
            self.count(case)
        if case.comparison.equal:
            return
        if shrinking:
            result.found[0].case = case
        else:
            self.note(case)
        if self.keep_going:
            return
        if not self.shrink:
            raise _Stop
        self.failed_at = self.failed_at or now
        raise CasesDifferError

    def note(self, case: CaseResult) -> None:
        """Keep a case that differs if it is the first of its cause."""
        key = cause_key(case)
        if key in self.causes:
            self.causes[key].times += 1
            return
        self.control(case.spec)
        self.causes[key] = Found(case, self.result.cases)
        self.result.found.append(self.causes[key])

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
    """Bring fields back to their defaults, or nearer to them, as long as the paths differ for the same cause."""
    key, end = cause_key(failure), time.perf_counter() + SHRINK_TIME
    changed = True
    while changed:
        changed = False
        for name in failure.spec.non_defaults():
            for value in _simpler(getattr(failure.spec, name), _DEFAULTS[name]):
                if time.perf_counter() > end:
                    return failure
                candidate = run_case(replace(failure.spec, **{name: value}), mode)
                if not candidate.comparison.equal and cause_key(candidate) == key:
                    failure, changed = candidate, True
                    break
    return failure


def cause_key(case: CaseResult) -> str:
    """What differences of one cause have in common: the channel, and the likely cause or the place without numbers."""
    first = case.comparison.first
    text = likely_cause(case.spec, case.comparison, case.old, case.new) or f"{first.place}: {first.text}"
    return f"{first.channel}: {_NUMBERS.sub('#', text)}"


_NUMBERS = re.compile(r"#\d+|[-+]?\d[\d.e+-]*")
_DEFAULTS: dict[str, Any] = {item.name: item.default for item in fields(CaseSpec)}


def _simpler(value: Any, default: Any) -> list[Any]:
    """What to try in the place of a value, the simplest first."""
    if isinstance(value, tuple):
        shorter = [value[:index] + value[index + 1 :] for index in range(len(value))]
        return [default, *(calls for calls in shorter if calls and calls != default)]
    plain = isinstance(value, int) and isinstance(default, int) and not isinstance(value, bool)
    # Seeds go up to 65,535: one less is no simpler.
    nearer = [default + (value - default) // 2, value - (value <= 16)] if plain and value > default else []
    return list(dict.fromkeys([default, *(item for item in nearer if item not in (default, value))]))


def _merged(found: list[Found]) -> list[Found]:
    """Those whose simplest cases turned out to be the same as one."""
    by_spec: dict[CaseSpec, Found] = {}
    for item in found:
        same = by_spec.setdefault(item.case.spec, item)
        if same is not item:
            same.times += item.times
    return list(by_spec.values())
