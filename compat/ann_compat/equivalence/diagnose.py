"""Where in a run the first difference stands, and what most likely caused it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.compare import Comparison, Difference
from ann_compat.equivalence.logged import PERCENT, RECORDS, cause_of_values, holds_records
from ann_compat.equivalence.programs import RESULTS
from ann_compat.equivalence.trace import Event, Forward, Result, Step, Trace
from ann_compat.equivalence.verify import cause

CRITERIA = frozenset({"CrossEntropyLoss", "MSELoss", "LearnedScale"})
"""Modules whose forward pass is that of a loss."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_FILE = re.compile(r"^\['([^']*)'\]")


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
        """The events that the comparison held against each other at the first difference: of one kind, by number."""
        position = self.first.position
        if position is None or position >= len(self.old.events):
            return None, None
        before = self.old.events[position]
        number = sum(type(event) is type(before) for event in self.old.events[:position])
        alike = [event for event in self.new.events if type(event) is type(before)]
        return before, alike[number] if number < len(alike) else None


def _new_run_failed(view: _View) -> str | None:
    error, before = view.new.exception, view.old.exception
    if error is None:
        return None
    if before is not None:
        # The same failure may be told in other words.
        earlier = len(view.new.events) < len(view.old.events) and _shown(before) != _shown(error)
        return f"both runs failed, the new one earlier: {_shown(error)}" if earlier else None
    if view.spec is not None and view.spec.input_form == "image" and not isinstance(error, ImportError):
        return (
            f"the new run failed with {type(error).__name__} on 4-D inputs: "
            "the legacy loop flattens them; add batch_transform=flatten_images"
        )
    return f"the new run failed: {_shown(error)}"


def _old_run_failed(view: _View) -> str | None:
    error = view.old.exception
    if error is None or view.new.exception is not None or view.comparison.refinement is not None:
        return None
    return f"the old run failed with {type(error).__name__} ({error}), the new one ended normally"


def _order(view: _View) -> str | None:
    order = next((each for each in view.comparison.differences if each.channel == "order"), None)
    if order is None or order.position is None:
        return None
    if view.first.position is not None and view.first.position < order.position:
        return None
    if any(_is_criterion(trace.events[order.position]) for trace in (view.old, view.new)):
        return f"{cause.CRITERION} ({order.text})"
    return f"what the runs do next differs ({order.text}): a pass, a step or a call too many or too few"


def _modules(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Forward) and isinstance(after, Forward)) or before.module == after.module:
        return None
    if _kind(before.module) != _kind(after.module):
        if _is_criterion(before) or _is_criterion(after):
            return cause.CRITERION
        return f"what the runs do next differs ({view.first.text}): a pass too many or too few"
    return (
        f"{after.module} is called in the place of {before.module}: objects are made another number of times, "
        "or another one is used"
    )


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
        if _is_criterion(before):
            return (
                "the loss is taken of other values, though the model gave the same: other targets, or in another shape"
            )
        return "the batches differ: the loader was shuffled otherwise, since something drew random numbers before it"
    return None


def _outputs(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Forward) and isinstance(after, Forward)) or ".output" not in view.first.place:
        return None
    if _is_criterion(before):
        return cause.CRITERION
    if "rng" in view.channels:
        return (
            "equal inputs, other outputs: something drew random numbers before this pass in one path only "
            "(an extra iterator over a loader, a second forward pass)"
        )
    return "equal inputs, other outputs: weights or a state of the model were changed since the last equal pass"


def _optimizers(view: _View) -> str | None:
    before, after = view.at_first()
    if not (isinstance(before, Step) and isinstance(after, Step)):
        return None
    if before.optimizer != after.optimizer:
        kind = _kind(before.optimizer)
        if kind != _kind(after.optimizer):
            return cause.OPTIMIZER
        return f"another {kind} makes the step: the optimizer must be made once, where the loop was constructed"
    return cause.LEARNING_RATE if before.learning_rates != after.learning_rates else None


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
    before, after = view.at_first()
    if isinstance(before, Result) and isinstance(after, Result) and before.call == RESULTS:
        return cause_of_values(before.value, after.value, text.removeprefix(f"{RESULTS}.value"))
    if "_loss" in text:
        return "the loss is averaged otherwise: the legacy loop takes the mean over batches, by the user's criterion"
    if "_accuracy" in text:
        return PERCENT
    if "same list" in text or "metrics_history" in text:
        return "the history is another list: the legacy loop returns the one list that grows over all calls"
    return RECORDS


def _random(view: _View) -> str | None:
    if view.channels == {"rng"}:
        return "only the random generators end differently: an extra iterator over a loader, or another draw after it"
    return None


def _settings(view: _View) -> str | None:
    return "the run left a process-wide setting changed" if view.first.channel == "settings" else None


def _files(view: _View) -> str | None:
    if view.first.channel != "files":
        return None
    file = next(iter(_FILE.findall(view.first.place)), None)
    if file is None:
        return "files are written otherwise: pass callbacks=legacy_callbacks(config)"
    if holds_records(view.old.files.get(file)):
        return (
            f"the records in {file} differ: callbacks=legacy_callbacks(config) writes those of the legacy loop, "
            "legacy_history gives them to a program that writes them itself"
        )
    return f"{file} has another content: what is saved there is another value, or is saved at another time"


_RULES: tuple[Callable[[_View], str | None], ...] = (
    _new_run_failed,
    _old_run_failed,
    _counts,
    _order,
    _modules,
    _modes,
    _shapes,
    _data_order,
    _outputs,
    _optimizers,
    _clipping,
    _history,
    _random,
    _settings,
    _files,
)


def _is_criterion(event: Event | None) -> bool:
    return isinstance(event, Forward) and _kind(event.module) in CRITERIA


def _shown(error: BaseException) -> str:
    """An exception in words that are the same in every process."""
    return _ADDRESS.sub("", f"{type(error).__name__}: {error}")


def _kind(label: str) -> str:
    """The class in a label: ``Adam`` of ``Adam#2``."""
    return label.partition("#")[0]


def _epoch(index: int, batches: int | None) -> str:
    return f"epoch {index // batches}" if batches else f"after training batch {index}"


def _epoch_and_batch(index: int, batches: int | None) -> list[str]:
    return [f"epoch {index // batches}", f"batch {index % batches}"] if batches else [f"training batch {index}"]
