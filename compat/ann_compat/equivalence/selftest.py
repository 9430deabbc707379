"""``ann-equiv selftest``: does the harness see? Every planted defect must be caught, and no difference invented."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import compare
from ann_compat.equivalence.covering import covering_array
from ann_compat.equivalence.harness import NotDeterministicError, RunResult, run_case, run_cases
from ann_compat.equivalence.mutants import BY_NAME, CODEMOD_MUTANTS, HARNESS_MUTANTS, MUTANTS
from ann_compat.equivalence.paths import run_legacy
from ann_compat.equivalence.planting import Mutant
from ann_compat.equivalence.program_run import check_program
from ann_compat.equivalence.trace import Forward, Recorder, Result, Step, Trace, record
from ann_compat.equivalence.values import mismatch

MAX_EXAMPLES = 60
"""Cases within which each mutant must be caught."""

BASELINE_PROGRAMS = 10
"""Programs that must pass without a defect."""


@dataclass(frozen=True, slots=True)
class Catch:
    """What became of one mutant.

    Attributes:
        caught: Whether a case differed. Meaningless for mutants that are equivalent, which are not run.
        examples: Cases until the first that differed.
        channels: The channels that saw it.
    """

    mutant: Mutant
    caught: bool
    examples: int
    channels: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The outcome.

    Attributes:
        blind: What the harness did not see, or saw where there is nothing, a line each. Empty if it is sound.
        catches: One for each mutant that was hunted, those of the harness itself included.
    """

    blind: list[str]
    catches: list[Catch]

    @property
    def passed(self) -> bool:
        return not self.blind and all(catch.caught for catch in self.catches)


def selftest(
    mutants: Iterable[Mutant] = (*MUTANTS, *CODEMOD_MUTANTS, *HARNESS_MUTANTS),
    *,
    seed: int = 0,
    max_examples: int = MAX_EXAMPLES,
    on_catch: Callable[[Catch], None] | None = None,
) -> SelfTest:
    """Check the comparison, the channels and the unchanged paths; then hunt every mutant that is not equivalent."""
    blind = [*comparison_faults(), *channel_faults(), *baseline_faults(seed)]
    catches: list[Catch] = []
    if blind:
        # What a harness catches that also sees what is not there means nothing.
        return SelfTest(blind, catches)
    for mutant in mutants:
        if mutant.equivalent is None:
            if mutant in HARNESS_MUTANTS:
                catches.append(unmasked(mutant, seed))
            elif mutant in CODEMOD_MUTANTS:
                catches.append(caught_by_programs(mutant, max_examples))
            else:
                catches.append(caught(mutant, seed, max_examples))
            if on_catch is not None:
                on_catch(catches[-1])
    return SelfTest(blind, catches)


def unmasked(mutant: Mutant, seed: int = 0) -> Catch:
    """Break the harness itself, and see whether its self-test notices."""
    started = time.perf_counter()
    with mutant.planted():
        outcome = selftest([BY_NAME["no-clipping"]], seed=seed)
    return Catch(mutant, not outcome.passed, 0, ("self-test",), time.perf_counter() - started)


def hunt(mutant: Mutant, seed: int = 0, max_examples: int = MAX_EXAMPLES) -> RunResult:
    """Run generated cases with the mutant planted; ``failure`` of the result tells whether it was caught."""
    with mutant.planted():
        return run_cases(max_examples, seed, shrink=False)


def caught(mutant: Mutant, seed: int, max_examples: int) -> Catch:
    started = time.perf_counter()
    result = hunt(mutant, seed, max_examples)
    channels = () if result.failure is None else tuple(d.channel for d in result.failure.comparison.differences)
    seconds = time.perf_counter() - started
    return Catch(mutant, result.failure is not None, result.examples_to_failure, channels, seconds)


def caught_by_programs(mutant: Mutant, max_examples: int = MAX_EXAMPLES) -> Catch:
    """Check the programs of the covering array, those that cover most first, with the mutant planted."""
    started = time.perf_counter()
    fault, examples = None, 0
    with mutant.planted():
        for spec in covering_array()[:max_examples]:
            examples += 1
            fault = check_program(spec).fault
            if fault is not None:
                break
    channels = () if fault is None else (fault.channels or (fault.kind,))
    return Catch(mutant, fault is not None, examples if fault else 0, channels, time.perf_counter() - started)


