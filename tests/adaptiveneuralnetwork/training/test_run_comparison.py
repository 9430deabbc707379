"""Runs that are made to differ in one known way, recorded for real, and the verdicts on them."""

import json

import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import Callback, JSONLLogger, Trainer, compare_runs


class At(Callback):
    """Do something before the batch of one step."""

    def __init__(self, step, action):
        self.step = step
        self.action = action

    def on_batch_begin(self, batch_idx, trainer, logs=None):
        if trainer.global_step + 1 == self.step:
            self.action(trainer)


def record(path, *, init=0, order=1, callbacks=(), epochs=2, lr=0.1, steps=1, batches=True):
    generator = torch.Generator().manual_seed(0)
    data = TensorDataset(torch.randn(24, 6, generator=generator), torch.randint(0, 3, (24,), generator=generator))
    torch.manual_seed(init)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 3))
    torch.manual_seed(order)
    logger = JSONLLogger(path, every_n_steps=steps, digest_batches=bool(steps and batches), digest_parameters=True)
    optimizer = optim.SGD(model.parameters(), lr=lr)
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), device="cpu", callbacks=[*callbacks, logger])
    trainer.fit(DataLoader(data, 8, shuffle=True), num_epochs=epochs)
    return path


def set_rate(trainer):
    trainer.optimizer.param_groups[0]["lr"] = 0.2


def nudge(trainer):
    with torch.no_grad():
        trainer.model[0].weight[0, 0] += 1e-4


def test_the_same_run_twice_is_equal(tmp_path):
    result = compare_runs(record(tmp_path / "a"), record(tmp_path / "b"))
    assert result.equal
    assert (result.steps, result.epochs) == (6, 2)
    assert str(result) == "equal: 6 steps and 2 epochs agree, bit for bit"


@pytest.mark.parametrize(
    ("change", "cause", "step"),
    [
        ({"init": 5}, "initialisation", None),
        ({"order": 5}, "data order", 1),
        ({"lr": 0.05}, "learning rate", 1),
        ({"callbacks": [At(4, set_rate)]}, "learning rate", 4),
        ({"callbacks": [At(5, nudge)]}, "numerics", 5),
        ({"callbacks": [At(2, lambda trainer: torch.rand(1))]}, "rng", 2),
        ({"epochs": 1}, "length", None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_kind_of_difference_is_named_at_its_step(tmp_path, change, cause, step):
    result = compare_runs(record(tmp_path / "a"), record(tmp_path / "b", **change))
    assert not result.equal
    assert (result.cause, result.step) == (cause, step)
    assert cause in str(result)


def test_other_numbers_from_other_settings_are_put_down_to_them(tmp_path):
    one, other = record(tmp_path / "a"), record(tmp_path / "b", callbacks=[At(3, nudge)])
    lines = other.read_text().splitlines()
    header = json.loads(lines[0]) | {"threads": 7}
    other.write_text("\n".join([json.dumps(header), *lines[1:]]))
    result = compare_runs(one, other)
    assert (result.cause, result.step, result.epoch) == ("settings", 3, 0)
    assert result.settings["threads"] == (torch.get_num_threads(), 7)
    assert "setting threads" in str(result)


def test_without_steps_epochs_are_compared(tmp_path):
    one = record(tmp_path / "a", steps=None)
    assert compare_runs(one, record(tmp_path / "b", steps=None)).epochs == 2
    result = compare_runs(one, record(tmp_path / "c", steps=None, callbacks=[At(5, nudge)]))
    assert (result.cause, result.step, result.epoch) == ("numerics", None, 1)
    assert "train_loss" in result.what


def test_files_that_are_no_run_records_are_refused(tmp_path):
    good = record(tmp_path / "good")
    with pytest.raises(FileNotFoundError):
        compare_runs(good, tmp_path / "none")
    for name, content, message in [
        ("text", "hello\n", "line 1: not a line of a run record"),
        ("list", "[1]\n", "line 1: not a line of a run record"),
        ("headless", '{"type": "end"}\n', "no header, so it is not a run record"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=message):
            compare_runs(good, tmp_path / name)
    (tmp_path / "empty").write_text(good.read_text().splitlines()[0])
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_runs(good, tmp_path / "empty")
