"""What migrated code may import to keep files, console and history as ``TrainingLoop`` left them.

``ann-migrate`` emits these names where a program needs what ``Trainer`` does not do by itself, and only there.
Importing this package loads neither torch nor the equivalence harness until a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ann_compat.bridge import (
        LegacyAccuracy,
        LegacyCallback,
        flatten_images,
        legacy_callbacks,
        legacy_config,
        legacy_evaluate,
        legacy_history,
        legacy_load_checkpoint,
        legacy_quick_train,
        legacy_save_checkpoint,
        legacy_save_metrics,
        legacy_train,
        legacy_train_epoch,
        legacy_trainer,
    )

__all__ = [
    "LegacyAccuracy",
    "LegacyCallback",
    "flatten_images",
    "legacy_callbacks",
    "legacy_config",
    "legacy_evaluate",
    "legacy_history",
    "legacy_load_checkpoint",
    "legacy_quick_train",
    "legacy_save_checkpoint",
    "legacy_save_metrics",
    "legacy_train",
    "legacy_train_epoch",
    "legacy_trainer",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("ann_compat.bridge"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
