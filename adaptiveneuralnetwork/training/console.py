"""The lines that the legacy loop prints. ``TrainingLoop`` and the bridge of ``ann_compat`` print the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn


def training_starts(num_epochs: int, model: nn.Module) -> None:
    print(f"Training for {num_epochs} epochs")
    print(f"Model parameters: {sum(parameter.numel() for parameter in model.parameters()):,}")


def batch_line(epoch: int, batch_idx: int, loss: float, accuracy: float) -> None:
    """``accuracy`` is the running one of the epoch, in percent."""
    print(f"Epoch {epoch}, batch {batch_idx}: loss {loss:.6f}, accuracy {accuracy:.2f}%")


def epoch_summary(record: Mapping[str, Any], num_epochs: int) -> None:
    """Print one epoch's record.

    Raises:
        KeyError: The model's metrics lack ``active_node_ratio`` or ``mean_energy``.
    """
    parts = [f"train loss {record['train_loss']:.4f}, accuracy {record['train_accuracy']:.2f}%"]
    if "val_loss" in record:
        parts.append(f"val loss {record['val_loss']:.4f}, accuracy {record['val_accuracy']:.2f}%")
    parts.append(f"active nodes {record['active_node_ratio']:.3f}, mean energy {record['mean_energy']:.3f}")
    print(f"Epoch {record['epoch'] + 1}/{num_epochs}: " + "; ".join(parts))


def saved(what: str, path: str | Path) -> None:
    print(f"Saved {what} to {path}")


def loaded(what: str, path: str | Path) -> None:
    print(f"Loaded {what} from {path}")


def training_ends() -> None:
    print("Training finished")
