"""The legacy training path: ``TrainingLoop`` and ``quick_train``, kept exactly as programs rely on them.

This module is the reference that ``Trainer`` is compared with, so it shares no step code with it. What looks odd here
(accuracy in percent, ``num_epochs or config.num_epochs``, gradients always clipped to 1.0, one history list that grows
over all calls) is what people's programs were written against, and stays.
"""

from __future__ import annotations

import json
import operator
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, Optimizer

from adaptiveneuralnetwork.api.config import AdaptiveConfig
from adaptiveneuralnetwork.api.model import AdaptiveModel
from adaptiveneuralnetwork.training import console


class TrainingLoop:
    """Train and evaluate a model as its config says; fully functional, with the behaviour of old.

    Args:
        model: A module with ``get_metrics()``, ``get_state_dict_full()`` and ``load_state_dict_full(dict)``, such as
            :class:`~adaptiveneuralnetwork.api.model.AdaptiveModel`. It is not moved to ``config.device``.
        config: Gives the learning rate, device, number of epochs, log interval and files. It is read late: change
            ``config.num_epochs`` before :meth:`train` and the change counts. Only the learning rate and the checkpoint
            folder are read here.
        optimizer: Defaults to ``Adam(model.parameters(), lr=config.learning_rate)``.
        criterion: Defaults to ``nn.CrossEntropyLoss()``.

    Attributes:
        metrics_history: One record an epoch, over all calls of :meth:`train`. The list that :meth:`train` returns.
        current_epoch: The epoch that ran last, counted from 0 within a call of :meth:`train`.

    Example:
        >>> import tempfile, torch
        >>> from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
        >>> config = AdaptiveConfig(input_dim=4, output_dim=2, num_nodes=3, hidden_dim=4, save_checkpoint=False,
        ...                         metrics_file=None, log_interval=100)
        >>> loader = [(torch.randn(8, 4), torch.randint(0, 2, (8,)))]
        >>> history = TrainingLoop(AdaptiveModel(config), config).train(loader, num_epochs=1)  # doctest: +ELLIPSIS
        Training ...
        >>> sorted(history[0])[:2]
        ['active_node_ratio', 'epoch']
    """

    def __init__(
        self,
        model: nn.Module,
        config: AdaptiveConfig,
        optimizer: Optimizer | None = None,
        criterion: Callable[..., torch.Tensor] | None = None,
    ) -> None:
        # Any: the legacy protocol (get_metrics and the two *_full methods) is asked for only when it is used.
        self.model: Any = model
        self.config = config
        self.optimizer: Any = optimizer or Adam(model.parameters(), lr=config.learning_rate)
        self.criterion: Any = criterion or nn.CrossEntropyLoss()
        self.metrics_history: list[dict[str, Any]] = []
        self.current_epoch = 0
        if config.save_checkpoint:
            Path(config.checkpoint_dir).mkdir(parents=True, exist_ok=True)

    def train(self, train_loader: Any, test_loader: Any = None, num_epochs: int | None = None) -> list[dict[str, Any]]:
        """Train for ``num_epochs or config.num_epochs`` epochs (so ``None`` and 0 both mean the config's).

        Returns:
            ``self.metrics_history`` itself, with a record appended for each epoch: ``epoch``, ``timestamp`` (seconds
            since 1970), ``train_loss``, ``train_accuracy`` (percent), ``epoch_time`` (seconds), ``val_loss`` and
            ``val_accuracy`` if there is a test loader, then what ``model.get_metrics()`` gives.

        Raises:
            ZeroDivisionError: A loader is empty.
            TypeError: A loader has no length, or ``num_epochs`` is not an integer.
        """
        num_epochs = operator.index(num_epochs or self.config.num_epochs)
        console.training_starts(num_epochs, self.model)
        for epoch in range(num_epochs):
            self.current_epoch = epoch
            record: dict[str, Any] = {"epoch": epoch, "timestamp": time.time(), **self.train_epoch(train_loader, epoch)}
            if test_loader is not None:
                record.update(self.evaluate(test_loader))
            record.update(self.model.get_metrics())
            self.metrics_history.append(record)
            console.epoch_summary(record, num_epochs)
            if self.config.save_checkpoint and (epoch + 1) % 5 == 0:
                self.save_checkpoint(epoch)
        if self.config.metrics_file:
            self.save_metrics()
        console.training_ends()
        return self.metrics_history

    def train_epoch(self, train_loader: Any, epoch: int) -> dict[str, float]:
        """Train on each batch once; return ``train_loss``, ``train_accuracy`` (percent), ``epoch_time`` (seconds)."""
        started = time.time()
        self.model.train()
        total_loss = 0.0
        correct = 0
        total = 0
        for batch_idx, (data, target) in enumerate(train_loader):
            data, target = self._to_device(data, target)
            self.optimizer.zero_grad()
            output = self.model(data)
            loss = self.criterion(output, target)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=1.0)
            self.optimizer.step()
            total_loss += loss.item()
            correct += _count_correct(output, target)
            total += target.size(0)
            if batch_idx % self.config.log_interval == 0:
                console.batch_line(epoch, batch_idx, loss.item(), 100.0 * correct / total)
        return {
            "train_loss": total_loss / len(train_loader),
            "train_accuracy": 100.0 * correct / total,
            "epoch_time": time.time() - started,
        }

    def evaluate(self, test_loader: Any) -> dict[str, float]:
        """Return ``val_loss`` and ``val_accuracy`` (percent). The model is left in evaluation mode."""
        self.model.eval()
        total_loss = 0.0
        correct = 0
        total = 0
        with torch.no_grad():
            for data, target in test_loader:
                data, target = self._to_device(data, target)
                output = self.model(data)
                total_loss += self.criterion(output, target).item()
                correct += _count_correct(output, target)
                total += target.size(0)
        return {"val_loss": total_loss / len(test_loader), "val_accuracy": 100.0 * correct / total}

    def save_checkpoint(self, epoch: int) -> None:
        """Write ``checkpoint_epoch_{epoch}.pt`` to ``config.checkpoint_dir``."""
        path = Path(self.config.checkpoint_dir) / f"checkpoint_epoch_{epoch}.pt"
        checkpoint = {
            "epoch": epoch,
            "model_state_dict": self.model.get_state_dict_full(),
            "optimizer_state_dict": self.optimizer.state_dict(),
            "config": self.config.to_dict(),
            "metrics_history": self.metrics_history,
        }
        torch.save(checkpoint, path)
        console.saved("checkpoint", path)

    def load_checkpoint(self, path: str | Path) -> int:
        """Restore model, optimizer and history from ``path``; return the epoch that it was saved after."""
        checkpoint = torch.load(path, map_location=self.config.device, weights_only=True)
        self.model.load_state_dict_full(checkpoint["model_state_dict"])
        self.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        self.metrics_history = checkpoint["metrics_history"]
        console.loaded("checkpoint", path)
        return int(checkpoint["epoch"])

    def save_metrics(self) -> None:
        """Write the history to ``config.metrics_file`` as JSON."""
        path: Any = self.config.metrics_file
        with Path(path).open("w") as file:
            json.dump(self.metrics_history, file, indent=2)
        console.saved("metrics", path)

    def _to_device(self, data: Any, target: Any) -> tuple[Any, Any]:
        data, target = data.to(self.config.device), target.to(self.config.device)
        if data.dim() == 4:
            data = data.view(data.size(0), -1)
        return data, target


