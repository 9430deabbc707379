"""The ladder: at which layer of a training run two paths part, from the first weights to the last file.

Each rung is compared by itself over the whole run. The rung whose first difference is the earliest in the run is where
the paths part; what differs above it mostly follows from it. For generated cases the run is then repeated with one
field after the other taken back, which shows what the difference hangs on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ann_compat.equivalence import paths
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import EXACT, Difference, Mode
from ann_compat.equivalence.diagnose import CRITERIA, likely_cause, where
from ann_compat.equivalence.harness import run_case
from ann_compat.equivalence.tolerance import Tolerance, resolved
from ann_compat.equivalence.trace import Forward, Result, Step, Trace
from ann_compat.equivalence.values import Mismatch, mismatch


@dataclass(frozen=True, slots=True)
class Rung:
    """One layer of a run.

    Attributes:
        state: ``first``: the paths part here. ``follows``: it differs, but later. ``absent``: the run has none of it.
        text: What was compared, or where and how it differs first.
    """

    name: str
    state: Literal["same", "first", "follows", "absent"]
    text: str


@dataclass(frozen=True, slots=True)
class Trial:
    """A run with one field taken back to its default."""

    field: str
    value: Any
    equal: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where two paths part and why.

    Attributes:
        cause: The likely cause and its mend.
        trials: For generated cases, what happens without each field that is not at its default.
    """

    rungs: tuple[Rung, ...]
    cause: str | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def first(self) -> Rung | None:
        """The rung at which the paths part; ``None`` if they do not."""
        return next((rung for rung in self.rungs if rung.state == "first"), None)


def explain_case(spec: CaseSpec, mode: Mode = EXACT) -> Explanation:
    """Run a case again, with the generator's state noted at each forward pass, and go up the ladder."""
    old, new = paths.run_legacy(spec, detailed=True), paths.run_migrated(spec, detailed=True)
    explanation = explain(old, new, mode, spec)
    return explanation if explanation.first is None else replace(explanation, trials=tuple(_trials(spec, mode)))


def explain(old: Trace, new: Trace, mode: Mode = EXACT, spec: CaseSpec | None = None) -> Explanation:
    """Go up the ladder with two traces."""
    tolerance = resolved(mode.tolerance, old, new)
    found = [_found(layer, old, new, tolerance) for layer in LAYERS]
    positions = [place.position for place in found if place.mismatch is not None]
    comparison = mode.compare(old, new)
    if comparison.equal:
        # What a refinement allows, or a channel that is left out, is no difference.
        positions = []
    batches = (spec.train_batches or None) if spec is not None else None
    rungs, parted = [], False
    for layer, place in zip(LAYERS, found, strict=True):
        if place.mismatch is None or not positions:
            rungs.append(Rung(layer.name, "same" if place.count else "absent", layer.counted.format(place.count)))
            continue
        first = place.position == min(positions) and not parted
        parted = parted or first
        path = _ATTRIBUTE.sub(r".\1", place.mismatch.path)
        text = f"{place.what}{path}: {place.mismatch.text}"
        if place.event is not None:
            text = f"{where(Difference('', '', '', place.event), old, batches)}: {text}"
        rungs.append(Rung(layer.name, "first" if first else "follows", text))
    if not parted:
        return Explanation(tuple(rungs))
    first_rung = next(rung for rung in rungs if rung.state == "first")
    cause = likely_cause(spec, comparison, old, new)
    if cause is None or first_rung.name == "initialisation":
        cause = _MENDS.get(first_rung.name)
    return Explanation(tuple(rungs), cause)


_ATTRIBUTE = re.compile(r"^\['(inputs|output|rng|training|grad_enabled|autocast|gradients|learning_rates|value)'\]")


@dataclass(frozen=True, slots=True)
class Layer:
    """A rung's name, what it takes from a trace, and how equality of ``{}`` of them is told."""

    name: str
    counted: str
    taken: Callable[[Trace], _Taken]


_Taken = list[tuple[int, str, Any]]


