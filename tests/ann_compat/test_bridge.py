import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn, optim

import ann_compat
from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import LoggingCallback, Trainer, TrainingLoop
from ann_compat import (
    flatten_images,
    legacy_callbacks,
    legacy_config,
    legacy_evaluate,
    legacy_history,
    legacy_load_checkpoint,
    legacy_quick_train,
    legacy_save_checkpoint,
    legacy_save_metrics,
    legacy_train,
    legacy_train_epoch,
    legacy_trainer,
)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def config(**settings) -> AdaptiveConfig:
    sizes = {"input_dim": 4, "output_dim": 3, "num_nodes": 3, "hidden_dim": 3, "num_epochs": 2}
    return AdaptiveConfig(**(sizes | {"save_checkpoint": False, "metrics_file": None} | settings))


def loader(batches: int = 2):
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(5, 4, generator=generator), torch.randint(0, 3, (5,), generator=generator)) for _ in range(batches)
    ]


def migrated(settings: AdaptiveConfig) -> Trainer:
    torch.manual_seed(0)
    return legacy_trainer(AdaptiveModel(settings), settings)


def legacy(settings: AdaptiveConfig) -> TrainingLoop:
    torch.manual_seed(0)
    return TrainingLoop(AdaptiveModel(settings), settings)


def without_clock(records):
    return [
        {key: value for key, value in record.items() if key not in ("timestamp", "epoch_time")} for record in records
    ]


def test_history_is_one_list_that_grows_over_all_calls():
    trainer = migrated(config())
    history = legacy_history(trainer)
    assert history == []
    first = legacy_history(trainer.fit(loader(), 2, val_loader=loader()))
    second = legacy_history(trainer.fit(loader(), 1))
    assert first is second is history is legacy_history(trainer)
    assert [record["epoch"] for record in history] == [0, 1, 0]


def test_records_are_those_of_the_loop():
    old = legacy(config()).train(loader(), loader())
    new = legacy_history(migrated(config()).fit(loader(), 2, val_loader=loader()))
    assert [list(record) for record in new] == [list(record) for record in old]
    assert without_clock(new) == without_clock(old)
    assert new[0]["train_accuracy"] > 1.0
    assert [type(new[0][key]) for key in ("timestamp", "epoch_time")] == [float, float]


def test_accuracy_is_the_percentage_that_the_loop_computes_to_the_last_bit():
    # 100.0 * 7 / 25 is 28.0; 100 * (7 / 25) is 28.000000000000004.
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return x + self.bias

        def get_metrics(self):
            return {"active_node_ratio": 1.0, "mean_energy": 1.0}

    outputs = torch.eye(2).repeat(13, 1)[:25]
    targets = outputs.argmax(dim=1)
    targets[:18] = 1 - targets[:18]
    settings = config()
    trainer = legacy_trainer(Fixed(), settings, optim.SGD([torch.zeros(1, requires_grad=True)]))
    assert legacy_evaluate(trainer, [(outputs, targets)])["val_accuracy"] == 28.0


@pytest.mark.parametrize("wrong", [None, [], "trainer", 3])
def test_history_of_something_else_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="legacy_history takes a Trainer"):
        legacy_history(wrong)


@pytest.mark.parametrize(
    "function",
    [
        legacy_history,
        legacy_config,
        legacy_save_metrics,
        lambda t: legacy_train(t, loader()),
        lambda t: legacy_save_checkpoint(t, 0),
        lambda t: legacy_load_checkpoint(t, "x"),
    ],
)
def test_a_trainer_without_legacy_callbacks_is_refused_by_name(function):
    model = nn.Linear(1, 1)
    trainer = Trainer(model, optim.SGD(model.parameters()), nn.MSELoss(), callbacks=[LoggingCallback()])
    with pytest.raises(ValueError, match=r"legacy_\w+ needs a Trainer made with callbacks=legacy_callbacks\(config\)"):
        function(trainer)


def test_the_checkpoint_folder_is_made_when_the_callbacks_are():
    settings = config(save_checkpoint=True, checkpoint_dir="deep/down")
    legacy_callbacks(settings)
    assert Path("deep/down").is_dir()
    legacy_callbacks(config(save_checkpoint=False, checkpoint_dir="elsewhere"))
    assert not Path("elsewhere").exists()


def test_settings_are_read_when_the_loop_read_them(capsys):
    settings = config()
    trainer = migrated(settings)
    settings.metrics_file, settings.log_interval = "late.json", 1
    trainer.fit(loader(3), 1)
    assert len(json.loads(Path("late.json").read_text())) == 1
    assert capsys.readouterr().out.count("batch ") == 3


def test_console_lines_are_those_of_the_loop(capsys):
    settings = config(save_checkpoint=True, metrics_file="metrics.json", num_epochs=5, log_interval=1)
    legacy(settings).train(loader(), loader())
    old = capsys.readouterr().out
    migrated(settings).fit(loader(), 5, val_loader=loader())
    assert capsys.readouterr().out == old
    assert "Saved checkpoint to checkpoints/checkpoint_epoch_4.pt" in old


