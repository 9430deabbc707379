"""Conversion of checkpoints between the three formats."""

import subprocess
import sys

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import CheckpointError, Trainer, TrainingLoop
from adaptiveneuralnetwork.training.checkpoint import read_checkpoint, write_checkpoint
from adaptiveneuralnetwork.training.convert import convert, format_of, main


@pytest.fixture
def config(tmp_path):
    return AdaptiveConfig(
        input_dim=6, output_dim=4, num_nodes=5, hidden_dim=4, checkpoint_dir=str(tmp_path), metrics_file=None
    )


@pytest.fixture
def legacy(config, flat_batches, tmp_path):
    """A loop that has trained, and its checkpoint."""
    torch.manual_seed(0)
    model = AdaptiveModel(config)
    model.freeze_population()
    loop = TrainingLoop(model, config)
    loop.train(flat_batches, flat_batches, num_epochs=2)
    loop.save_checkpoint(1)
    return loop, tmp_path / "checkpoint_epoch_1.pt"


def trainer_of(config):
    model = AdaptiveModel(config)
    return Trainer(model, optim.Adam(model.parameters(), lr=0.5), nn.CrossEntropyLoss(), device="cpu")


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_trainer_reads_legacy_checkpoints(legacy, config, flat_batches):
    loop, path = legacy
    trainer = trainer_of(config)
    trainer.load_checkpoint(path)
    assert_equal(trainer.model.state_dict(), loop.model.state_dict())
    assert trainer.model.population.frozen
    assert trainer.optimizer.param_groups[0]["lr"] == config.learning_rate
    assert_equal(trainer.optimizer.state_dict()["state"][0], loop.optimizer.state_dict()["state"][0])
    assert trainer.metrics_history[1]["train_accuracy"] == pytest.approx(
        loop.metrics_history[1]["train_accuracy"] / 100
    )
    assert trainer.metrics_history[1]["val_loss"] == loop.metrics_history[1]["val_loss"]
    assert len(trainer.fit(flat_batches, 1)) == 1, "it says too little to be continued"


def test_any_model_whose_parameters_fit_reads_them(flat_batches, tmp_path, make_trainer):
    source = make_trainer()
    for full in (source.model.state_dict(), {"parts": {"weights": source.model.state_dict()}, "age": 3}):
        torch.save(
            {
                "epoch": 4,
                "model_state_dict": full,
                "optimizer_state_dict": source.optimizer.state_dict(),
                "config": {},
                "metrics_history": [],
            },
            tmp_path / "legacy.pt",
        )
        trainer = make_trainer(
            nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 4))
        )
        trainer.load_checkpoint(tmp_path / "legacy.pt")
        assert_equal(trainer.model.state_dict(), source.model.state_dict())


def test_a_legacy_checkpoint_of_another_model_is_refused_with_the_reason(legacy, make_trainer):
    trainer = make_trainer()
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"of Sequential's parameters.*AdaptiveModel of the earlier public"):
        trainer.load_checkpoint(legacy[1])
    assert_equal(trainer.model.state_dict(), before)


def test_from_legacy_to_trainer_and_back_nothing_but_accuracies_is_rounded(legacy, config, tmp_path):
    loop, path = legacy
    converted, back = tmp_path / "run.pt", tmp_path / "back.pt"
    convert(path, converted, "trainer")
    assert format_of(read_checkpoint(converted)) == "trainer"
    trainer = trainer_of(config)
    trainer.load_checkpoint(converted)
    assert_equal(trainer.model.state_dict(), loop.model.state_dict())
    assert trainer.model.population.frozen

    assert main([str(converted), str(back), "--to", "legacy"]) == 0
    model = AdaptiveModel(config)
    other = TrainingLoop(model, config)
    assert other.load_checkpoint(back) == 1
    assert_equal(model.state_dict(), loop.model.state_dict())
    assert_equal(other.optimizer.state_dict()["state"][0], loop.optimizer.state_dict()["state"][0])
    for one, record in zip(other.metrics_history, loop.metrics_history, strict=True):
        assert one.keys() == record.keys()
        assert one == pytest.approx(record)


def test_what_a_trainer_saved_is_read_by_the_legacy_loop(config, flat_batches, tmp_path):
    trainer = trainer_of(config)
    history = trainer.fit(flat_batches, 2)
    trainer.save_checkpoint(tmp_path / "run.pt")
    config.to_yaml(tmp_path / "config.yaml")
    command = [str(tmp_path / "run.pt"), str(tmp_path / "legacy.pt"), "--to", "legacy"]
    assert main([*command, "--config", str(tmp_path / "config.yaml")]) == 0
    assert read_checkpoint(tmp_path / "legacy.pt")["config"]["num_nodes"] == 5
    loop = TrainingLoop(AdaptiveModel(config), config)
    loop.load_checkpoint(tmp_path / "legacy.pt")
    assert_equal(loop.model.state_dict(), trainer.model.state_dict())
    assert loop.metrics_history[1]["train_accuracy"] == history[1]["train_accuracy"] * 100


def test_the_public_trainers_format_both_ways(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer(use_amp=True)
    trainer.fit(flat_batches, 1)
    trainer.save_checkpoint(tmp_path / "run.pt")
    convert(tmp_path / "run.pt", tmp_path / "public.pt", "public")
    public = torch.load(tmp_path / "public.pt", weights_only=True)
    assert set(public) == {
        "epoch",
        "model_state_dict",
        "optimizer_state_dict",
        "metrics_history",
        "scaler_state_dict",
    }
    convert(tmp_path / "public.pt", tmp_path / "back.pt", "trainer")
    again = make_trainer(use_amp=True)
    again.load_checkpoint(tmp_path / "back.pt")
    assert_equal(again.model.state_dict(), trainer.model.state_dict())
    assert again.metrics_history == trainer.metrics_history


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    write_checkpoint(tmp_path / "other.pt", {"weights": 1})
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "none.pt"), str(tmp_path / "new.pt"), "--to", "trainer"])
    assert "there is no file" in capsys.readouterr().err
    assert main([str(tmp_path / "other.pt"), str(tmp_path / "new.pt"), "--to", "trainer"]) == 1
    assert "other.pt: it lacks model_state_dict, optimizer_state_dict; it has weights" in capsys.readouterr().err
    assert not (tmp_path / "new.pt").exists()
    with pytest.raises(ValueError, match="to must be one of 'trainer', 'legacy', 'public', got 'onnx'"):
        convert(tmp_path / "other.pt", tmp_path / "new.pt", "onnx")


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "adaptiveneuralnetwork.training.convert", "--help"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--to {trainer,legacy,public}" in outcome.stdout
