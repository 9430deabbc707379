"""A whole run: several families of cases, and the harness itself put to the test, on one process or several."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ann_compat.equivalence import interruption
from ann_compat.equivalence.compare import Mode
from ann_compat.equivalence.families import INTERRUPTED, Budget, run_files, run_generated, run_own_cases
from ann_compat.equivalence.outcome import FamilyOutcome, MutantOutcome, Outcome
from ann_compat.equivalence.profiles import GENERATED
from ann_compat.equivalence.selftest import Catch, selftest


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Args:
        command: The command line, for the reader.
        families: Of generated cases.
        own: ``package.module:name`` of the project's own cases, if there are any.
        files: Source files to migrate, run and compare.
        mutants: How many planted defects must be caught; 0 leaves the self-test out.
        jobs: Processes.
    """

    command: str
    budget: Budget
    mode: Mode
    families: tuple[str, ...] = ()
    own: str | None = None
    files: tuple[Path, ...] = ()
    mutants: int = 0
    jobs: int = 1
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class SelfTested:
    """What the self-test gave."""

    mutants: tuple[MutantOutcome, ...]
    blind: tuple[str, ...]


Part = FamilyOutcome | SelfTested


def carry_out(plan: Plan, on_part: Callable[[Part], Part] = lambda part: part) -> Outcome:
    """Run all parts of a plan.

    Args:
        plan: What to run.
        on_part: Called with each part when it is done; what it returns takes the part's place.

    Raises:
        ValueError: The project's own cases cannot be loaded.
    """
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    families: list[FamilyOutcome] = []
    tested = SelfTested((), ())
    for part in map(on_part, _parts(plan)):
        if isinstance(part, SelfTested):
            tested = part
        else:
            families.append(part)
    return Outcome(
        command=plan.command,
        seed=plan.budget.seed,
        profile=plan.profile,
        tolerance="torch" if plan.mode.tolerance == "torch" else "exact",
        channels=plan.mode.channels,
        started=started,
        seconds=time.perf_counter() - clock,
        families=tuple(sorted(families, key=lambda family: _ORDER.index(family.name))),
        mutants=tested.mutants,
        blind=tested.blind,
    )


_ORDER = ("own", "files", *GENERATED)


def _parts(plan: Plan) -> Iterator[Part]:
    work = list(_work(plan))
    if plan.jobs == 1:
        for run in work:
            part = run()
            yield part
            if isinstance(part, FamilyOutcome) and INTERRUPTED in part.notes:
                break
        return
    # A fresh interpreter each: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(plan.jobs, mp_context=context, initializer=_leave_interrupts_to_parent) as pool:
        waiting = {pool.submit(part) for part in work}
        try:
            while waiting:
                interruption.check()
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                yield from (part.result() for part in done)
        except BaseException:
            # Otherwise leaving the pool would wait until every family has come to its end.
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(plan: Plan) -> Iterator[Callable[[], Part]]:
    """The parts, the longest first, so that processes end together."""
    if plan.own:
        yield partial(run_own_cases, plan.own, Path.cwd(), plan.budget.seed, plan.mode)
    if plan.files:
        yield partial(run_files, plan.files, plan.budget.seed, plan.mode)
    for name in plan.families:
        yield partial(run_generated, name, _share(plan, name), plan.mode)
    if plan.mutants:
        yield partial(self_tested, plan.mutants, plan.budget.seed)


def _share(plan: Plan, name: str) -> Budget:
    """The family's part of the time: families that run one after the other share it."""
    budget = plan.budget
    if budget.max_time is None:
        return budget
    weight = GENERATED[name].time / sum(GENERATED[family].time for family in plan.families)
    return replace(budget, max_time=min(budget.max_time, budget.max_time * plan.jobs * weight))


def self_tested(count: int, seed: int = 0) -> SelfTested:
    """Plant up to ``count`` defects, spread over the catalogue, and say which were caught."""
    from ann_compat.equivalence.mutants import BY_NAME

    hunted = [mutant for mutant in BY_NAME.values() if mutant.equivalent is None]
    step = max(1.0, len(hunted) / count)
    chosen = [hunted[int(index * step)] for index in range(min(count, len(hunted)))]
    outcome = selftest(chosen, seed=seed)
    return SelfTested(tuple(map(mutant_outcome, outcome.catches)), tuple(outcome.blind))


def mutant_outcome(catch: Catch) -> MutantOutcome:
    """What became of a mutant, as plain values."""
    mutant = catch.mutant
    return MutantOutcome(mutant.name, mutant.defect, catch.caught, catch.examples, catch.channels, catch.seconds)


def generated(names: tuple[str, ...]) -> tuple[str, ...]:
    """The families of generated cases among these names."""
    return tuple(name for name in GENERATED if name in names or "all" in names)
