"""The families of cases that ``ann-equiv`` runs, each of which gives a :class:`FamilyOutcome` of plain values."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ann_compat.equivalence.activity import measured
from ann_compat.equivalence.cases import CALLS, CaseSpec
from ann_compat.equivalence.compare import EXACT, Mode
from ann_compat.equivalence.contexts import Contexts
from ann_compat.equivalence.curves import curves_of
from ann_compat.equivalence.findings import (
    case_failure,
    case_id,
    compared_failure,
    mode_options,
    program_failure,
    source_of,
)
from ann_compat.equivalence.harness import CaseResult, NotDeterministicError, RunResult, control, run_case, run_cases
from ann_compat.equivalence.outcome import Activity, Failure, FamilyOutcome, lacking, verdict_of
from ann_compat.equivalence.profiles import GENERATED
from ann_compat.equivalence.reports.text import fields_text
from ann_compat.equivalence.strategies import stateful_specs


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a family may run.

    Args:
        max_examples: Generated cases.
        seed: Of the generation; the same seed gives the same cases.
        max_time: Stop generating after so many seconds; default: never.
        keep_going: Go on after a failure, and report one of each cause.
    """

    max_examples: int
    seed: int = 0
    max_time: float | None = None
    keep_going: bool = False


_LONG = CaseSpec(train_size=18, batch_size=6, validation=True, validation_size=12, hidden=6, epochs=10)
LANDMARKS = (
    replace(_LONG, input_form="image", batch_size=5),
    replace(_LONG, model="dropout", hidden=8, batch_size=4, learning_rate=0.1, seed=3),
    replace(_LONG, model="batch_norm", optimizer="momentum", learning_rate=0.1, shuffle=True, seed=5),
    replace(_LONG, model="adaptive", hidden=4, learning_rate=0.1, seed=7),
)
"""Longer runs, which a run of generated cases ends with; their curves are shown."""


def run_configs(budget: Budget, mode: Mode = EXACT) -> FamilyOutcome:
    """Generated configs through both paths."""
    with _judged("configs") as family:
        contexts = Contexts()
        result = run_cases(
            budget.max_examples,
            budget.seed,
            max_time=budget.max_time,
            keep_going=budget.keep_going,
            mode=mode,
            on_case=contexts.add,
        )
        failures, curves = _failures(result, "configs", mode), []
        # A generated failure is simpler than a longer run that differs, and mostly of the same cause.
        for spec in LANDMARKS if not failures else ():
            case = run_case(spec, mode)
            if not case.comparison.equal:
                control(spec, mode)
                failures += (case_failure(case, "configs", mode),)
            elif found := curves_of(fields_text(spec.non_defaults()), case.old, case.new):
                curves.append(found)
        family.done(
            result,
            measured(result.activity, result.cases),
            failures,
            curves=tuple(curves),
            coverage=contexts.coverage(),
        )
    return family.outcome


def run_stateful(budget: Budget, mode: Mode = EXACT) -> FamilyOutcome:
    """Calls of all kinds in any order, on one object."""
    with _judged("stateful") as family:
        calls: dict[str, int] = dict.fromkeys(CALLS, 0)

        def count(case: CaseResult) -> None:
            for call in set(case.spec.calls):
                calls[call] += 1

        result = run_cases(
            budget.max_examples,
            budget.seed,
            max_time=budget.max_time,
            keep_going=budget.keep_going,
            strategy=stateful_specs(),
            mode=mode,
            on_case=count,
        )
        activity = tuple(Activity(f"call {call}", count_, result.cases, 0.0) for call, count_ in calls.items())
        family.done(result, activity, _failures(result, "stateful", mode))
    return family.outcome


def run_programs(budget: Budget, mode: Mode = EXACT) -> FamilyOutcome:
    """Generated legacy programs, executed as they were and as the codemod leaves them."""
    from ann_compat.equivalence.program_coverage import ProgramCounts
    from ann_compat.equivalence.program_search import check_programs

    with _judged("programs") as family:
        counts = ProgramCounts()
        result = check_programs(
            budget.max_examples,
            budget.seed,
            max_time=budget.max_time,
            keep_going=budget.keep_going,
            mode=mode,
            on_program=counts.add,
        )
        failures = tuple(program_failure(found.result, mode, found.examples, found.times) for found in result.found)
        missing = lacking(counts.activity())
        family.set(
            verdict=verdict_of(failures, missing),
            cases=result.programs,
            controls=result.programs,
            activity=counts.activity(),
            lacking=missing,
            failures=failures,
            coverage=counts.coverage(),
        )
    return family.outcome


