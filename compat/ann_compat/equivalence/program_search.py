"""Many generated programs: those of the covering array, then random ones; of a failure, the simplest that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from ann_compat.equivalence.compare import EXACT, Mode
from ann_compat.equivalence.covering import covering_array
from ann_compat.equivalence.harness import SHRINK_TIME, NotDeterministicError
from ann_compat.equivalence.program_run import ProgramResult, check_program
from ann_compat.equivalence.program_strategies import program_specs
from ann_compat.equivalence.programs import ProgramSpec

ARRAY_SHARE = 0.75
"""Of a run, how much the covering array may take; the rest is random."""

CONTROL = "generator"
"""The kind of fault that says that the legacy text did not do what its spec says: the harness is wrong, or unsteady."""


@dataclass(slots=True)
class FoundProgram:
    """A fault of the migration.

    Attributes:
        result: The simplest program that shows it.
        examples: How many programs were run until it was seen.
        times: In how many it was seen.
    """

    result: ProgramResult
    examples: int
    times: int = 1


@dataclass(slots=True)
class ProgramsResult:
    """Many programs.

    Attributes:
        programs: How many were checked; in each, the legacy text is compared with what its spec says.
        found: The simplest program of each kind of fault, the first found first.
    """

    programs: int = 0
    found: list[FoundProgram] = field(default_factory=list)


def check_programs(
    max_examples: int,
    seed: int = 0,
    *,
    max_time: float | None = None,
    shrink: bool = True,
    keep_going: bool = False,
    mode: Mode = EXACT,
    on_program: Callable[[ProgramResult], None] | None = None,
) -> ProgramsResult:
    """Check programs until one fails.

    Args:
        max_examples: How many.
        seed: Of the random ones; the same seed gives the same programs.
        max_time: Stop after so many seconds; default: never.
        shrink: Whether to look for a simpler program once one fails.
        keep_going: Go on after one that fails, and find one of each kind of fault.
        mode: Which channels of the runs are compared, and how strictly.
        on_program: Called with each program that was checked.

    Raises:
        NotDeterministicError: A legacy text does not do what its spec says.
    """
    search = _Search(ProgramsResult(), keep_going, max_time, mode, on_program)
    array = covering_array()[: max(1, round(max_examples * ARRAY_SHARE))]

    @hypothesis.seed(seed)
    @settings(
        max_examples=max(1, max_examples - len(array)),
        phases=[Phase.generate],
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(program_specs())
    def check_random(spec: ProgramSpec) -> None:
        search.take(spec)

    try:
        for spec in array:
            search.take(spec)
        if max_examples > len(array):
            check_random()
    except _Stop:
        if search.unsteady is not None:
            raise search.unsteady from None
    if shrink:
        for found in search.result.found:
            found.result = simplest_program(found.result, mode)
    return search.result


class _Stop(BaseException):
    """Ends the generation at once: Hypothesis takes any ``Exception`` for a failure that it should replay."""


class _Search:
    def __init__(
        self,
        result: ProgramsResult,
        keep_going: bool,
        max_time: float | None,
        mode: Mode,
        on_program: Callable[[ProgramResult], None] | None,
    ) -> None:
        self.result = result
        self.keep_going = keep_going
        self.max_time = max_time
        self.mode = mode
        self.on_program = on_program
        self.started = time.perf_counter()
        self.unsteady: NotDeterministicError | None = None
        self.kinds: dict[tuple[str, ...], FoundProgram] = {}

    def take(self, spec: ProgramSpec) -> None:
        if self.max_time is not None and time.perf_counter() - self.started > self.max_time:
            raise _Stop
        checked = check_program(spec, self.mode)
        self.result.programs += 1
        if self.on_program is not None:
            self.on_program(checked)
        if checked.fault is None:
            return
        if checked.fault.kind == CONTROL:
            text = f"the text of {spec} does not do what TrainingLoop does for its spec: {checked.fault.text}"
            self.unsteady = NotDeterministicError(text)
            raise _Stop
        key = fault_key(checked)
        if key in self.kinds:
            self.kinds[key].times += 1
        else:
            self.kinds[key] = FoundProgram(checked, self.result.programs)
            self.result.found.append(self.kinds[key])
        if not self.keep_going:
            raise _Stop


def fault_key(checked: ProgramResult) -> tuple[str, ...]:
    """What faults of one cause have in common: the kind, and the channel or the codes."""
    fault = checked.fault
    if fault is None:
        return ()
    return (fault.kind, *(fault.channels[:1] or fault.codes))


def simplest_program(failure: ProgramResult, mode: Mode = EXACT) -> ProgramResult:
    """Bring dimensions back to their simplest values, as long as the fault is of the same kind."""
    key, end = fault_key(failure), time.perf_counter() + SHRINK_TIME
    changed = True
    while changed:
        changed = False
        for name in failure.spec.non_defaults():
            if time.perf_counter() > end:
                return failure
            # The simplest value of a dimension goes with every other.
            changes: dict[str, Any] = {name: _SIMPLEST[name]}
            candidate = check_program(replace(failure.spec, **changes), mode)
            if fault_key(candidate) == key:
                failure, changed = candidate, True
    return failure


_SIMPLEST: dict[str, Any] = {item.name: item.default for item in fields(ProgramSpec)}
