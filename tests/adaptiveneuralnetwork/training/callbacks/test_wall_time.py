import datetime

import pytest

from adaptiveneuralnetwork.training import Callback, ModelCheckpoint, WallTimeLimit
from adaptiveneuralnetwork.training.callbacks import wall_time


class Clock(Callback):
    """A clock that goes on by a second each batch."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(wall_time.time, "monotonic", lambda: self.now)

    def on_batch_begin(self, batch_idx, trainer, logs=None):
        self.now += 1


@pytest.mark.parametrize(
    ("limit", "mid_epoch", "steps", "epochs"),
    [
        (2, True, 2, 0),
        (5, True, 5, 1),
        (5, False, 6, 2),
        (6, True, 6, 2),
        (7, True, 7, 2),
        (100, True, 12, 4),
        (datetime.timedelta(seconds=4), True, 4, 1),
    ],
)
def test_it_ends_when_the_time_is_over(make_trainer, flat_batches, monkeypatch, limit, mid_epoch, steps, epochs):
    callback = WallTimeLimit(limit, mid_epoch=mid_epoch)
    trainer = make_trainer(callbacks=[callback, Clock(monkeypatch)])
    history = trainer.fit(flat_batches, num_epochs=4)
    assert (trainer.global_step, len(history)) == (steps, epochs)
    assert callback.reached == (steps < 12)


def test_each_fit_has_its_own_time(make_trainer, flat_batches, monkeypatch):
    trainer = make_trainer(callbacks=[WallTimeLimit(4), Clock(monkeypatch)])
    assert [len(trainer.fit(flat_batches, num_epochs=1)) for _ in range(3)] == [1, 1, 1]


def test_the_state_at_which_it_stopped_is_saved(make_trainer, flat_batches, monkeypatch, tmp_path):
    callbacks = [ModelCheckpoint(tmp_path), WallTimeLimit(4), Clock(monkeypatch)]
    trainer = make_trainer(callbacks=callbacks)
    trainer.fit(flat_batches, num_epochs=4)
    other = make_trainer()
    other.load_checkpoint(tmp_path / "last.pt")
    assert other.global_step == 4


@pytest.mark.parametrize("limit", [0, -1, "1h"])
def test_a_wrong_limit_is_named(limit):
    with pytest.raises((TypeError, ValueError), match="limit must be a number greater than 0, got"):
        WallTimeLimit(limit)