def run_own_cases(entry: str, folder: Path, seed: int = 0, mode: Mode = EXACT) -> FamilyOutcome:
    """The project's own models, configs and loaders.

    Args:
        entry: ``package.module:name``, as in ``[tool.ann-equiv] cases``.
        folder: Where the module is looked for first.

    Raises:
        ValueError: ``entry`` leads to nothing.
    """
    from ann_compat.equivalence.own_cases import compare_case, load_cases, trained

    cases = load_cases(entry, folder)
    with _judged("own") as family:
        failures, notes, missing, curves = [], [], [], []
        for name, factory in cases.items():
            comparison, old, new = compare_case(factory, seed, mode)
            file, line = source_of(factory, folder)
            if not comparison.equal:
                failure = compared_failure(
                    comparison,
                    old,
                    new,
                    title=name,
                    id=case_id({"own": entry, "name": name}),
                    family="own",
                    reproduce=f"ann-equiv run --family own --seed {seed}{mode_options(mode)}",
                    file=file,
                    line=line,
                )
                failures.append(failure)
                notes += [f"{name}: DIFFERENT", *_own_lines(failure)]
            elif not trained(old):
                missing.append(f"{name}: nothing was trained; the run ended with {old.exception!r}")
                notes.append(f"{name}: VACUOUS: nothing was trained; the run ended with {old.exception!r}")
            else:
                notes.append(f"{name}: EQUAL")
                curves += [found] if (found := curves_of(name, old, new)) else []
        family.set(
            verdict=verdict_of(failures, missing),
            cases=len(cases),
            controls=len(cases),
            failures=tuple(failures),
            lacking=tuple(missing),
            notes=tuple(notes),
            curves=tuple(curves),
        )
    return family.outcome


def run_files(files: tuple[Path, ...], seed: int = 0, mode: Mode = EXACT) -> FamilyOutcome:
    """Source files: each migrated in memory, its old run compared with its new one."""
    from ann_compat.equivalence.reports.sources import source_report
    from ann_compat.equivalence.sources import compare_source

    with _judged("files") as family:
        results = [compare_source(path, seed, mode) for path in files]
        failures, curves = [], []
        for result in results:
            if result.comparison is None or result.old is None or result.new is None:
                continue
            if result.comparison.equal:
                curves += [found] if (found := curves_of(str(result.path), result.old, result.new)) else []
                continue
            options = f"{mode_options(mode)} --seed {seed} {result.path}"
            failures.append(
                compared_failure(
                    result.comparison,
                    result.old,
                    result.new,
                    title=str(result.path),
                    id=case_id({"file": str(result.path), "seed": seed}),
                    family="files",
                    reproduce=f"ann-equiv run{options}",
                    explain=f"ann-equiv explain{options}",
                    file=result.path.as_posix(),
                    line=next((int(str(s.position).split(":")[0]) for s in result.migration.sites), None),
                )
            )
        notes = [source_report(result) for result in results]
        missing = [] if any(result.steps for result in results) else ["no file was both migrated and seen to train"]
        if missing and not failures:
            notes.append("VACUOUS: no file was both migrated and seen to train.")
        family.set(
            verdict=verdict_of(failures, missing),
            cases=sum(result.comparison is not None for result in results),
            controls=sum(result.comparison is not None for result in results),
            failures=tuple(failures),
            lacking=tuple(missing),
            notes=tuple(notes),
            curves=tuple(curves),
        )
    return family.outcome


INTERRUPTED = "ended by the user"
"""The note of a family after which no other is to be run."""

RUNNERS: dict[str, Callable[[Budget, Mode], FamilyOutcome]] = {
    "configs": run_configs,
    "stateful": run_stateful,
    "programs": run_programs,
}
"""The families of generated cases, by the names that :data:`~ann_compat.equivalence.profiles.GENERATED` has."""


def run_generated(name: str, budget: Budget, mode: Mode = EXACT) -> FamilyOutcome:
    """Run the family of that name; ``budget`` is that of the configs."""
    cases = max(1, round(budget.max_examples * GENERATED[name].cases))
    return RUNNERS[name](replace(budget, max_examples=cases), mode)


@dataclass(slots=True)
class _Family:
    name: str
    outcome: FamilyOutcome = field(init=False)
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.outcome = FamilyOutcome(self.name, "ERROR")

    def set(self, **fields: object) -> None:
        values: dict[str, object] = {"seconds": time.perf_counter() - self.started, **fields}
        self.outcome = replace(self.outcome, **values)  # type: ignore[arg-type]

    def done(
        self, result: RunResult, activity: tuple[Activity, ...], failures: tuple[Failure, ...], **fields: object
    ) -> None:
        """What generated cases gave."""
        missing = lacking(activity)
        self.set(
            verdict=verdict_of(failures, missing),
            cases=result.cases,
            controls=result.controls,
            activity=activity,
            allowed=dict(result.refinements),
            lacking=missing,
            failures=failures,
            notes=(INTERRUPTED,) if result.interrupted else (),
            **fields,
        )


@contextmanager
def _judged(name: str) -> Iterator[_Family]:
    """Makes an error of the tool, or an environment that does not repeat itself, the outcome of the family."""
    family = _Family(name)
    try:
        yield family
    except NotDeterministicError as error:
        family.set(verdict="UNSTEADY", problem=one_line(error), trace=traceback.format_exc())
    except Exception as error:
        family.set(verdict="ERROR", problem=one_line(error), trace=traceback.format_exc())


def one_line(error: BaseException) -> str:
    """An error's type and text in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _failures(result: RunResult, family: str, mode: Mode) -> tuple[Failure, ...]:
    return tuple(case_failure(found.case, family, mode, found.examples, found.times) for found in result.found)


def _own_lines(failure: Failure) -> list[str]:
    cause = [f"  likely cause: {failure.cause}"] if failure.cause else []
    return [f"  {failure.where}", f"  {failure.channel}: {failure.difference}", *cause]
