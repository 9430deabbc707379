"""What needs no clock to be measured: what a step of the trainer has more than a loop written by hand."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "overhead.py"


@pytest.fixture(scope="module")
def overhead() -> Any:
    spec = importlib.util.spec_from_file_location("overhead", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def batches() -> Any:
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(16, 64, generator=generator), torch.randint(0, 10, (16,), generator=generator)) for _ in range(60)
    ]


def test_both_loops_train_the_same(overhead: Any, batches: Any) -> None:
    assert overhead.bare_loop(batches) == overhead.trainer_loop(batches)


def test_a_step_has_no_torch_operation_more_than_a_bare_loop(overhead: Any, batches: Any) -> None:
    bare, trainer = overhead.per_step(overhead.torch_operations, batches)
    assert bare > 50
    assert trainer == bare


def test_a_step_has_few_python_calls_more_than_a_bare_loop(overhead: Any, batches: Any) -> None:
    bare, trainer = overhead.per_step(overhead.python_calls, batches)
    assert bare > 50
    assert trainer - bare <= 17


def test_the_interval_holds_the_median(overhead: Any) -> None:
    low, high = overhead.interval([1.0, 1.1, 1.2, 1.3, 5.0])
    assert 1.0 <= low <= 1.2 <= high <= 5.0
