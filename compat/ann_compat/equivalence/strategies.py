"""Hypothesis strategies for cases.

Each draw has its simplest value first, and nothing is filtered or mapped flat: combinations that could not run are
mended instead, so that every draw counts and failures shrink to few fields that are not at their defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ann_compat.equivalence.cases import CALLS, CHOICES, CaseSpec

CALL_SEQUENCES: tuple[tuple[str, ...], ...] = (
    ("train",),
    ("train",),
    ("train", "train"),
    ("train", "evaluate"),
    ("evaluate", "train"),
    ("train_epoch", "train"),
    ("train", "save", "train", "load", "train"),
    ("train", "more_epochs", "train", "save", "train", "load", "train_epoch"),
    ("train", "lower_learning_rate", "train"),
    ("train", "freeze", "train", "thaw", "train_epoch"),
    ("train", "files_off", "train"),
    ("load",),
    ("train", "log_often", "train_epoch", "save_metrics"),
)
"""Sequences of calls that programs make; the one that nearly all make comes up most."""

_MODEL_FAULTS = ("no_metrics", "partial_metrics", "unwritable_metrics", "interrupt")


_VALUES: dict[str, Sequence[Any]] = {
    "model": CHOICES["model"],
    "epochs": (1, 2, 3, None, -1, 0, 5, True, 2),
    "config_epochs": range(1, 4),
    "train_size": range(1, 10),
    "batch_size": range(1, 5),
    "validation": (False, True),
    "validation_size": range(1, 6),
    "scale": (1.0, 10.0, 100.0),
    "learning_rate": (0.01, 0.1, 0.5, 0.001),
    "optimizer": CHOICES["optimizer"],
    "criterion": CHOICES["criterion"],
    "input_form": (*("flat", "image") * 3, "sequence", "sequence", "volume", "channels_last"),
    "calls": CALL_SEQUENCES,
    "hidden": range(1, 5),
    "features": range(1, 4),
    "classes": range(2, 5),
    "shuffle": (False, True),
    "drop_last": (False, False, False, True),
    "loader": CHOICES["loader"],
    "form": ("trainer", "trainer", "quick", "function"),
    "stale_gradients": (False, True),
    "files": (False, False, True),
    "log_interval": (100, 1, 2),
    "dtype": ("float32", "float32", "float64"),
    "has_fault": (0, 0, 0, 0, 1),
    "fault": CHOICES["fault"][1:],
    "seed": range(2**16),
}
"""What each field is drawn from, the simplest first; what is wanted more often stands more than once."""

# Each value is drawn together with its field's name. Hypothesis makes most of its examples by copying one draw over
# another of the same kind; named, no two draws are of one kind, so all examples are independent of each other.
_FIELDS = {name: st.sampled_from([(name, value) for value in values]) for name, values in _VALUES.items()}


@st.composite
def case_specs(draw: st.DrawFn, *, faults: bool = True) -> CaseSpec:
    """Cases of all kinds.

    Args:
        faults: Whether some of them are runs that must fail, or that get data that is not finite.
    """
    fields: dict[str, Any] = {name: draw(strategy)[1] for name, strategy in _FIELDS.items()}
    if not faults or fields.pop("has_fault") == 0:
        fields["fault"] = "none"
    fields.pop("has_fault", None)
    return mended(fields)


@st.composite
def stateful_specs(draw: st.DrawFn) -> CaseSpec:
    """Runs that make calls of any kind in any order, so that what one leaves behind can make a later one differ."""
    fields: dict[str, Any] = {name: draw(_FIELDS[name])[1] for name in _STATEFUL}
    calls: list[str] = []
    for call in draw(st.lists(st.sampled_from(_ANY_ORDER), min_size=1, max_size=8)):
        if call == "load" and "save" not in calls:
            calls.append("save")
        calls.append(call)
    sizes = {"train_size": 4, "batch_size": 2, "hidden": 2, "features": 2, "classes": 2, "config_epochs": 2}
    simple = {name: values[0] for name, values in _VALUES.items() if name != "has_fault"}
    return mended({**simple, "fault": "none", **sizes, **fields, "calls": tuple(calls)})


_STATEFUL = ("model", "optimizer", "validation", "files", "epochs", "scale", "seed")
_ANY_ORDER = ("train", *(call for call in CALLS if call != "train"), "train", "load")
"""All calls, with those that leave most behind more often."""


def mended(fields: dict[str, Any]) -> CaseSpec:
    """The case of these fields, with those changed that would keep it from running at all."""
    if fields["input_form"] == "channels_last":
        # One reason to fail is enough: of two, the paths may rightly meet another one first.
        fields["fault"] = "none"
    spec = CaseSpec(**fields)
    changes: dict[str, Any] = {}
    batch_size, train_size = spec.batch_size, spec.train_size
    if spec.model == "batch_norm":
        # Batch norm refuses a batch of one sample in training.
        batch_size = max(batch_size, 2)
        train_size += train_size % batch_size == 1
    if spec.drop_last:
        train_size = max(train_size, batch_size)
    changes |= {"batch_size": batch_size, "train_size": train_size}
    if spec.model == "adaptive" and spec.input_form not in ("flat", "image"):
        changes["input_form"] = "image"
    if spec.model == "outside_optimizer" and spec.optimizer == "default":
        changes["optimizer"] = "sgd"
    if spec.fault == "unwritable_metrics" or {"save", "save_metrics"} & set(spec.calls):
        changes["files"] = True
    if spec.fault == "empty_validation":
        changes["validation"] = True
    if spec.fault == "soft_labels" and spec.criterion == "mse":
        changes["criterion"] = "default"
    if spec.form == "quick":
        if spec.model != "adaptive" or spec.fault in _MODEL_FAULTS or spec.calls[0] != "train":
            changes["form"] = "trainer"
        else:
            # quick_train takes neither.
            changes |= {"optimizer": "default", "criterion": "default"}
    return replace(spec, **changes)
