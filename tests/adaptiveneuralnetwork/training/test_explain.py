"""The plan of a run is what the run then does."""

import inspect
import re

import pytest
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig
from adaptiveneuralnetwork.training import (
    EarlyStopping,
    JSONLLogger,
    LoggingCallback,
    ModelCheckpoint,
    ProfilingCallback,
    Trainer,
    flatten_images,
)
from adaptiveneuralnetwork.training.callbacks.base import HOOKS, Callback
from ann_compat import legacy_callbacks

DATA = TensorDataset(torch.zeros(20, 1, 2, 2), torch.zeros(20, dtype=torch.long))


def make(**arguments):
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    return Trainer(
        model,
        optim.SGD(model.parameters(), lr=0.1),
        nn.CrossEntropyLoss(),
        device="cpu",
        batch_transform=flatten_images,
        **arguments,
    )


def test_sizes_loop_and_files_are_said(capsys, tmp_path):
    trainer = make(
        callbacks=[ModelCheckpoint(tmp_path / "saved"), LoggingCallback(), JSONLLogger(tmp_path / "run.jsonl")],
        gradient_accumulation_steps=3,
        max_grad_norm=0.5,
    )
    trainer.explain(DataLoader(DATA, batch_size=6), num_epochs=5, val_loader=DataLoader(DATA, batch_size=10))
    text = capsys.readouterr().out
    for fact in (
        "Sequential, 23 parameters, 8 of them trained",
        "SGD, learning rate 0.1",
        "CrossEntropyLoss",
        "total gradient norm of 0.5",
        "3 batches to a step",
        "6, 18 samples to a step",
        "4 batches, 2 optimizer steps",
        "5 epochs, 10 optimizer steps",
        "for each of 5 epochs:",
        "for each batch (moved to cpu, flatten_images):",
        "if it is the last of 3 batches or of the epoch:",
        "clip_grad_norm_(model.parameters(), 0.5)",
        "evaluate, without gradients, on 2 batches:",
        f"ModelCheckpoint writes {tmp_path / 'saved'}",
        f"JSONLLogger writes {tmp_path / 'run.jsonl'}",
    ):
        assert fact in text
    assert not list(tmp_path.iterdir()), "nothing was run"


def test_the_order_is_the_one_in_which_the_run_calls(capsys):
    called = []

    class Spy(Callback):
        pass

    def spy(name):
        def method(self, *arguments):
            called.append(name)

        return method

    for name in HOOKS:
        if name != "on_exception":
            setattr(Spy, name, spy(name))
    trainer = make(callbacks=[Spy()])
    loader = DataLoader(DATA, batch_size=20)
    trainer.explain(loader, 1, loader)
    planned = re.findall(r"Spy\.(on_\w+)", capsys.readouterr().out)
    trainer.fit(loader, 1, loader)
    assert planned == called


def test_callbacks_stand_in_the_order_of_their_phases(capsys, tmp_path):
    make(callbacks=[ModelCheckpoint(tmp_path), EarlyStopping("train_loss"), ProfilingCallback()]).explain()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.endswith(".on_epoch_end")]
    assert [line.split(".")[0] for line in lines] == ["ProfilingCallback", "EarlyStopping", "ModelCheckpoint"]


def test_it_takes_what_fit_takes(capsys, tmp_path):
    trainer = make(max_grad_value=0.1, max_grad_norm=0.5, use_amp=True, amp_dtype="float16")
    loader = DataLoader(DATA, batch_size=6)
    stopping, scheduler = EarlyStopping("val_loss"), optim.lr_scheduler.StepLR(trainer.optimizer, 1)
    trainer.explain(loader, 5, loader, scheduler, stopping, limit_train_batches=3, limit_val_batches=9)
    text = capsys.readouterr().out
    lines = [line.strip() for line in text.splitlines()]
    assert "each element to 0.1, then total gradient norm of 0.5" in text
    assert "3 batches, 3 optimizer steps" in text
    assert "evaluate, without gradients, on 4 batches:" in lines
    planned = [
        "unscale the gradients",
        "clip_grad_value_(model.parameters(), 0.1)",
        "clip_grad_norm_(model.parameters(), 0.5)",
        "optimizer.step(), unless they overflow",
        "StepLR.step()",
        "EarlyStopping.on_epoch_end",
    ]
    assert [line for line in lines if line in planned] == planned
    trainer.explain(loader, 5, fast_dev_run=True)
    assert "1 epochs, 1 optimizer steps" in capsys.readouterr().out
    with pytest.raises(ValueError, match="limit_val_batches must be at least 1, got 0"):
        trainer.explain(loader, limit_val_batches=0)
    fits, explains = (inspect.signature(getattr(Trainer, name)).parameters for name in ("fit", "explain"))
    assert list(explains) == list(fits)


def test_where_a_checkpoint_is_continued_is_said(capsys, tmp_path):
    trainer = make(callbacks=[ModelCheckpoint(tmp_path, every_n_steps=1)])
    loader = DataLoader(DATA, batch_size=6)
    trainer.fit(loader, 2)
    trainer.load_checkpoint(tmp_path / "last.pt")
    trainer.explain(loader, 3)
    assert f"continues     {tmp_path / 'last.pt'}, from epoch 2, batch 0 on" in capsys.readouterr().out

    class Stop(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            trainer.stop_at_step = batch_idx == 1

    make(callbacks=[Stop(), ModelCheckpoint(tmp_path, every_n_steps=1)]).fit(loader, 2)
    trainer.load_checkpoint(tmp_path / "last.pt")
    trainer.explain(loader, 3)
    assert "last.pt, from epoch 0, batch 2 on" in capsys.readouterr().out


def test_what_is_not_known_is_left_open(capsys):
    make(use_amp=True).explain(iter([]))
    text = capsys.readouterr().out
    assert "for each epoch:" in text
    assert "unknown length" in text
    assert "mixed, bfloat16" in text
    assert "nothing is written" in text


def test_the_files_of_the_legacy_callbacks_are_named(capsys, tmp_path):
    config = AdaptiveConfig(checkpoint_dir=str(tmp_path / "saved"), metrics_file="metrics.json")
    make(callbacks=legacy_callbacks(config)).explain()
    text = capsys.readouterr().out
    assert "LegacyCallback writes metrics.json" in text
    assert "checkpoint_epoch_N.pt" in text
