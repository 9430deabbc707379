import math

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, EarlyStopping, ModelCheckpoint
from adaptiveneuralnetwork.training.checkpoint import read_checkpoint


class Scripted(Callback):
    def __init__(self, *values):
        self.values = values

    def on_epoch_end(self, epoch, trainer, logs=None):
        logs["val_loss"] = self.values[epoch]


def fit(make_trainer, batches, checkpoint, *values, num_epochs=None, **arguments):
    trainer = make_trainer(callbacks=[checkpoint, Scripted(*values)], **arguments)
    trainer.fit(batches, num_epochs=len(values) if num_epochs is None else num_epochs)
    return trainer


def names(folder):
    """The files, but for the ones before them that writing a checkpoint keeps."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".previous")


def test_the_last_state_can_be_continued(make_trainer, flat_batches, tmp_path):
    whole = make_trainer()
    torch.manual_seed(1)
    expected = whole.fit(flat_batches, num_epochs=4)
    checkpoint = ModelCheckpoint(tmp_path / "new" / "folder", top_k=0)
    interrupted = make_trainer(callbacks=[checkpoint])
    torch.manual_seed(1)
    interrupted.fit(flat_batches, num_epochs=2)
    assert names(checkpoint.folder) == ["last.pt"]
    trainer = make_trainer()
    trainer.load_checkpoint(checkpoint.last_path)
    assert trainer.fit(flat_batches, num_epochs=4) == expected
    for one, other in zip(trainer.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_best_ones_are_kept_best_first(make_trainer, flat_batches, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, "val_loss", top_k=2)
    fit(make_trainer, flat_batches, checkpoint, 5, 3, 4, 3, 6)
    assert names(tmp_path) == ["epoch_0002.pt", "epoch_0004.pt", "last.pt"]
    assert list(checkpoint.saved.values()) == [3, 3]
    assert checkpoint.best_path == tmp_path / "epoch_0002.pt", "of equals the older"
    assert (checkpoint.best, checkpoint.best_epoch) == (3, 1)
    assert read_checkpoint(checkpoint.best_path)["epoch"] == 1
    assert read_checkpoint(checkpoint.last_path)["epoch"] == 4


def test_more_is_better_where_the_metric_says_so(make_trainer, flat_batches, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, "train_accuracy", last=False)
    history = make_trainer(callbacks=[checkpoint]).fit(flat_batches, num_epochs=5)
    best = max(range(5), key=lambda epoch: history[epoch]["train_accuracy"])
    assert names(tmp_path) == [f"epoch_{best + 1:04d}.pt"]


@pytest.mark.parametrize(
    ("top_k", "expected"),
    [(1, [4]), (2, [3, 4]), (None, [1, 2, 3, 4]), (0, [])],
)
def test_without_a_monitor_the_newest_are_kept(make_trainer, flat_batches, tmp_path, top_k, expected):
    checkpoint = ModelCheckpoint(tmp_path, top_k=top_k, last=False)
    make_trainer(callbacks=[checkpoint]).fit(flat_batches, num_epochs=4)
    assert names(tmp_path) == [f"epoch_{epoch:04d}.pt" for epoch in expected]
    assert checkpoint.best_path is None


def test_every_n_epochs(make_trainer, flat_batches, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, "val_loss", top_k=None, last=False, every_n_epochs=2)
    fit(make_trainer, flat_batches, checkpoint, 1, 5, 4, 3, 2)
    assert names(tmp_path) == ["epoch_0002.pt", "epoch_0004.pt"]
    assert checkpoint.best == 1, "the best value is that of all epochs"


def test_c33_nan_is_never_best_and_blocks_nothing(make_trainer, flat_batches, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, "val_loss", top_k=9)
    fit(make_trainer, flat_batches, checkpoint, math.nan, 3, math.nan, 2)
    assert names(tmp_path) == ["epoch_0002.pt", "epoch_0004.pt", "last.pt"]
    assert checkpoint.best == 2
    with pytest.raises(ValueError, match="no metric 'val_loss' to monitor; known are"):
        make_trainer(callbacks=[ModelCheckpoint(tmp_path, "val_loss")]).fit(flat_batches, num_epochs=1)


class Weights(Callback):
    """The weights at each epoch's end."""

    def __init__(self):
        self.epochs = []

    def on_epoch_end(self, epoch, trainer, logs=None):
        self.epochs.append({name: value.clone() for name, value in trainer.model.state_dict().items()})


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("ending", ["all epochs", "early stop", "exception", "interrupt"])
def test_c32_the_best_weights_come_back_however_it_ends(make_trainer, flat_batches, tmp_path, ending):
    class Ending(Callback):
        def on_batch_end(self, batch_idx, trainer, logs=None):
            if (trainer.current_epoch, batch_idx) == (3, 1) and ending in ("exception", "interrupt"):
                raise KeyboardInterrupt if ending == "interrupt" else OSError("full")

    weights = Weights()
    checkpoint = ModelCheckpoint(tmp_path, "val_loss", top_k=0, restore_best=True)
    stopping = [EarlyStopping(patience=2)] if ending == "early stop" else []
    trainer = make_trainer(callbacks=[checkpoint, Ending(), Scripted(2, 1, 3, 3, 3), weights, *stopping])
    if ending in ("exception", "interrupt"):
        with pytest.raises((OSError, KeyboardInterrupt)):
            trainer.fit(flat_batches, num_epochs=5)
    else:
        assert len(trainer.fit(flat_batches, num_epochs=5)) == (4 if stopping else 5)
    assert_same(trainer.model.state_dict(), weights.epochs[1])
    last = read_checkpoint(checkpoint.last_path)
    assert_same(last["model_state_dict"], weights.epochs[-1])
    assert all(value.device.type == "cpu" for value in checkpoint._best_weights.values())