def comparison_faults() -> list[str]:
    """Values that are judged wrongly."""
    nan = math.nan
    different: list[tuple[Any, Any]] = [
        (1.0, math.nextafter(1.0, 2.0)),
        (nan, 1.0),
        (0.0, -0.0),
        (1, True),
        ([1], [1, 2]),
        ([1, 2], [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (torch.tensor([1.0, nan]), torch.tensor([1.0, 2.0])),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (torch.zeros(2), torch.zeros(2, 1)),
        (torch.ones(3), torch.nextafter(torch.ones(3), torch.tensor(2.0))),
        ("a", "b"),
        (object(), object()),
    ]
    equal: list[Any] = [1.0, nan, torch.tensor([nan, 1.0]), {"a": [1, (2.0, None)]}, "a", b"a"]
    faults = [f"{old!r} and {new!r} pass for equal" for old, new in different if mismatch(old, new) is None]
    return faults + [f"{value!r} differs from itself" for value in equal if mismatch(value, value) is not None]


def channel_faults() -> list[str]:
    """Channels in which a change of a real trace is not seen."""
    spec = CaseSpec(model="dropout", train_size=3, validation=True, files=True)
    changes: dict[str, Callable[[Trace], None]] = {
        "forward": lambda trace: _change(trace, Forward, grad_enabled=False),
        "gradients": lambda trace: _drop_last(trace, Step),
        "results": lambda trace: _drop_last(trace, Result),
        "order": lambda trace: trace.events.insert(0, trace.events.pop()),
        "exception": lambda trace: setattr(trace, "exception", ValueError("planted")),
        "state": lambda trace: trace.state["DropoutModel.first.bias"].add_(1e-6),
        "rng": lambda trace: trace.rng["torch"][-1:].add_(1),
        "files": lambda trace: trace.files["metrics.json"][0].update(train_loss=0.0),
        "console": lambda trace: setattr(trace, "console", f"{trace.console}planted\n"),
        "output": lambda trace: setattr(trace, "output", "planted\n"),
        "settings": lambda trace: trace.settings.update(planted=1),
    }
    faults = [f"no change is tried in the channel {channel}" for channel in CHANNELS if channel not in changes]
    for channel, change in changes.items():
        changed = run_legacy(spec)
        change(changed)
        comparison = compare(run_legacy(spec), changed)
        if channel not in {difference.channel for difference in comparison.differences}:
            faults.append(f"a change in the channel {channel} is not seen")

    def fails(recorder: Recorder) -> None:
        raise ValueError("planted")

    if not isinstance(record(fails, 0).exception, ValueError):
        faults.append("an exception of a run is not seen")
    return faults


def baseline_faults(seed: int) -> list[str]:
    """Differences where nothing is planted, and signs that the two runs are not two."""
    try:
        result = run_cases(20, seed, shrink=False)
    except NotDeterministicError as error:
        return [f"without a defect: {error}"]
    faults = []
    if result.failure is not None:
        faults.append(f"without a defect the paths differ in {result.failure.spec}: {result.failure.comparison.first}")
    case = run_case(CaseSpec())
    if case.old is case.new or not case.old.events or not case.new.events:
        faults.append("a case is not run twice")
    for spec in covering_array()[:BASELINE_PROGRAMS]:
        fault = check_program(spec).fault
        if fault is not None:
            faults.append(f"without a defect {spec} fails: {fault.kind}: {fault.text}")
    return faults


def _change(trace: Trace, kind: type[Any], **changes: Any) -> None:
    index = next(index for index, event in enumerate(trace.events) if isinstance(event, kind))
    trace.events[index] = replace(trace.events[index], **changes)


def _drop_last(trace: Trace, kind: type[Any]) -> None:
    index = max(index for index, event in enumerate(trace.events) if isinstance(event, kind))
    del trace.events[index]
