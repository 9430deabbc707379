"""The one table of the legacy API: where its names live, the signatures, and what the new API calls them.

The library itself is never imported: the codemod runs where it is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass

TRAINING_LOOP = "TrainingLoop"
QUICK_TRAIN = "quick_train"

_HOMES = ("adaptiveneuralnetwork.training", "adaptiveneuralnetwork.training.loops")

LEGACY_PATHS: dict[str, str] = {f"{home}.{name}": name for home in _HOMES for name in (TRAINING_LOOP, QUICK_TRAIN)}
"""Every import path of a legacy name, and the name that it means."""

QUICK_TRAIN_READS = f"{_HOMES[1]}.{TRAINING_LOOP}"
"""The attribute that ``quick_train`` reads when it runs: whoever replaces it changes what ``quick_train`` does."""

STAR_NAMES = {
    _HOMES[0]: (TRAINING_LOOP, QUICK_TRAIN, "Trainer", "LoggingCallback", "ModelCheckpoint", "flatten_images"),
    _HOMES[1]: (TRAINING_LOOP, QUICK_TRAIN),
}
"""Modules whose ``import *`` brings the legacy names, and those of our names that it brings."""

_SAME = {
    "adaptiveneuralnetwork.api.AdaptiveConfig": "adaptiveneuralnetwork.api.config.AdaptiveConfig",
    "adaptiveneuralnetwork.api.AdaptiveModel": "adaptiveneuralnetwork.api.model.AdaptiveModel",
    "adaptiveneuralnetwork.AdaptiveConfig": "adaptiveneuralnetwork.api.config.AdaptiveConfig",
    "adaptiveneuralnetwork.AdaptiveModel": "adaptiveneuralnetwork.api.model.AdaptiveModel",
    "adaptiveneuralnetwork.training.trainer.Trainer": "adaptiveneuralnetwork.training.Trainer",
    "adaptiveneuralnetwork.training.callbacks.LoggingCallback": "adaptiveneuralnetwork.training.LoggingCallback",
}
ADAPTIVE_CONFIG = "adaptiveneuralnetwork.api.config.AdaptiveConfig"
ADAPTIVE_MODEL = "adaptiveneuralnetwork.api.model.AdaptiveModel"
TRAINER = "adaptiveneuralnetwork.training.Trainer"
LOGGING_CALLBACK = "adaptiveneuralnetwork.training.LoggingCallback"
MODEL_CHECKPOINT = "adaptiveneuralnetwork.training.ModelCheckpoint"
FLATTEN_IMAGES = "adaptiveneuralnetwork.training.flatten_images"
TRAINING_NAMES = (TRAINER, LOGGING_CALLBACK, MODEL_CHECKPOINT, FLATTEN_IMAGES)
"""What new code takes from the package that has the legacy names too."""

RECORD_KEYS = frozenset({"epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy"})
"""The keys that the records of both classes have."""
ACCURACIES = frozenset({"train_accuracy", "val_accuracy"})
"""Those whose values differ: percent in the legacy records, a fraction in Trainer's."""

PACKAGE = b"adaptiveneuralnetwork"
NEEDLES = (TRAINING_LOOP.encode(), QUICK_TRAIN.encode())
"""A file in which none of these occurs has no site."""


@dataclass(frozen=True)
class Signature:
    """The parameters of a legacy callable, in order (``self`` left out), and how many of them must be given."""

    name: str
    parameters: tuple[str, ...]
    required: int


CONSTRUCTOR = Signature(TRAINING_LOOP, ("model", "config", "optimizer", "criterion"), 2)
QUICK_TRAIN_SIGNATURE = Signature(QUICK_TRAIN, ("config", "train_loader", "test_loader", "num_epochs"), 2)
METHODS: dict[str, Signature] = {
    signature.name: signature
    for signature in (
        Signature("train", ("train_loader", "test_loader", "num_epochs"), 1),
        Signature("train_epoch", ("train_loader", "epoch"), 2),
        Signature("evaluate", ("test_loader",), 1),
        Signature("save_checkpoint", ("epoch",), 1),
        Signature("load_checkpoint", ("path",), 1),
        Signature("save_metrics", (), 0),
    )
}
ATTRIBUTES = frozenset({"model", "config", "optimizer", "criterion", "metrics_history", "current_epoch"})


def canonical(path: str) -> str:
    """The one path that stands for all paths of the same object.

    Example:
        >>> canonical("adaptiveneuralnetwork.api.AdaptiveModel")
        'adaptiveneuralnetwork.api.model.AdaptiveModel'
    """
    if path in LEGACY_PATHS:
        return f"{_HOMES[0]}.{LEGACY_PATHS[path]}"
    return _SAME.get(path, path)
