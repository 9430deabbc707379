"""``CaseSpec``: one training run, as plain values from which model, data, optimizer and calls follow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

SCHEMA_VERSION = 1
"""Version of the JSON form; a case of another version is refused rather than misread."""

CHOICES: dict[str, tuple[str, ...]] = {
    "model": (
        "mlp",
        "dropout",
        "batch_norm",
        "alternating",
        "frozen",
        "outside_optimizer",
        "stateful",
        "adaptive",
    ),
    "input_form": ("flat", "image", "sequence", "volume", "channels_last"),
    "dtype": ("float32", "float64"),
    "loader": ("dataloader", "batches", "seeded"),
    "optimizer": ("default", "sgd", "momentum", "adam", "adamw", "rmsprop", "groups"),
    "criterion": ("default", "weighted", "label_smoothing", "sum", "function", "learned", "mse"),
    "form": ("trainer", "function", "quick"),
    "fault": (
        "none",
        "nan_data",
        "empty_train",
        "empty_validation",
        "no_length",
        "three_parts",
        "soft_labels",
        "no_metrics",
        "partial_metrics",
        "unwritable_metrics",
        "interrupt",
        "gradients_disabled",
    ),
}
"""What the fields that name a thing may be, the simplest first."""

CALLS = (
    "train",
    "evaluate",
    "train_epoch",
    "save",
    "load",
    "save_metrics",
    "more_epochs",
    "lower_learning_rate",
    "freeze",
    "thaw",
    "files_off",
    "log_often",
)
"""What may be done to a loop, in the order of ``CaseSpec.calls``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSpec:
    """A run to compare, as plain values; the defaults are the simplest case.

    Args:
        seed: Seeds model, data and the run itself.
        model: A member of the model zoo (:data:`~ann_compat.equivalence.models.ZOO`).
        hidden: Hidden units, or nodes of an ``AdaptiveModel``.
        features: Size of the last dimension of the inputs.
        classes: Classes, 2 or more (1 output where the criterion is ``mse``).
        input_form: Shape of the inputs: ``(N, F)``, ``(N, 1, 2, F)``, ``(N, 2, F)``, ``(N, 1, 2, 1, F)``, or
            ``(N, 2, 2, F)`` in channels-last memory, of which no flat view exists.
        dtype: Of model and inputs.
        scale: Factor on the inputs; large ones give large losses, so that clipping acts.
        train_size, batch_size: Samples; the last batch is ragged where they do not divide.
        validation, validation_size: Whether there is a second loader, and its samples.
        loader: ``DataLoader``, a list-like object of ready batches, or a ``DataLoader`` with a generator of its own.
        shuffle, drop_last: As for ``DataLoader``.
        optimizer, criterion: ``default`` leaves them to the loop.
        learning_rate: Of the config, and of explicit optimizers.
        epochs: What ``train`` is given; ``None`` and 0 both mean ``config_epochs``.
        config_epochs: ``config.num_epochs``.
        calls: What is done, one after the other (see :data:`CALLS`).
        form: How the new path is built: as ``ann-migrate`` writes it, by ``legacy_trainer``, by ``legacy_quick_train``.
        stale_gradients: Parameters have gradients before the run.
        files: Checkpoints and a metrics file are written.
        log_interval: Batches between progress lines.
        fault: Something that makes the run fail, or that it has to live with.

    Raises:
        TypeError, ValueError: A field is wrong; the message names it, what was given and what is accepted.

    Example:
        >>> spec = CaseSpec(model="dropout", train_size=5)
        >>> spec.non_defaults()
        {'model': 'dropout', 'train_size': 5}
        >>> CaseSpec.from_json(spec.to_json()) == spec
        True
    """

    seed: int = 0
    model: str = "mlp"
    hidden: int = 2
    features: int = 2
    classes: int = 2
    input_form: str = "flat"
    dtype: str = "float32"
    scale: float = 1.0
    train_size: int = 2
    batch_size: int = 2
    validation: bool = False
    validation_size: int = 2
    loader: str = "dataloader"
    shuffle: bool = False
    drop_last: bool = False
    optimizer: str = "default"
    learning_rate: float = 0.01
    criterion: str = "default"
    epochs: int | None = 1
    config_epochs: int = 1
    calls: tuple[str, ...] = ("train",)
    form: str = "trainer"
    stale_gradients: bool = False
    files: bool = False
    log_interval: int = 100
    fault: str = "none"

    def __post_init__(self) -> None:
        for name, accepted in CHOICES.items():
            if getattr(self, name) not in accepted:
                raise ValueError(f"{name} must be one of {', '.join(accepted)}, got {getattr(self, name)!r}")
        for name, low in _LOWER_BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name} must be an integer of at least {low}, got {value!r}")
        for name in ("validation", "shuffle", "drop_last", "stale_gradients", "files"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if not (self.epochs is None or isinstance(self.epochs, int)):
            raise TypeError(f"epochs must be an integer or None, got {self.epochs!r}")
        if not isinstance(self.scale, float) or not isinstance(self.learning_rate, float):
            raise TypeError(f"scale and learning_rate must be floats, got {self.scale!r} and {self.learning_rate!r}")
        unknown = [call for call in self.calls if call not in CALLS]
        if unknown or not isinstance(self.calls, tuple):
            raise ValueError(f"calls must be a tuple of {', '.join(CALLS)}, got {self.calls!r}")

    def to_dict(self) -> dict[str, Any]:
        """The case as JSON values, every field, with the schema's version first."""
        return {"version": SCHEMA_VERSION, **asdict(self), "calls": list(self.calls)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave; fields left out have their defaults.

        Raises:
            TypeError, ValueError: It is not a mapping, of another version, or a field is unknown or wrong.
        """
        if not isinstance(data, Mapping):
            raise TypeError(f"a case must be a mapping of field names to values, got {type(data).__name__}")
        given = dict(data)
        version = given.pop("version", None)
        if version != SCHEMA_VERSION:
            raise ValueError(f"version must be {SCHEMA_VERSION}, got {version!r}: the case is of another release")
        known = {field.name for field in fields(cls)}
        unknown = sorted(given.keys() - known)
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}; a case has {', '.join(sorted(known))}")
        if isinstance(given.get("calls"), list):
            given["calls"] = tuple(given["calls"])
        return cls(**given)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls.from_dict(json.loads(text))

    def non_defaults(self) -> dict[str, Any]:
        """The fields that differ from the simplest case, which are what a reader of a failure needs."""
        values = {f.name: (getattr(self, f.name), f.default) for f in fields(self)}
        # True equals 1, but is another case.
        return {n: value for n, (value, default) in values.items() if (type(value), value) != (type(default), default)}

    def __str__(self) -> str:
        return f"CaseSpec({', '.join(f'{name}={value!r}' for name, value in self.non_defaults().items())})"

    @property
    def train_batches(self) -> int:
        """Batches in an epoch of training."""
        if self.fault == "empty_train":
            return 0
        return self.train_size // self.batch_size if self.drop_last else -(-self.train_size // self.batch_size)


_LOWER_BOUNDS = {
    "seed": 0,
    "hidden": 1,
    "features": 1,
    "classes": 2,
    "train_size": 1,
    "batch_size": 1,
    "validation_size": 1,
    "config_epochs": 1,
    "log_interval": 1,
}
