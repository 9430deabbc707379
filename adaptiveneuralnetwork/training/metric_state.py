"""What a metric has counted so far, taken out for a checkpoint and put back."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from adaptiveneuralnetwork.training.metrics import EpochTally, FunctionMetric, MetricSet
from adaptiveneuralnetwork.training.plain import plain


def tally_state(tally: EpochTally) -> tuple[dict[str, Any], list[str]]:
    """The counts of a tally, and why some of them could not be taken (empty if all were)."""
    reasons: list[str] = []
    state = {
        "loss": {"sum": tally.loss.sum, "batches": tally.loss.batches},
        "accuracy": {name: getattr(tally.accuracy, name) for name in ("correct", "total", "applies")},
        "own": _set_state(tally.own, reasons),
        "wanted": _set_state(tally.wanted, reasons),
    }
    return state, reasons


def load_tally(tally: EpochTally, state: dict[str, Any]) -> None:
    """Put back what :func:`tally_state` took; metrics that it does not know stay reset."""
    state = copy.deepcopy(state)  # what is counted further must not change the checkpoint in memory
    tally.reset()
    tally.loss.sum, tally.loss.batches = state["loss"]["sum"], state["loss"]["batches"]
    vars(tally.accuracy).update(state["accuracy"])
    for metrics, states in ((tally.own, state["own"]), (tally.wanted, state["wanted"])):
        for name, metric in metrics.metrics.items():
            if name in states:
                _load_metric(metric, states[name])


def _set_state(metrics: MetricSet, reasons: list[str]) -> dict[str, Any]:
    states: dict[str, Any] = {}
    for name, metric in metrics.metrics.items():
        try:
            states[name] = plain(_metric_state(metric), f"metric {name!r}")
        except TypeError as error:
            reasons.append(f"{error}; its count starts anew, unless it has state_dict and load_state_dict")
    return states


def _metric_state(metric: Any) -> dict[str, Any]:
    if isinstance(metric, FunctionMetric):
        return {"sum": metric.sum, "total": metric.total}
    if parts := _torchmetrics_parts(metric):
        return {
            "parts": {
                name: {"states": part.metric_state, "updates": part._update_count} for name, part in parts.items()
            }
        }
    if hasattr(metric, "state_dict") and hasattr(metric, "load_state_dict"):
        return {"state_dict": metric.state_dict()}
    return {"attributes": dict(vars(metric))}


def _load_metric(metric: Any, state: dict[str, Any]) -> None:
    if isinstance(metric, FunctionMetric):
        metric.sum, metric.total = state["sum"], state["total"]
    elif "parts" in state:
        for part_name, part in _torchmetrics_parts(metric).items():
            for name, value in state["parts"][part_name]["states"].items():
                setattr(part, name, value)
            part._update_count = state["parts"][part_name]["updates"]
            part._computed = None
    elif "state_dict" in state:
        metric.load_state_dict(state["state_dict"])
    else:
        vars(metric).update(state["attributes"])


def _torchmetrics_parts(metric: Any) -> dict[str, Any]:
    """The metrics of torchmetrics in ``metric``, itself included; their state_dict leaves the counts out by default."""
    if not isinstance(metric, nn.Module):
        return {}
    return {
        name: module
        for name, module in metric.named_modules()
        if hasattr(module, "metric_state") and hasattr(module, "_update_count")
    }
