"""What a step of ``Trainer`` costs beside a bare PyTorch loop that also keeps loss and accuracy.

Both train the same tiny model on the same batches, in blocks of a few steps that alternate (A B A B ...), so that a
busy machine slows both alike. The figure is the median of the ratios of neighbouring blocks, in processor time of this
process, with a 95 % interval from a bootstrap over them. Free of noise are the counts beside it: what Trainer adds to a
step in torch operations, and in Python calls. Run with::

    python benchmarks/overhead.py [--blocks 600] [--steps 20]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn, optim
from torch.utils._python_dispatch import TorchDispatchMode

from adaptiveneuralnetwork.training import Trainer

Batch = tuple[torch.Tensor, torch.Tensor]


class BareLoop:
    """An epoch as it is written by hand."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.model = make_model().to(self.device)
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.001)
        self.criterion = nn.CrossEntropyLoss()

    def train(self, batches: list[Batch]) -> tuple[float, float]:
        """Loss and accuracy over ``batches``."""
        device, model, optimizer, criterion = self.device, self.model, self.optimizer, self.criterion
        model.train()
        total_loss, correct, total = 0.0, 0, 0
        for inputs, targets in batches:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            total_loss += loss.item()
            correct += (outputs.argmax(dim=1) == targets).sum().item()
            total += len(targets)
        return total_loss / len(batches), correct / total


def bare_loop(batches: list[Batch]) -> tuple[float, float]:
    return BareLoop().train(batches)


def trainer_loop(batches: Iterable[Batch]) -> tuple[float, float]:
    """The same by ``Trainer``."""
    model = make_model()
    trainer = Trainer(model, optim.Adam(model.parameters(), lr=0.001), nn.CrossEntropyLoss(), device="cpu")
    (record,) = trainer.fit(batches, num_epochs=1)
    return record["train_loss"], record["train_accuracy"]


def make_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


class Alternating:
    """Batches for the trainer; whenever it has trained on a block of them, the bare loop does the same.

    Attributes:
        seconds: For each block, the processor time of the bare loop and that of the trainer.
    """

    def __init__(self, batches: list[Batch], blocks: int) -> None:
        self.batches = batches
        self.blocks = blocks
        self.bare = BareLoop()
        self.seconds: list[tuple[float, float]] = []

    def __len__(self) -> int:
        return self.blocks * len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.blocks):
            started = time.process_time()
            yield from self.batches
            between = time.process_time()
            self.bare.train(self.batches)
            self.seconds.append((time.process_time() - between, between - started))


def interval(values: list[float], resamples: int = 2000) -> tuple[float, float]:
    """The 95 % interval of their median, by bootstrap."""
    generator = random.Random(0)
    medians = sorted(statistics.median(generator.choices(values, k=len(values))) for _ in range(resamples))
    return medians[int(0.025 * resamples)], medians[int(0.975 * resamples)]


class _CountOperations(TorchDispatchMode):
    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def torch_operations(loop: Callable[[list[Batch]], Any], batches: list[Batch]) -> int:
    with _CountOperations() as mode:
        loop(batches)
    return mode.count


def python_calls(loop: Callable[[list[Batch]], Any], batches: list[Batch]) -> int:
    """Calls of functions written in Python."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        loop(batches)
    finally:
        sys.setprofile(None)
    return count


def per_step(measure: Callable[[Callable[[list[Batch]], Any], list[Batch]], int], batches: list[Batch]) -> list[float]:
    """What a step of each loop has, without what a run has once."""
    few, many = batches[:10], batches[:60]
    counts = []
    for loop in (bare_loop, trainer_loop):
        loop(few)  # what torch imports when it is used first belongs to neither
        counts.append((measure(loop, many) - measure(loop, few)) / 50)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=600, help="pairs of blocks (default: 600)")
    parser.add_argument("--steps", type=int, default=20, help="steps in a block (default: 20)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = [(torch.randn(16, 64), torch.randint(0, 10, (16,))) for _ in range(max(arguments.steps, 60))]
    assert bare_loop(batches) == trainer_loop(batches), "both are to train the same"
    alternating = Alternating(batches[: arguments.steps], arguments.blocks)
    trainer_loop(alternating)
    ratios = [trainer / bare for bare, trainer in alternating.seconds]
    bare, trainer = (
        statistics.median(times) / arguments.steps * 1e6 for times in zip(*alternating.seconds, strict=True)
    )
    low, high = interval(ratios)
    print(f"bare loop         {bare:7.1f} us a step")
    print(f"Trainer           {trainer:7.1f} us a step")
    ratio = f"{statistics.median(ratios):7.3f} (95 % interval {low:.3f} to {high:.3f}, {len(ratios)} pairs)"
    print(f"ratio             {ratio}")
    for name, measure in {"torch operations": torch_operations, "Python calls": python_calls}.items():
        of_bare, of_trainer = per_step(measure, batches)
        print(f"{name:<17} {of_trainer - of_bare:+7.1f} a step, to {of_bare:.1f} of the bare loop")


if __name__ == "__main__":
    main()
