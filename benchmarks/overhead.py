"""What a step of ``Trainer`` costs beside a bare PyTorch loop that also keeps loss and accuracy.

Both train the same tiny model on the same batches, in turn (A B A B ...), so that a busy machine slows both alike; the
figure is the median of the ratios of neighbours. Run with::

    python benchmarks/overhead.py [--pairs 30] [--steps 500]
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Trainer

Batch = tuple[torch.Tensor, torch.Tensor]


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def time_bare_loop(batches: list[Batch]) -> float:
    model = make_model()
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    criterion = nn.CrossEntropyLoss()
    started = time.perf_counter()
    model.train()
    total_loss, correct, total = 0.0, 0, 0
    for inputs, targets in batches:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        total_loss += loss.item()
        correct += int((outputs.argmax(dim=1) == targets).sum())
        total += len(targets)
    metrics = total_loss / len(batches), correct / total
    elapsed = time.perf_counter() - started
    assert metrics[0] > 0
    return elapsed


def time_trainer(batches: list[Batch]) -> float:
    model = make_model()
    trainer = Trainer(model, optim.Adam(model.parameters(), lr=0.001), nn.CrossEntropyLoss(), device="cpu")
    started = time.perf_counter()
    trainer.fit(batches, num_epochs=1)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=30, help="pairs of runs (default: 30)")
    parser.add_argument("--steps", type=int, default=500, help="steps in a run (default: 500)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = [(torch.randn(16, 64), torch.randint(0, 10, (16,))) for _ in range(arguments.steps)]
    time_bare_loop(batches), time_trainer(batches)
    pairs = [(time_bare_loop(batches), time_trainer(batches)) for _ in range(arguments.pairs)]
    ratios = [trainer / bare for bare, trainer in pairs]
    bare, trainer = (statistics.median(times) / arguments.steps * 1e6 for times in zip(*pairs, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    print(f"bare loop  {bare:7.1f} us a step")
    print(f"Trainer    {trainer:7.1f} us a step")
    print(f"ratio      {statistics.median(ratios):7.3f} (quartiles {low:.3f} to {high:.3f}, {arguments.pairs} pairs)")


if __name__ == "__main__":
    main()
