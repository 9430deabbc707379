"""Six things that ``Trainer`` does, on scikit-learn's digits. Run it: ``python examples/phase4_trainer_examples.py``.

Each function is complete in itself and returns what its test looks at.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn, optim
from torch.utils.data import DataLoader

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import (
    Callback,
    History,
    LoggingCallback,
    ProfilingCallback,
    Trainer,
    load_digits,
    seed_everything,
)


def main() -> None:
    """Run the six examples one after the other."""
    torch.set_num_threads(1)  # networks this small gain nothing from more
    for example in (logging, profiling, mixed_precision, accumulation, several_callbacks, checkpoints):
        print(f"\n--- {example.__name__.replace('_', ' ')}: {(example.__doc__ or '').splitlines()[0]}")
        seed_everything(42)
        example()


def logging() -> History:
    """A line every ten batches and a summary each epoch, for an AdaptiveModel."""
    config = AdaptiveConfig(input_dim=64, output_dim=10, num_nodes=50, hidden_dim=32, learning_rate=0.005)
    model = AdaptiveModel(config)
    optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)
    trainer = Trainer(
        model, optimizer, nn.CrossEntropyLoss(), device="cpu", callbacks=[LoggingCallback(log_interval=10)]
    )
    train_loader, test_loader = loaders()
    return trainer.fit(train_loader, num_epochs=2, val_loader=test_loader)


def profiling() -> dict[str, list[float]]:
    """Where a step's time goes: forward pass, backward pass, optimizer."""
    profiler = ProfilingCallback(profile_memory=True)
    trainer = small_trainer(callbacks=[profiler])
    trainer.fit(loaders()[0], num_epochs=2)
    metrics = profiler.get_metrics()
    for name in ("forward_times", "backward_times", "optimizer_times", "batch_times"):
        print(f"{name:<16}{1e6 * sum(metrics[name]) / len(metrics[name]):8.0f} microseconds a batch")
    print(f"memory in use   {max(metrics['memory_allocated']) / 2**20:8.0f} MiB at most")
    return metrics


def mixed_precision() -> History:
    """Automatic mixed precision: float16 with a gradient scaler on CUDA, bfloat16 on the CPU."""
    trainer = small_trainer(use_amp=True, device="cuda" if torch.cuda.is_available() else "cpu")
    history = trainer.fit(loaders()[0], num_epochs=2)
    print(f"on {trainer.device}: loss {history[0]['train_loss']:.3f} -> {history[-1]['train_loss']:.3f}")
    return history


def accumulation() -> tuple[int, int]:
    """Steps over four batches of 64: an effective batch of 256, and the short last window counts by its samples."""
    trainer = small_trainer(gradient_accumulation_steps=4)
    train_loader, _ = loaders()
    trainer.fit(train_loader, num_epochs=1)
    print(f"{len(train_loader)} batches, {trainer.global_step} optimizer steps")
    return len(train_loader), trainer.global_step


def several_callbacks() -> tuple[History, list[float]]:
    """Logging, profiling, a scheduler and an early stop, each in a callback of its own."""
    trainer = small_trainer()
    rates = RecordLearningRate(optim.lr_scheduler.StepLR(trainer.optimizer, step_size=1, gamma=0.5))
    for callback in (LoggingCallback(log_interval=1000), ProfilingCallback(), rates, StopAt(val_accuracy=0.8)):
        trainer.callbacks.append(callback)
    train_loader, test_loader = loaders()
    history = trainer.fit(train_loader, num_epochs=20, val_loader=test_loader)
    print(f"stopped after {len(history)} of {trainer.num_epochs} epochs at {history[-1]['val_accuracy']:.1%}")
    return history, rates.values


class RecordLearningRate(Callback):
    """Step a scheduler each epoch and remember the learning rates."""

    def __init__(self, scheduler: optim.lr_scheduler.LRScheduler) -> None:
        self.scheduler = scheduler
        self.values: list[float] = []

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        self.values.append(float(self.scheduler.get_last_lr()[0]))
        self.scheduler.step()


class StopAt(Callback):
    """End the run after the epoch in which the validation accuracy reaches a fraction."""

    def __init__(self, val_accuracy: float) -> None:
        self.val_accuracy = val_accuracy

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: dict[str, Any] | None = None) -> None:
        trainer.stop_training = bool(logs and logs["val_accuracy"] >= self.val_accuracy)


def checkpoints() -> tuple[History, History]:
    """Stop after two epochs, load the checkpoint into a fresh trainer, go on to four: as if never stopped."""
    train_loader, test_loader = loaders()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.pt")
        seed_everything(0)
        first = small_trainer()
        first.fit(train_loader, num_epochs=2, val_loader=test_loader)
        first.save_checkpoint(path)

        second = small_trainer()
        second.load_checkpoint(path)
        resumed = second.fit(train_loader, num_epochs=4, val_loader=test_loader)

    seed_everything(0)
    uninterrupted = small_trainer().fit(train_loader, num_epochs=4, val_loader=test_loader)
    print(f"final loss {resumed[-1]['train_loss']!r} resumed, {uninterrupted[-1]['train_loss']!r} in one go")
    return resumed, uninterrupted


def small_trainer(**options: Any) -> Trainer:
    """A trainer of an ordinary network: nothing in ``Trainer`` asks for an AdaptiveModel."""
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return Trainer(model, optimizer, nn.CrossEntropyLoss(), **{"device": "cpu", **options})


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Digits as vectors of 64 numbers."""
    return load_digits(batch_size=64)


if __name__ == "__main__":
    main()