def _count_correct(output: torch.Tensor, target: torch.Tensor) -> int:
    predicted = output.argmax(dim=1, keepdim=True)
    return int(predicted.eq(target.view_as(predicted)).sum().item())


def quick_train(
    config: AdaptiveConfig, train_loader: Any, test_loader: Any = None, num_epochs: int | None = 1
) -> dict[str, Any]:
    """Build an ``AdaptiveModel`` and a :class:`TrainingLoop` from ``config`` and train.

    Args:
        config, train_loader, test_loader: As for :class:`TrainingLoop` and its ``train``.
        num_epochs: ``None`` and 0 both mean ``config.num_epochs``.

    Returns:
        ``model``, ``trainer`` (the loop), ``metrics_history`` and ``final_metrics`` (its last record, or ``{}``).

    Raises:
        ZeroDivisionError: A loader is empty.

    Example:
        >>> from adaptiveneuralnetwork.api import AdaptiveConfig
        >>> config = AdaptiveConfig(input_dim=6, output_dim=4, num_nodes=3, hidden_dim=4, save_checkpoint=False,
        ...                         metrics_file=None)
        >>> result = quick_train(config, train_loader)  # doctest: +ELLIPSIS
        Training ...
        >>> result["final_metrics"] is result["metrics_history"][-1]
        True
    """
    model = AdaptiveModel(config)
    trainer = TrainingLoop(model, config)
    history = trainer.train(train_loader, test_loader, num_epochs)
    return {
        "model": model,
        "trainer": trainer,
        "metrics_history": history,
        "final_metrics": history[-1] if history else {},
    }
