"""Where in a run the first difference stands, and what most likely caused it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import Comparison, Difference
from ann_compat.equivalence.trace import Event, Forward, Result, Step, Trace

CRITERIA = frozenset({"CrossEntropyLoss", "MSELoss", "LearnedScale"})
"""Modules whose forward pass is that of a loss."""


def where(difference: Difference, trace: Trace, batches_per_epoch: int | None = None) -> str:
    """The place of a difference in the run, in words: call, epoch, batch and phase.

    Args:
        trace: The one in which ``difference.position`` counts: the legacy run's.
        batches_per_epoch: Training batches in an epoch, where known; else steps are counted through.
    """
    if difference.position is None:
        return "after the run"
    before = trace.events[: difference.position]
    calls = sum(isinstance(event, Result) for event in before)
    last_result = max((index for index, event in enumerate(before) if isinstance(event, Result)), default=-1)
    current = [event for event in before[last_result + 1 :] if not _is_criterion(event)]
    event = trace.events[difference.position] if difference.position < len(trace.events) else None
    training = [index for index, item in enumerate(current) if isinstance(item, Forward) and item.training]
    place = [f"call {calls + 1}"]
    if isinstance(event, Forward) and not event.training:
        passes = len(current) - 1 - (training[-1] if training else -1)
        steps_behind = sum(isinstance(item, Step) for item in current[training[-1] + 1 :]) if training else 0
        place += [_epoch(len(training) - 1, batches_per_epoch)] if training else []
        place.append(f"validation batch {passes - steps_behind}")
    elif isinstance(event, Forward) and not _is_criterion(event):
        place += [*_epoch_and_batch(len(training), batches_per_epoch), "forward pass"]
    elif isinstance(event, Step):
        place += [*_epoch_and_batch(len(training) - 1, batches_per_epoch), "optimizer step"]
    elif isinstance(event, Forward):
        place += [*_epoch_and_batch(len(training) - 1, batches_per_epoch), "loss"]
    else:
        place.append("its end")
    return ", ".join(place)


def likely_cause(spec: CaseSpec | None, comparison: Comparison, old: Trace, new: Trace) -> str | None:
    """A sentence that names the likely cause of the first difference and its mend, or ``None``."""
    view = _View(spec, comparison, old, new)
    return next((sentence for sentence in (rule(view) for rule in _RULES) if sentence), None)


@dataclass(frozen=True, slots=True)
class _View:
    spec: CaseSpec | None
    comparison: Comparison
    old: Trace
    new: Trace

    @property
    def channels(self) -> set[str]:
        return {difference.channel for difference in self.comparison.differences}

    @property
    def first(self) -> Difference:
        return self.comparison.first

    def at_first(self) -> tuple[Any, Any]:
        """The events of the two runs at the first difference."""
        position = self.first.position
        if position is None or position >= min(len(self.old.events), len(self.new.events)):
            return None, None
        return self.old.events[position], self.new.events[position]


def _new_run_failed(view: _View) -> str | None:
    error = view.new.exception
    if error is None or view.old.exception is not None:
        return None
    if view.spec is not None and view.spec.input_form == "image" and not isinstance(error, ImportError):
        return (
            f"the new run failed with {type(error).__name__} on 4-D inputs: "
            "the legacy loop flattens them; add batch_transform=flatten_images"
        )
    return f"the new run failed: {type(error).__name__}: {error}"


def _old_run_failed(view: _View) -> str | None:
    error = view.old.exception
    if error is None or view.new.exception is not None or view.comparison.refinement is not None:
        return None
    return f"the old run failed with {type(error).__name__} ({error}), the new one ended normally"


def _order(view: _View) -> str | None:
    if view.first.channel != "order":
        return None
    return f"what the runs do next differs ({view.first.text}): a pass, a step or a call too many or too few"


def _modes(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Forward) and isinstance(after, Forward)):
        return None
    if before.training != after.training:
        wanted = "train() before each epoch" if before.training else "eval() before an evaluation"
        return f"the model is in the wrong mode: the legacy loop calls model.{wanted}"
    if before.grad_enabled != after.grad_enabled:
        return "gradients are recorded where the legacy loop does not: evaluate under torch.no_grad()"
    if before.autocast != after.autocast:
        return "autocast is on in one path only: leave use_amp off"
    return None


def _shapes(view: _View) -> str | None:
    before, after = view.at_first()
    if isinstance(before, Forward) and isinstance(after, Forward) and "shape" in view.first.text:
        return "inputs have another shape: the legacy loop flattens 4-D inputs; add batch_transform=flatten_images"
    return None


def _data_order(view: _View) -> str | None:
    before, after = view.at_first()
    if isinstance(before, Forward) and isinstance(after, Forward) and ".inputs" in view.first.place:
        return "the batches differ: the loader was shuffled otherwise, since something drew random numbers before it"
    return None


def _outputs(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Forward) and isinstance(after, Forward)) or ".output" not in view.first.place:
        return None
    if "rng" in view.channels:
        return (
            "equal inputs, other outputs: something drew random numbers before this pass in one path only "
            "(an extra iterator over a loader, a second forward pass)"
        )
    return "equal inputs, other outputs: weights or a state of the model were changed since the last equal pass"


def _clipping(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Step) and isinstance(after, Step)):
        return None
    step = sum(isinstance(event, Step) for event in view.old.events[: view.first.position or 0])
    if step < len(view.old.grad_norms) and step >= len(view.new.grad_norms) and view.old.grad_norms[step] > 1.0:
        norm = view.old.grad_norms[step]
        return f"the legacy loop clipped (norm {norm:.3g} > 1.0), the new path did not: add max_grad_norm=1.0"
    if step == 0 and view.spec is not None and view.spec.stale_gradients:
        return (
            "gradients left from before the run were counted: clear them before each forward pass, not after the step"
        )
    if any(gradient is None for gradient in before.gradients.values()) and "None" in view.first.text:
        return "gradients were set to zero instead of None, or not cleared: call optimizer.zero_grad() as it is"
    return "gradients differ after equal forward passes: clipping, accumulation, or gradients that were not cleared"


def _counts(view: _View) -> str | None:
    if "number of" in view.first.place:
        return f"{view.first.place}: {view.first.text}: the number of epochs or batches differs"
    return None


def _history(view: _View) -> str | None:
    if view.first.channel != "results":
        return None
    text = view.first.place
    if "iterators of the" in text:
        return "the loader was asked for another number of iterators: one an epoch is right, since each draws numbers"
    if "_loss" in text:
        return "the loss is averaged otherwise: the legacy loop takes the mean over batches, by the user's criterion"
    if "_accuracy" in text:
        return "accuracy is counted otherwise: the legacy loop reports percent; read it through legacy_history"
    if "same list" in text or "metrics_history" in text:
        return "the history is another list: the legacy loop returns the one list that grows over all calls"
    return "the records differ: read them through legacy_history"


def _random(view: _View) -> str | None:
    if view.channels == {"rng"}:
        return "only the random generators end differently: an extra iterator over a loader, or another draw after it"
    return None


def _settings(view: _View) -> str | None:
    return "the run left a process-wide setting changed" if view.first.channel == "settings" else None


def _files(view: _View) -> str | None:
    if view.first.channel != "files":
        return None
    return "files are written otherwise: pass callbacks=legacy_callbacks(config)"


_RULES: tuple[Callable[[_View], str | None], ...] = (
    _new_run_failed,
    _old_run_failed,
    _counts,
    _order,
    _modes,
    _shapes,
    _data_order,
    _outputs,
    _clipping,
    _history,
    _random,
    _settings,
    _files,
)


def _is_criterion(event: Event | None) -> bool:
    return isinstance(event, Forward) and event.module.split("#")[0] in CRITERIA


def _epoch(index: int, batches: int | None) -> str:
    return f"epoch {index // batches}" if batches else f"after training batch {index}"


def _epoch_and_batch(index: int, batches: int | None) -> list[str]:
    return [f"epoch {index // batches}", f"batch {index % batches}"] if batches else [f"training batch {index}"]