def _events(kind: type[Any], of_criterion: bool | None, *attributes: str) -> Callable[[Trace], _Taken]:
    def taken(trace: Trace) -> _Taken:
        found = []
        for index, event in enumerate(trace.events):
            if not isinstance(event, kind):
                continue
            if isinstance(event, Forward) and of_criterion is not (event.module.split("#")[0] in CRITERIA):
                continue
            found.append((index, _named(event), {name: getattr(event, name) for name in attributes}))
        return found

    return taken


def _end(*names: str) -> Callable[[Trace], _Taken]:
    return lambda trace: [(_END, name, getattr(trace, name)) for name in names]


def _weights(trace: Trace) -> _Taken:
    return [(-1, name, value) for name, value in trace.initial.items()]


def _updated(trace: Trace) -> _Taken:
    return [(_END, name, value) for name, value in trace.state.items()]


_END = 10**9

LAYERS = (
    Layer("initialisation", "{} tensors before training", _weights),
    Layer("data order", "the inputs of {} forward passes", _events(Forward, False, "inputs")),
    Layer(
        "modes",
        "training, gradient and autocast flags of {} forward passes",
        _events(Forward, False, "training", "grad_enabled", "autocast"),
    ),
    Layer("random draws", "the generator after each of {} forward passes", _events(Forward, False, "rng")),
    Layer("forward pass", "the outputs of {} forward passes", _events(Forward, False, "output")),
    Layer("loss", "{} losses", _events(Forward, True, "inputs", "output")),
    Layer("gradients", "the gradients at {} optimizer steps", _events(Step, None, "gradients")),
    Layer("update", "the learning rates of {} optimizer steps", _events(Step, None, "learning_rates")),
    Layer("metrics", "{} results", _events(Result, None, "value")),
    Layer("end state", "{} parameters, buffers, gradients, modes, optimizer states", _updated),
    Layer("generators at the end", "{} sets of states", _end("rng")),
    Layer("side effects", "{} of files, console, output, settings", _end("files", "console", "output", "settings")),
)
"""From the bottom up."""

_MENDS = {
    "initialisation": "the models start otherwise: build the model after the same seed, and draw nothing before",
    "data order": "the batches differ: something drew random numbers before the loader did",
    "random draws": "something in or around the forward pass drew random numbers in one path only",
    "forward pass": "equal inputs and draws give other outputs: the model has a state that was left otherwise",
    "loss": "the losses are computed otherwise: pass the same criterion",
    "update": "the learning rates differ: look for a scheduler, or a rate that was read at another time",
    "end state": "every step was equal, but what is left is not: look at what is done after the last step",
}


@dataclass(frozen=True, slots=True)
class _Found:
    count: int
    mismatch: Mismatch | None = None
    position: int = _END
    event: int | None = None
    what: str = ""


def _found(layer: Layer, old: Trace, new: Trace, tolerance: Tolerance | None) -> _Found:
    before, after = layer.taken(old), layer.taken(new)
    for (index, what, value), (_, _, other) in zip(before, after, strict=False):
        if found := mismatch(value, other, tolerance):
            return _Found(len(before), found, index, index if 0 <= index < _END else None, what)
    if len(before) != len(after):
        more = before if len(before) > len(after) else after
        index, what, _ = more[min(len(before), len(after))]
        index = min(index, len(old.events)) if index < _END else index
        text = f"{len(before)} of them in the old run, {len(after)} in the new one"
        return _Found(len(before), Mismatch("", text), index, index if 0 <= index < _END else None, what)
    return _Found(len(before))


def _named(event: Forward | Step | Result) -> str:
    if isinstance(event, Forward):
        return event.module
    return event.optimizer if isinstance(event, Step) else event.call


def _trials(spec: CaseSpec, mode: Mode) -> Iterator[Trial]:
    for name, value in spec.non_defaults().items():
        default = CaseSpec().to_dict()[name]
        fields: dict[str, Any] = {name: tuple(default) if isinstance(default, list) else default}
        changed = replace(spec, **fields)
        yield Trial(name, value, run_case(changed, mode).comparison.equal)
