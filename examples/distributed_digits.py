"""Digits in several processes: ``torchrun --nproc_per_node=2 examples/distributed_digits.py``.

Without ``torchrun`` the same program trains in one process. With ``--strategy fsdp`` each process keeps a part of the
model only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import (
    History,
    LoggingCallback,
    ModelCheckpoint,
    Trainer,
    load_digits,
    seed_everything,
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategy", choices=["auto", "ddp", "fsdp"], default="auto")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where checkpoints go; without it, none are written")
    options = parser.parse_args(arguments)
    train(options.strategy, options.epochs, options.folder)


def train(strategy: str, epochs: int, folder: Path | None) -> History:
    """Train a small network; ``folder`` gets its checkpoints."""
    torch.set_num_threads(1)  # a core for each process
    seed_everything(42)  # before the model is built; every process builds the same one
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    callbacks = [LoggingCallback(log_interval=10), *([ModelCheckpoint(folder, monitor="val_loss")] if folder else [])]
    trainer = Trainer(
        model,
        optim.Adam(model.parameters(), lr=0.005),
        nn.CrossEntropyLoss(),
        callbacks=callbacks,
        max_grad_norm=1.0,
        strategy=strategy,
    )
    # The loaders are those of one process; the trainer deals the data out. Two processes take 64 samples a step.
    train_loader, test_loader = load_digits(batch_size=32)
    history = trainer.fit(train_loader, epochs, val_loader=test_loader)
    if trainer.strategy.rank == 0:
        processes = trainer.strategy.world_size
        print(f"{processes} process(es), {trainer.global_step} steps, accuracy {history[-1]['val_accuracy']:.3f}")
    return history


if __name__ == "__main__":
    main()
