"""The bridge: a callback that records, prints and writes what the legacy loop did, and functions that stand for its
methods.

The callback keeps the config object and reads ``log_interval``, ``save_checkpoint``, ``checkpoint_dir`` and
``metrics_file`` at the moments at which the legacy loop read them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import Callback, History, LegacyAccuracy, Trainer, console, flatten_images

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

_ACCURACY = "legacy_accuracy"


def legacy_callbacks(config: AdaptiveConfig) -> list[Callback]:
    """The callbacks that give a ``Trainer`` the records, console lines and files of ``TrainingLoop``.

    Makes ``config.checkpoint_dir`` now, if ``config.save_checkpoint``, as the constructor of the loop did.

    Args:
        config: Kept, and read when the loop read it.

    Example:
        >>> from adaptiveneuralnetwork.api import AdaptiveConfig
        >>> config = AdaptiveConfig(save_checkpoint=False, metrics_file=None)
        >>> [type(callback).__name__ for callback in legacy_callbacks(config)]
        ['LegacyCallback']
    """
    return [LegacyCallback(config)]


class LegacyCallback(Callback):
    """Record each epoch as the legacy loop did, print its lines, write its checkpoints and metrics file.

    Args:
        config: As for :func:`legacy_callbacks`.

    Attributes:
        history: The legacy records: accuracy in percent, ``timestamp``, ``epoch_time`` and the model's own metrics. It
            grows over all calls of ``fit``.
    """

    def __init__(self, config: AdaptiveConfig) -> None:
        self.config = config
        self.history: list[dict[str, Any]] = []
        self.metrics = {_ACCURACY: LegacyAccuracy()}
        self._timestamp = self._train_seconds = 0.0
        if config.save_checkpoint:
            Path(config.checkpoint_dir).mkdir(parents=True, exist_ok=True)

    def outputs(self) -> list[str]:
        outputs = [f"{self.config.checkpoint_dir}/checkpoint_epoch_N.pt"] if self.config.save_checkpoint else []
        return outputs + ([str(self.config.metrics_file)] if self.config.metrics_file else [])

    def on_train_begin(self, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        console.training_starts(trainer.num_epochs, trainer.model)

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        self._timestamp = time.time()

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        # Written at every batch, since no hook marks the end of training and the start of validation.
        self._train_seconds = time.time() - self._timestamp
        if logs is not None and batch_idx % self.config.log_interval == 0:
            console.batch_line(trainer.current_epoch, batch_idx, logs["loss"], logs[_ACCURACY])

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        record: dict[str, Any] = {
            "epoch": epoch,
            "timestamp": self._timestamp,
            "train_loss": logs["train_loss"],
            "train_accuracy": logs[f"train_{_ACCURACY}"],
            "epoch_time": self._train_seconds,
        }
        if "val_loss" in logs:
            record |= {"val_loss": logs["val_loss"], "val_accuracy": logs[f"val_{_ACCURACY}"]}
        record |= _legacy_model(trainer).get_metrics()
        self.history.append(record)
        console.epoch_summary(record, trainer.num_epochs)
        if self.config.save_checkpoint and (epoch + 1) % 5 == 0:
            self.save_checkpoint(trainer, epoch)

    def on_train_end(self, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        if self.config.metrics_file:
            self.save_metrics()
        console.training_ends()

    def save_checkpoint(self, trainer: Trainer, epoch: int) -> None:
        """Write ``checkpoint_epoch_{epoch}.pt``, in the legacy format."""
        path = Path(self.config.checkpoint_dir) / f"checkpoint_epoch_{epoch}.pt"
        state = {
            "epoch": epoch,
            "model_state_dict": _legacy_model(trainer).get_state_dict_full(),
            "optimizer_state_dict": trainer.optimizer.state_dict(),
            "config": self.config.to_dict(),
            "metrics_history": self.history,
        }
        torch.save(state, path)
        console.saved("checkpoint", path)

    def load_checkpoint(self, trainer: Trainer, path: str | Path) -> int:
        """Restore what :meth:`save_checkpoint` wrote; return its epoch."""
        state = torch.load(path, map_location=self.config.device, weights_only=True)
        _legacy_model(trainer).load_state_dict_full(state["model_state_dict"])
        trainer.optimizer.load_state_dict(state["optimizer_state_dict"])
        self.history = state["metrics_history"]
        console.loaded("checkpoint", path)
        return int(state["epoch"])

    def save_metrics(self) -> None:
        """Write the history to ``config.metrics_file`` as JSON."""
        path: Any = self.config.metrics_file
        with Path(path).open("w") as file:
            json.dump(self.history, file, indent=2)
        console.saved("metrics", path)


def legacy_history(trainer_or_history: Trainer | History) -> list[dict[str, Any]]:
    """The one list of legacy records of a trainer: what ``TrainingLoop.train`` returned and ``metrics_history`` was.

    The same object each time; it grows at each epoch end, over all calls of ``fit``.

    Args:
        trainer_or_history: A trainer made with ``callbacks=legacy_callbacks(config)``, or what its ``fit`` returned.

    Raises:
        TypeError: It is neither.
        ValueError: The trainer has no legacy callbacks.

    Example:
        ``metrics = legacy_history(trainer.fit(loader, num_epochs=2))``
    """
    return _recorder(trainer_or_history, "legacy_history").history


def legacy_config(trainer: Trainer) -> AdaptiveConfig:
    """``TrainingLoop.config``: the config that a trainer's legacy callbacks were made with.

    For places that a trainer comes to without its config: through a function, or out of a list of several.

    Args:
        trainer: One made with ``callbacks=legacy_callbacks(config)``.

    Raises:
        TypeError: It is no trainer.
        ValueError: It has no legacy callbacks.

    Example:
        ``trainer.fit(loader, num_epochs=legacy_config(trainer).num_epochs)``
    """
    return _recorder(trainer, "legacy_config").config


def legacy_train(
    trainer: Trainer,
    train_loader: Iterable[Any],
    test_loader: Iterable[Any] | None = None,
    num_epochs: int | None = None,
) -> list[dict[str, Any]]:
    """``TrainingLoop.train``: for ``num_epochs`` or the config's epochs; return the one list of legacy records.

    Args:
        trainer: One made with ``callbacks=legacy_callbacks(config)``.
        train_loader: Batches of inputs and targets.
        test_loader: Batches to evaluate with after each epoch; None for none.
        num_epochs: How many epochs; None and 0 mean ``config.num_epochs``, read now.

    Raises:
        TypeError: ``trainer`` is no trainer.
        ValueError: It has no legacy callbacks.
    """
    epochs = num_epochs or _recorder(trainer, "legacy_train").config.num_epochs
    return legacy_history(trainer.fit(train_loader, num_epochs=epochs, val_loader=test_loader))


def legacy_evaluate(trainer: Trainer, loader: Iterable[Any]) -> dict[str, float]:
    """``TrainingLoop.evaluate``: ``val_loss`` and ``val_accuracy`` in percent. The model is left in evaluation mode."""
    record = trainer.evaluate(loader, metrics={_ACCURACY: LegacyAccuracy()})
    return {"val_loss": record["val_loss"], "val_accuracy": record[f"val_{_ACCURACY}"]}


def legacy_train_epoch(trainer: Trainer, loader: Iterable[Any], epoch: int) -> dict[str, float]:
    """``TrainingLoop.train_epoch``: ``train_loss``, ``train_accuracy`` in percent, ``epoch_time`` in seconds."""
    started = time.time()
    record = trainer.train_epoch(loader, epoch, metrics={_ACCURACY: LegacyAccuracy()})
    return {
        "train_loss": record["train_loss"],
        "train_accuracy": record[f"train_{_ACCURACY}"],
        "epoch_time": time.time() - started,
    }


def legacy_save_checkpoint(trainer: Trainer, epoch: int) -> None:
    """``TrainingLoop.save_checkpoint``: write ``checkpoint_epoch_{epoch}.pt`` as it did."""
    _recorder(trainer, "legacy_save_checkpoint").save_checkpoint(trainer, epoch)


def legacy_load_checkpoint(trainer: Trainer, path: str | Path) -> int:
    """``TrainingLoop.load_checkpoint``: restore model, optimizer and legacy history; return the epoch.

    Unlike ``Trainer.load_checkpoint`` it does not make the next ``fit`` continue.
    """
    return _recorder(trainer, "legacy_load_checkpoint").load_checkpoint(trainer, path)


def legacy_save_metrics(trainer: Trainer) -> None:
    """``TrainingLoop.save_metrics``: write the legacy history to ``config.metrics_file`` now."""
    _recorder(trainer, "legacy_save_metrics").save_metrics()


def legacy_trainer(
    model: nn.Module,
    config: AdaptiveConfig,
    optimizer: Optimizer | None = None,
    criterion: Callable[..., torch.Tensor] | None = None,
) -> Trainer:
    """A ``Trainer`` set up as ``TrainingLoop(model, config, optimizer, criterion)`` was.

    For places where model or config is an expression that must be evaluated once and no statement can be inserted.
    """
    return Trainer(
        model,
        optimizer or Adam(model.parameters(), lr=config.learning_rate),
        criterion or nn.CrossEntropyLoss(),
        device=config.device,
        max_grad_norm=1.0,
        batch_transform=flatten_images,
        callbacks=legacy_callbacks(config),
    )


def legacy_quick_train(
    config: AdaptiveConfig, train_loader: Any, test_loader: Any = None, num_epochs: int | None = 1
) -> dict[str, Any]:
    """``quick_train``: build an ``AdaptiveModel`` and train it.

    Returns:
        ``model``, ``trainer`` (a ``Trainer``), ``metrics_history`` (legacy records) and ``final_metrics``.
    """
    model = AdaptiveModel(config)
    trainer = legacy_trainer(model, config)
    history = legacy_history(trainer.fit(train_loader, num_epochs or config.num_epochs, val_loader=test_loader))
    return {
        "model": model,
        "trainer": trainer,
        "metrics_history": history,
        "final_metrics": history[-1] if history else {},
    }


def _recorder(source: Trainer | History, caller: str) -> LegacyCallback:
    if not isinstance(source, (Trainer, History)):
        raise TypeError(
            f"{caller} takes a Trainer (or what fit returned), got {source!r} of type {type(source).__name__}"
        )
    for callback in source.callbacks:
        if isinstance(callback, LegacyCallback):
            return callback
    raise ValueError(
        f"{caller} needs a Trainer made with callbacks=legacy_callbacks(config); this one has none of them"
    )


def _legacy_model(trainer: Trainer) -> Any:
    """The model, of which the legacy protocol (``get_metrics`` and the two ``*_full`` methods) is asked."""
    return trainer.model
