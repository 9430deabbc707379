"""Which behaviours a case really showed, and which of them a run of many cases must show to mean anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.diagnose import CRITERIA
from ann_compat.equivalence.outcome import Activity
from ann_compat.equivalence.trace import Forward, Result, Step, Trace


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Something that can occur in a case.

    Attributes:
        name: Under which it is counted.
        occurs: Tells from the case and the trace of the legacy run whether it occurred.
        required: The share of cases in which it must occur; 0 for at least one case, ``None`` for not at all.
    """

    name: str
    occurs: Callable[[CaseSpec, Trace], bool]
    required: float | None = 0.0


def behaviours(spec: CaseSpec, trace: Trace) -> list[str]:
    """The names of the behaviours that occurred."""
    return [behaviour.name for behaviour in BEHAVIOURS if behaviour.occurs(spec, trace)]


def measured(counts: Counter[str], cases: int) -> tuple[Activity, ...]:
    """How often each behaviour occurred in so many cases."""
    return tuple(Activity(b.name, counts[b.name], cases, b.required) for b in BEHAVIOURS)


def _passes(trace: Trace, *, training: bool) -> list[Forward]:
    return [event for event in trace.events if isinstance(event, Forward) and event.training is training]


def _trains(model: str) -> Callable[[CaseSpec, Trace], bool]:
    return lambda spec, trace: spec.model == model and _steps(trace) > 0


def _steps(trace: Trace) -> int:
    return sum(isinstance(event, Step) for event in trace.events)


def _epochs(trace: Trace) -> list[int]:
    """The epochs that were recorded, over all calls."""
    for event in reversed(trace.events):
        if isinstance(event, Result) and event.call == "metrics_history":
            return [record["epoch"] for record in event.value]
    return []


def _clipped(trace: Trace) -> bool:
    return any(norm > 1.0 for norm in trace.grad_norms)


def _ragged(spec: CaseSpec, trace: Trace) -> bool:
    sizes = {len(event.inputs[0]) for event in _passes(trace, training=True) if event.module not in CRITERIA}
    return len(sizes) > 1


def _shuffles(spec: CaseSpec) -> bool:
    """Whether the training loader is a ``DataLoader``, which alone can shuffle."""
    ready = spec.loader == "batches" or spec.input_form == "channels_last" or spec.fault in ("no_length", "empty_train")
    return spec.shuffle and not ready


BEHAVIOURS = (
    Behaviour("clipping active", lambda spec, trace: _clipped(trace), required=0.2),
    Behaviour("clipping inactive", lambda spec, trace: bool(trace.grad_norms) and not _clipped(trace)),
    Behaviour("weights changed", lambda spec, trace: trace.weights_changed, required=0.5),
    Behaviour("ragged last batch", _ragged),
    Behaviour("several batches", lambda spec, trace: spec.train_batches > 1 and _steps(trace) > 1),
    Behaviour("several epochs", lambda spec, trace: max(_epochs(trace), default=0) > 0),
    Behaviour("epochs None", lambda spec, trace: spec.epochs is None and bool(_epochs(trace))),
    Behaviour("epochs 0", lambda spec, trace: spec.epochs == 0 and spec.epochs is not False and bool(_epochs(trace))),
    Behaviour("validation", lambda spec, trace: spec.validation and bool(_passes(trace, training=False))),
    Behaviour("shuffling", lambda spec, trace: _shuffles(spec) and spec.train_size > 2 and _steps(trace) > 0),
    Behaviour("4-D input", lambda spec, trace: spec.input_form == "image" and _steps(trace) > 0),
    Behaviour("3-D or 5-D input", lambda spec, trace: spec.input_form in ("sequence", "volume") and _steps(trace) > 0),
    Behaviour("dropout", _trains("dropout")),
    Behaviour("batch norm", _trains("batch_norm")),
    Behaviour("alternating branch", _trains("alternating")),
    Behaviour("frozen parameters", _trains("frozen")),
    Behaviour("parameter outside the optimizer", _trains("outside_optimizer")),
    Behaviour("stateful model", _trains("stateful")),
    Behaviour("AdaptiveModel", _trains("adaptive")),
    Behaviour("explicit optimizer", lambda spec, trace: spec.optimizer != "default" and _steps(trace) > 0),
    Behaviour("custom criterion", lambda spec, trace: spec.criterion != "default" and _steps(trace) > 0),
    Behaviour("regression", lambda spec, trace: spec.criterion == "mse" and _steps(trace) > 0),
    Behaviour("stale gradients", lambda spec, trace: spec.stale_gradients and _steps(trace) > 0),
    Behaviour("trained again", lambda spec, trace: spec.calls.count("train") > 1 and _epochs(trace).count(0) > 1),
    Behaviour("checkpoint written", lambda spec, trace: any(name.endswith(".pt") for name in trace.files)),
    Behaviour("metrics file written", lambda spec, trace: "metrics.json" in trace.files),
    Behaviour("raised", lambda spec, trace: trace.exception is not None),
    Behaviour("gradient not finite", lambda spec, trace: any(not isfinite(n) for n in trace.grad_norms), required=None),
)
"""What is counted, in the order in which it is reported."""
