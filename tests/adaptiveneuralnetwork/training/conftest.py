"""Small models and data for the tests of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Trainer

Batches = list[tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture
def batches() -> Batches:
    """Three batches of 4-D classification data, the last one short."""
    generator = torch.Generator().manual_seed(3)
    return [
        (torch.randn(size, 1, 2, 3, generator=generator) * 5, torch.randint(0, 4, (size,), generator=generator))
        for size in (8, 8, 3)
    ]


@pytest.fixture
def flat_batches(batches: Batches) -> Batches:
    return [(inputs.flatten(1), targets) for inputs, targets in batches]


@pytest.fixture
def as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tensors say that they are not on the CPU: sums are then kept on their device, as none may be waited for."""
    monkeypatch.setattr(torch.Tensor, "is_cpu", False)


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    """Build a trainer on the CPU around a small classifier of 6 inputs and 4 classes, always from the same weights."""

    def make(model: nn.Module | None = None, **arguments: Any) -> Trainer:
        if model is None:
            torch.manual_seed(7)
            model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.2), nn.Linear(5, 4))
        optimizer = arguments.pop("optimizer", None) or optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        criterion = arguments.pop("criterion", nn.CrossEntropyLoss())
        return Trainer(model, optimizer, criterion, device="cpu", **arguments)

    return make
