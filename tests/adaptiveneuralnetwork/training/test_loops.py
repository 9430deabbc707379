"""The legacy loop, line by line as its contract says; the numbers are computed by hand here."""

import json
import time
from pathlib import Path

import pytest
import torch
from torch import nn, optim

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import TrainingLoop, loops, quick_train


class Classifier(nn.Module):
    """A model with the legacy protocol and nothing random."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 4)

    def forward(self, inputs):
        return self.layer(inputs)

    def get_metrics(self):
        return {"active_node_ratio": 0.5, "mean_energy": 0.25}

    def get_state_dict_full(self):
        return {"inner": self.state_dict()}

    def load_state_dict_full(self, state):
        self.load_state_dict(state["inner"])


@pytest.fixture
def config(tmp_path):
    return AdaptiveConfig(
        input_dim=6,
        output_dim=4,
        num_nodes=3,
        hidden_dim=4,
        num_epochs=2,
        learning_rate=0.1,
        log_interval=2,
        checkpoint_dir=str(tmp_path / "made" / "checkpoints"),
        metrics_file=str(tmp_path / "metrics.json"),
    )


@pytest.fixture
def model():
    torch.manual_seed(7)
    return Classifier()


def test_construction_fills_in_adam_and_cross_entropy_and_makes_the_folder(model, config):
    before = torch.get_rng_state()
    loop = TrainingLoop(model, config)
    assert type(loop.optimizer) is optim.Adam
    assert loop.optimizer.param_groups[0]["lr"] == config.learning_rate
    assert type(loop.criterion) is nn.CrossEntropyLoss
    assert (loop.metrics_history, loop.current_epoch) == ([], 0)
    assert (loop.model, loop.config) == (model, config)
    assert torch.equal(torch.get_rng_state(), before)
    assert Path(config.checkpoint_dir).is_dir()


def test_given_optimizer_and_criterion_are_used_and_falsy_ones_replaced(model, config):
    optimizer, criterion = optim.SGD(model.parameters(), lr=0.5), nn.MSELoss()
    loop = TrainingLoop(model, config, optimizer, criterion)
    assert (loop.optimizer, loop.criterion) == (optimizer, criterion)
    assert type(TrainingLoop(model, config, criterion=nn.Sequential()).criterion) is nn.CrossEntropyLoss


def test_the_numbers_are_those_of_the_loop_written_out(model, config, batches):
    reference = Classifier()
    reference.load_state_dict(model.state_dict())
    history = TrainingLoop(model, config, optim.SGD(model.parameters(), lr=0.1)).train(batches, batches[:2])

    optimizer = optim.SGD(reference.parameters(), lr=0.1)
    clipped = 0
    for epoch in range(2):
        losses, correct = [], 0
        for data, target in batches:
            optimizer.zero_grad()
            output = reference(data.view(data.size(0), -1))
            loss = nn.functional.cross_entropy(output, target)
            loss.backward()
            clipped += float(nn.utils.clip_grad_norm_(reference.parameters(), max_norm=1.0)) > 1.0
            optimizer.step()
            losses.append(loss.item())
            correct += int((output.argmax(1) == target).sum())
        record = history[epoch]
        assert record["train_loss"] == sum(losses) / 3
        assert record["train_accuracy"] == 100.0 * correct / 19
        with torch.no_grad():
            outputs = [(reference(data.flatten(1)), target) for data, target in batches[:2]]
        assert record["val_loss"] == sum(nn.functional.cross_entropy(*pair).item() for pair in outputs) / 2
        assert (
            record["val_accuracy"] == 100.0 * sum(int((out.argmax(1) == target).sum()) for out, target in outputs) / 16
        )
    assert clipped, "the data must make clipping act"
    assert torch.equal(model.layer.weight, reference.layer.weight)
    assert not model.training, "evaluation leaves the model in evaluation mode"


def test_a_record_has_its_keys_in_order_and_the_model_wins(model, config, batches):
    model.get_metrics = lambda: {"active_node_ratio": 0.5, "mean_energy": 0.25, "train_loss": -1.0}
    started = time.time()
    (record,) = TrainingLoop(model, config).train(batches, batches, 1)
    keys = "epoch timestamp train_loss train_accuracy epoch_time val_loss val_accuracy active_node_ratio mean_energy"
    assert list(record) == keys.split()
    assert record["train_loss"] == -1.0
    assert started <= record["timestamp"] <= time.time()
    assert 0 <= record["epoch_time"] <= time.time() - started
    (record,) = TrainingLoop(model, config).train(batches, num_epochs=1)
    assert "val_loss" not in record


@pytest.mark.parametrize(("given", "epochs"), [(None, 2), (0, 2), (1, 1), (3, 3), (True, 1), (-1, 0), (False, 2)])
def test_none_and_zero_mean_the_number_of_the_config(model, config, batches, given, epochs):
    loop = TrainingLoop(model, config)
    assert [record["epoch"] for record in loop.train(batches, num_epochs=given)] == list(range(epochs))
    assert json.loads(Path(config.metrics_file).read_text()) == loop.metrics_history


def test_the_history_is_one_list_over_all_calls(model, config, batches):
    loop = TrainingLoop(model, config)
    first = loop.train(batches, num_epochs=1)
    momentum = loop.optimizer.state[model.layer.weight]["exp_avg"]
    second = loop.train(batches)
    assert first is second is loop.metrics_history
    assert [record["epoch"] for record in second] == [0, 0, 1]
    assert loop.optimizer.state[model.layer.weight]["exp_avg"] is momentum


def test_the_config_is_read_late_but_for_the_learning_rate(model, config, batches, tmp_path):
    loop = TrainingLoop(model, config)
    config.num_epochs, config.learning_rate, config.metrics_file = 5, 0.7, str(tmp_path / "other.json")
    config.checkpoint_dir = str(tmp_path)
    assert len(loop.train(batches)) == 5
    assert loop.optimizer.param_groups[0]["lr"] == 0.1
    assert {path.name for path in tmp_path.iterdir()} == {"made", "other.json", "checkpoint_epoch_4.pt"}


def test_checkpoints_come_after_each_fifth_epoch_of_a_call(model, config, batches):
    loop = TrainingLoop(model, config)
    loop.train(batches, num_epochs=4)
    loop.train(batches, num_epochs=11)
    folder = Path(config.checkpoint_dir)
    assert {path.name for path in folder.iterdir()} == {"checkpoint_epoch_4.pt", "checkpoint_epoch_9.pt"}
    state = torch.load(folder / "checkpoint_epoch_4.pt", weights_only=True)
    assert list(state) == ["epoch", "model_state_dict", "optimizer_state_dict", "config", "metrics_history"]
    assert (state["epoch"], state["config"]) == (4, config.to_dict())
    assert state["model_state_dict"].keys() == {"inner"}
    assert len(state["metrics_history"]) == 4 + 5, "the record is appended before the checkpoint is saved"

    other = TrainingLoop(Classifier(), config)
    assert other.load_checkpoint(folder / "checkpoint_epoch_9.pt") == 9
    assert len(other.metrics_history) == 14
    other.train(batches, num_epochs=1)
    assert other.optimizer.state[other.model.layer.weight]["step"] == 3 * 14 + 3


def test_no_files_where_the_config_turns_them_off(model, config, batches, tmp_path):
    config.save_checkpoint, config.metrics_file = False, None
    TrainingLoop(model, config).train(batches, num_epochs=5)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_finished_records_and_no_metrics_file(model, config, batches, tmp_path):
    class Failing:
        def __init__(self):
            self.epochs = 0

        def __len__(self):
            return 3

        def __iter__(self):
            self.epochs += 1
            if self.epochs == 2:
                raise OSError("disk")
            return iter(batches)

    loop = TrainingLoop(model, config)
    with pytest.raises(OSError, match="disk"):
        loop.train(Failing())
    assert len(loop.metrics_history) == 1
    assert not (tmp_path / "metrics.json").exists()


def test_models_that_lack_what_it_reads_fail_where_they_always_did(model, config, batches):
    model.get_metrics = dict
    loop = TrainingLoop(model, config)
    with pytest.raises(KeyError, match="active_node_ratio"):
        loop.train(batches)
    assert len(loop.metrics_history) == 1
    plain = nn.Sequential(nn.Linear(6, 4))
    before = plain[0].weight.clone()
    with pytest.raises(AttributeError, match="get_metrics"):
        TrainingLoop(plain, config).train(batches)
    assert not torch.equal(plain[0].weight, before), "the first epoch was trained"


@pytest.mark.parametrize(
    ("loader", "error"),
    [
        ([], ZeroDivisionError),
        (iter([]), TypeError),
        ([(1, 2, 3)], ValueError),
        ([{"x": 1, "y": 2, "z": 3}], ValueError),
        ([("a", "b")], AttributeError),
    ],
)
def test_loaders_that_it_cannot_take(model, config, loader, error):
    with pytest.raises(error):
        TrainingLoop(model, config).train(loader)
    with pytest.raises(error):
        TrainingLoop(model, config).evaluate(loader)


def test_a_number_of_epochs_that_is_no_integer(model, config, batches):
    with pytest.raises(TypeError):
        TrainingLoop(model, config).train(batches, num_epochs=1.0)


def test_the_console_speaks_at_its_moments(model, config, batches, capsys):
    TrainingLoop(model, config).train(batches, batches, 5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Training for 5 epochs"
    assert lines[1] == "Model parameters: 28"
    assert [line.split(":")[0] for line in lines[2:5]] == ["Epoch 0, batch 0", "Epoch 0, batch 2", "Epoch 1/5"]
    assert all(
        word in lines[4] for word in ("train loss", "val loss", "accuracy", "active nodes 0.500", "mean energy 0.250")
    )
    assert lines[-3].startswith("Saved checkpoint to ")
    assert lines[-2].startswith("Saved metrics to ")
    assert lines[-1] == "Training finished"


def test_quick_train_builds_trains_and_returns_the_four(config, batches):
    result = quick_train(config, batches, batches)
    assert list(result) == ["model", "trainer", "metrics_history", "final_metrics"]
    assert type(result["model"]) is AdaptiveModel
    assert type(result["trainer"]) is TrainingLoop
    assert result["trainer"].model is result["model"]
    assert result["metrics_history"] is result["trainer"].metrics_history
    assert result["final_metrics"] is result["metrics_history"][-1]
    assert len(result["metrics_history"]) == 1
    assert quick_train(config, batches, num_epochs=-1)["final_metrics"] == {}


def test_it_shares_no_step_code_with_the_trainer():
    ours = {
        name
        for name in vars(loops)
        if getattr(vars(loops)[name], "__module__", "").startswith("adaptiveneuralnetwork.training")
    }
    assert ours == {"TrainingLoop", "quick_train", "_count_correct"}
