import csv

import pytest
import torch

from adaptiveneuralnetwork.training import Callback, CSVLogger, LRSchedulerCallback, Phase


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Extra(Callback):
    """A metric that comes up in the second epoch."""

    def on_epoch_end(self, epoch, trainer, logs=None):
        if epoch:
            logs["extra, quoted"] = epoch / 3


def test_a_row_for_each_epoch_with_all_digits(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "new" / "log.csv"
    trainer = make_trainer(callbacks=[CSVLogger(path)])
    trainer.callbacks.append(LRSchedulerCallback(torch.optim.lr_scheduler.StepLR(trainer.optimizer, 1, 0.5)))
    history = trainer.fit(flat_batches, num_epochs=3, val_loader=flat_batches)
    rows = read(path)
    assert list(rows[0]) == [*history[0], "lr", "epoch_time"]
    assert [{name: float(row[name]) for name in history[0]} for row in rows] == history
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [float(row["lr"]) for row in rows] == [0.1, 0.05, 0.025], "the rate that the epoch was trained with"
    assert all(float(row["epoch_time"]) > 0 for row in rows)


def test_a_metric_that_comes_later_gets_a_column(make_trainer, flat_batches, tmp_path):
    make_trainer(callbacks=[CSVLogger(tmp_path / "log.csv"), Extra()]).fit(flat_batches, num_epochs=4)
    rows = read(tmp_path / "log.csv")
    assert [row["extra, quoted"] for row in rows] == ["", *(repr(epoch / 3) for epoch in (1, 2, 3))]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]


def test_the_file_is_complete_after_each_epoch(make_trainer, flat_batches, tmp_path):
    class Fail(Callback):
        def on_epoch_begin(self, epoch, trainer, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_trainer(callbacks=[CSVLogger(tmp_path / "log.csv"), Fail()]).fit(flat_batches, num_epochs=3)
    assert len(read(tmp_path / "log.csv")) == 2


def test_a_continued_run_goes_on_where_its_checkpoint_was_written(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "log.csv"
    states = []

    class Keep(Callback):
        phase = Phase.PERSIST

        def on_epoch_end(self, epoch, trainer, logs=None):
            states.append(logger.state_dict())

    logger = CSVLogger(path)
    make_trainer(callbacks=[Keep(), logger, Extra()]).fit(flat_batches, num_epochs=3)
    again = CSVLogger(path)
    again.load_state_dict(states[1])
    make_trainer(callbacks=[again]).fit(flat_batches, num_epochs=1)
    assert [row["epoch"] for row in read(path)] == ["0", "1", "0"], "the third was written after the checkpoint"
    path.unlink()
    gone = CSVLogger(path)
    gone.load_state_dict(states[1])
    make_trainer(callbacks=[gone]).fit(flat_batches, num_epochs=1)
    assert len(read(path)) == 1


def test_a_new_run_replaces_the_file_unless_it_is_to_append(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "log.csv"
    trainer = make_trainer(callbacks=[CSVLogger(path)])
    for _ in range(2):
        trainer.fit(flat_batches, num_epochs=2)
    assert len(read(path)) == 2
    make_trainer(callbacks=[CSVLogger(path, append=True), Extra()]).fit(flat_batches, num_epochs=2)
    rows = read(path)
    assert [row["epoch"] for row in rows] == ["0", "1", "0", "1"]
    assert rows[0]["extra, quoted"] == ""


def test_only_the_main_process_writes(make_trainer, flat_batches, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    make_trainer(callbacks=[CSVLogger(tmp_path / "log.csv")]).fit(flat_batches, num_epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_path_is_named():
    with pytest.raises(TypeError, match="path must be the path of a file or folder, got None"):
        CSVLogger(None)
