import sys

import pytest

from adaptiveneuralnetwork.training import Callback, GradientNormMonitor, TensorBoardLogger


def curves(folder):
    """Read the event files back: for each curve its points."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]
    }


def test_epochs_and_steps_can_be_read_back(make_trainer, flat_batches, tmp_path):
    trainer = make_trainer(callbacks=[GradientNormMonitor(), TensorBoardLogger(tmp_path, every_n_steps=2)])
    history = trainer.fit(flat_batches, num_epochs=2, val_loader=flat_batches)
    found = curves(tmp_path)
    for tag, name in {"loss/train": "train_loss", "loss/val": "val_loss", "accuracy/val": "val_accuracy"}.items():
        assert found[tag] == [(3, pytest.approx(history[0][name])), (6, pytest.approx(history[1][name]))]
    assert [step for step, _ in found["step/loss"]] == [2, 4, 6]
    assert [value for _, value in found["step/lr"]] == [pytest.approx(0.1)] * 3
    assert all(value > 0 for _, value in found["step/grad_norm"])
    assert found["epoch"] == [(3, 0.0), (6, 1.0)]
    assert "grad_norm_max" in found


def test_steps_can_be_left_out(make_trainer, flat_batches, tmp_path):
    make_trainer(callbacks=[TensorBoardLogger(tmp_path, every_n_steps=None)]).fit(flat_batches, num_epochs=1)
    assert not any(tag.startswith("step/") for tag in curves(tmp_path))


def test_a_continued_run_replaces_what_came_after_its_checkpoint(make_trainer, flat_batches, tmp_path):
    first = TensorBoardLogger(tmp_path, every_n_steps=1)
    make_trainer(callbacks=[first]).fit(flat_batches, num_epochs=2)
    again = TensorBoardLogger(tmp_path, every_n_steps=1)
    again.load_state_dict(first.state_dict())
    trainer = make_trainer(callbacks=[again])
    trainer.global_step = 4
    trainer.fit(flat_batches, num_epochs=1)
    assert [step for step, _ in curves(tmp_path)["step/loss"]] == [1, 2, 3, 4, 5, 6, 7]


def test_the_file_is_closed_when_training_fails(make_trainer, flat_batches, tmp_path):
    class Fail(Callback):
        def on_epoch_begin(self, epoch, trainer, logs=None):
            if epoch == 1:
                raise OSError("full")

    logger = TensorBoardLogger(tmp_path, every_n_steps=1)
    with pytest.raises(OSError, match="full"):
        make_trainer(callbacks=[logger, Fail()]).fit(flat_batches, num_epochs=2)
    assert logger._writer is None
    assert len(curves(tmp_path)["step/loss"]) == 3


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"needs the package tensorboard: pip install 'adaptiveneuralnetwork\[tens"):
        TensorBoardLogger(tmp_path)


def test_only_the_main_process_writes(make_trainer, flat_batches, tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    make_trainer(callbacks=[TensorBoardLogger(tmp_path, every_n_steps=1)]).fit(flat_batches, num_epochs=1)
    assert list(tmp_path.iterdir()) == []