def test_its_state_continues_the_ranking_and_the_best_weights(make_trainer, flat_batches, tmp_path):
    weights = Weights()
    first = ModelCheckpoint(tmp_path, "val_loss", top_k=2, restore_best=True)
    # As if killed between the writing of a new file and the deletion of the one that it pushed out.
    first._delete_evicted = lambda: None
    trainer = make_trainer(callbacks=[first, Scripted(4, 5, 1), weights])
    trainer.fit(flat_batches, num_epochs=3)
    assert names(tmp_path) == ["epoch_0001.pt", "epoch_0002.pt", "epoch_0003.pt", "last.pt"]
    again = ModelCheckpoint(tmp_path, "val_loss", top_k=2, restore_best=True)
    again.load_state_dict(first.state_dict())
    trainer = make_trainer(callbacks=[again, Scripted(None, None, None, 2, 3)])
    trainer.load_checkpoint(first.last_path)
    trainer.fit(flat_batches, num_epochs=5)
    assert names(tmp_path) == ["epoch_0003.pt", "epoch_0004.pt", "last.pt"]
    assert_same(trainer.model.state_dict(), weights.epochs[2])


def test_a_new_fit_starts_anew(make_trainer, flat_batches, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, "val_loss")
    trainer = make_trainer(callbacks=[checkpoint, Scripted(1, 2)])
    trainer.fit(flat_batches, num_epochs=2)
    trainer.callbacks = type(trainer.callbacks)([checkpoint, Scripted(3)])
    trainer.fit(flat_batches, num_epochs=1)
    assert checkpoint.best == 3


class Saves(ModelCheckpoint):
    """Notes when the last state is written."""

    def on_train_begin(self, trainer, logs=None):
        super().on_train_begin(trainer, logs)
        self.steps, save = [], trainer.save_checkpoint
        trainer.save_checkpoint = lambda path: (self.steps.append(trainer.global_step), save(path))


def test_c8_steps_count_and_a_window_is_waited_for(make_trainer, flat_batches, tmp_path):
    batches = [*flat_batches, *flat_batches]
    every = Saves(tmp_path, top_k=0, every_n_steps=2)
    make_trainer(callbacks=[every]).fit(batches, num_epochs=1)
    assert every.steps == [2, 4, 6, 6], "the last one for the epoch"
    every = Saves(tmp_path, top_k=0, every_n_steps=2)
    trainer = make_trainer(callbacks=[every], gradient_accumulation_steps=2)
    trainer.fit(batches, num_epochs=1)
    assert every.steps == [2, 3]


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_stop_within_an_epoch_is_saved(make_trainer, flat_batches, tmp_path, accumulation):
    class Stop(Callback):
        def on_batch_begin(self, batch_idx, trainer, logs=None):
            trainer.stop_at_step = batch_idx >= 2

    saves = Saves(tmp_path, top_k=0)
    trainer = make_trainer(callbacks=[saves, Stop()], gradient_accumulation_steps=accumulation)
    trainer.fit([*flat_batches, *flat_batches], num_epochs=1)
    assert saves.steps == [trainer.global_step] == [3 if accumulation == 1 else 2]


def test_a_failing_write_leaves_the_older_files(make_trainer, flat_batches, tmp_path, monkeypatch):
    checkpoint = ModelCheckpoint(tmp_path, "val_loss")
    trainer = make_trainer(callbacks=[checkpoint, Scripted(3, 2)])
    save = trainer.save_checkpoint

    def full(path):
        if trainer.current_epoch == 1:
            raise OSError("no space left")
        save(path)

    trainer.save_checkpoint = full
    with pytest.raises(OSError, match="no space left"):
        trainer.fit(flat_batches, num_epochs=2)
    assert names(tmp_path) == ["epoch_0001.pt", "last.pt"]
    assert list(checkpoint.saved) == [tmp_path / "epoch_0001.pt"]
    assert read_checkpoint(checkpoint.last_path)["epoch"] == 0


@pytest.mark.parametrize(
    ("arguments", "outputs"),
    [
        ({}, ["runs/last.pt", "runs/epoch_NNNN.pt (the newest 1)"]),
        ({"monitor": "val_loss", "top_k": 3}, ["runs/last.pt", "runs/epoch_NNNN.pt (the best 3 by val_loss)"]),
        ({"top_k": None, "last": False}, ["runs/epoch_NNNN.pt (each)"]),
        ({"top_k": 0}, ["runs/last.pt"]),
    ],
)
def test_what_it_writes_is_said_beforehand(arguments, outputs):
    assert ModelCheckpoint("runs", **arguments).outputs() == outputs


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(TypeError, match="folder must be the path of a file or folder, got 3"):
        ModelCheckpoint(3)
    with pytest.raises(ValueError, match="top_k must be at least 0, got -1"):
        ModelCheckpoint(tmp_path, top_k=-1)
    with pytest.raises(ValueError, match="every_n_epochs must be at least 1, got 0"):
        ModelCheckpoint(tmp_path, every_n_epochs=0)
    with pytest.raises(ValueError, match="restore_best=True needs a monitor"):
        ModelCheckpoint(tmp_path, restore_best=True)
    with pytest.raises(ValueError, match="every_n_steps updates last"):
        ModelCheckpoint(tmp_path, every_n_steps=3, last=False)
