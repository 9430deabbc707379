"""Loss and accuracy of both paths, epoch by epoch, out of their traces."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ann_compat.equivalence.outcome import Curve, Curves
from ann_compat.equivalence.trace import Result, Trace

METRICS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


def curves_of(title: str, old: Trace, new: Trace) -> Curves | None:
    """The curves of the longest history that each path left, or ``None`` where there is none."""
    records, others = _history(old), _history(new)
    curves = [
        Curve(metric, _values(records, metric), _values(others, metric))
        for metric in METRICS
        if any(metric in record for record in (*records, *others))
    ]
    return Curves(title, tuple(curves)) if curves else None


def _history(trace: Trace) -> Sequence[dict[str, Any]]:
    """What ``TrainingLoop.train`` gave back, or kept."""
    found = [event.value for event in trace.events if isinstance(event, Result)]
    found += [value for result in found if isinstance(result, tuple) for value in result]
    found += [value for name, value in trace.state.items() if name.startswith("global ")]
    histories = [value for value in found if isinstance(value, list) and value and _is_record(value[0])]
    return max(histories, key=len, default=[])


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and "train_loss" in value


def _values(history: Sequence[dict[str, Any]], metric: str) -> tuple[float | None, ...]:
    values = [record.get(metric) for record in history]
    return tuple(float(v) if isinstance(v, int | float) and isfinite(v) else None for v in values)