def test_checkpoints_are_exchanged_in_both_directions():
    settings = config(save_checkpoint=True)
    loop, trainer = legacy(settings), migrated(settings)
    loop.train(loader(), num_epochs=1)
    loop.save_checkpoint(7)
    old_path = "checkpoints/checkpoint_epoch_7.pt"
    assert legacy_load_checkpoint(trainer, old_path) == 7
    assert without_clock(legacy_history(trainer)) == without_clock(loop.metrics_history)
    trainer.fit(loader(), 1)
    loop.train(loader(), num_epochs=1)
    for old, new in zip(loop.model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(old, new)
    legacy_save_checkpoint(trainer, 8)
    assert loop.load_checkpoint("checkpoints/checkpoint_epoch_8.pt") == 8


def test_loading_a_legacy_checkpoint_does_not_make_fit_continue():
    trainer = migrated(config(save_checkpoint=True))
    trainer.fit(loader(), 2)
    legacy_save_checkpoint(trainer, 1)
    legacy_load_checkpoint(trainer, "checkpoints/checkpoint_epoch_1.pt")
    assert [record["epoch"] for record in trainer.fit(loader(), 1)] == [0]


@pytest.mark.parametrize("epochs", [{}, {"num_epochs": None}, {"num_epochs": 0}, {"num_epochs": 1}])
def test_train_reads_the_epochs_of_the_config_when_it_is_called(epochs):
    settings = config(num_epochs=2)
    trainer, loop = migrated(settings), legacy(config(num_epochs=3))
    settings.num_epochs = 3
    assert legacy_config(trainer) is settings
    torch.manual_seed(1)
    ours = legacy_train(trainer, loader(), loader(1), **epochs)
    torch.manual_seed(1)
    assert without_clock(ours) == without_clock(loop.train(loader(), loader(1), **epochs))
    assert ours is legacy_history(trainer)


def test_single_epochs_and_evaluations_have_the_legacy_keys():
    trainer = migrated(config())
    assert list(legacy_train_epoch(trainer, loader(), 3)) == ["train_loss", "train_accuracy", "epoch_time"]
    assert trainer.model.training
    assert list(legacy_evaluate(trainer, loader())) == ["val_loss", "val_accuracy"]
    assert not trainer.model.training
    assert legacy_history(trainer) == []


def test_metrics_are_written_on_request_and_not_after_an_error():
    trainer = migrated(config(metrics_file="metrics.json"))
    with pytest.raises(ValueError, match="pair"):
        trainer.fit([*loader(1), (1, 2, 3)], 1)
    assert not Path("metrics.json").exists()
    legacy_save_metrics(trainer)
    assert json.loads(Path("metrics.json").read_text()) == []


def test_quick_train_gives_what_it_gave():
    settings = config()
    torch.manual_seed(0)
    result = legacy_quick_train(settings, loader(), loader(), None)
    assert list(result) == ["model", "trainer", "metrics_history", "final_metrics"]
    assert len(result["metrics_history"]) == 2
    assert result["final_metrics"] is result["metrics_history"][-1]
    assert result["model"] is result["trainer"].model
    torch.manual_seed(0)
    assert legacy_quick_train(settings, loader(), num_epochs=-1)["final_metrics"] == {}


def test_an_empty_optimizer_argument_means_the_default():
    settings = config(learning_rate=0.25)
    trainer = legacy_trainer(nn.Linear(4, 3), settings)
    assert type(trainer.optimizer) is optim.Adam
    assert trainer.optimizer.param_groups[0]["lr"] == 0.25
    assert isinstance(trainer.criterion, nn.CrossEntropyLoss)
    assert (trainer.max_grad_norm, trainer.batch_transform) == (1.0, flatten_images)


def test_a_loader_whose_length_is_wrong_is_averaged_over_the_batches_it_gave():
    """A divergence: the legacy loop divides by ``len(loader)``, whatever the loader gives."""

    class Samples(list):
        def __len__(self):
            return 10

    old = legacy(config()).train(Samples(loader()), num_epochs=1)
    new = legacy_history(migrated(config()).fit(Samples(loader()), 1))
    assert new[0]["train_loss"] == pytest.approx(5 * old[0]["train_loss"])
    assert new[0]["train_accuracy"] == old[0]["train_accuracy"]


def test_importing_the_package_loads_neither_torch_nor_the_harness():
    code = (
        "import sys, ann_compat, ann_compat.equivalence\n"
        "assert 'legacy_history' in dir(ann_compat)\n"
        "print(sorted({'torch', 'hypothesis', 'libcst', 'pytest', 'adaptiveneuralnetwork'} & set(sys.modules)))\n"
        "ann_compat.legacy_history\n"
        "print(sorted({'hypothesis', 'libcst', 'pytest', 'ann_migrate'} & set(sys.modules)))"
    )
    paths = f"import sys; sys.path[:0] = {[path for path in sys.path if path]!r}\n"
    result = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "[]"]


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'ann_compat' has no attribute 'legacy_fly'"):
        ann_compat.legacy_fly  # noqa: B018
