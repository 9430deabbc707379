"""The six examples of Trainer do what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from adaptiveneuralnetwork.training import seed_everything

pytest.importorskip("sklearn", reason="the examples train on scikit-learn's digits")

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "phase4_trainer_examples.py"


@pytest.fixture(scope="module")
def trainer_examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> None:
    torch.set_num_threads(1)
    seed_everything(42)


def test_logging(trainer_examples: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    history = trainer_examples.logging()
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert "batch 10" in capsys.readouterr().out


def test_profiling(trainer_examples: ModuleType) -> None:
    metrics = trainer_examples.profiling()
    assert len(metrics["forward_times"]) == len(metrics["batch_times"]) > 0


def test_mixed_precision(trainer_examples: ModuleType) -> None:
    history = trainer_examples.mixed_precision()
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_accumulation(trainer_examples: ModuleType) -> None:
    num_batches, num_steps = trainer_examples.accumulation()
    assert num_steps == -(-num_batches // 4)


def test_several_callbacks(trainer_examples: ModuleType) -> None:
    history, rates = trainer_examples.several_callbacks()
    assert history[-1]["val_accuracy"] >= 0.8
    assert len(history) < 20
    assert rates == [0.01 * 0.5**epoch for epoch in range(len(history))]


def test_checkpoints(trainer_examples: ModuleType) -> None:
    resumed, uninterrupted = trainer_examples.checkpoints()
    assert resumed == uninterrupted
