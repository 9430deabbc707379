import math

import pytest

from adaptiveneuralnetwork.training import Callback, EarlyStopping, Monitor, Phase


class Scripted(Callback):
    """Makes a metric take the values given, epoch by epoch."""

    def __init__(self, *values, name="val_loss"):
        self.values = values
        self.name = name

    def on_epoch_end(self, epoch, trainer, logs=None):
        if self.values[epoch] is not None:
            logs[self.name] = self.values[epoch]


def epochs_run(make_trainer, batches, stopping, *values, num_epochs=None):
    trainer = make_trainer(callbacks=[stopping, Scripted(*values, name=stopping.monitor.metric)])
    return len(trainer.fit(batches, num_epochs=len(values) if num_epochs is None else num_epochs))


@pytest.mark.parametrize(
    ("patience", "values", "epochs"),
    [
        (1, [3, 2, 2, 1], 3),
        (2, [3, 2, 2, 1, 1, 1, 1], 6),
        (3, [3, 2, 1, 0], 4),
        (2, [3, 2.95, 2.91, 0], 3),
    ],
)
def test_it_waits_for_patience_epochs_without_improvement(make_trainer, flat_batches, patience, values, epochs):
    stopping = EarlyStopping(patience=patience, min_delta=0.1)
    assert epochs_run(make_trainer, flat_batches, stopping, *values) == epochs
    assert (stopping.stopped_epoch is None) == (epochs == len(values) and stopping.wait < patience)


def test_it_goes_by_real_metrics_and_stands_in_fit(make_trainer, flat_batches):
    stopping = EarlyStopping("train_accuracy", patience=2)
    history = make_trainer().fit(flat_batches, num_epochs=200, early_stopping=stopping)
    assert len(history) == stopping.stopped_epoch + 1 == stopping.best_epoch + 3 < 200
    assert stopping.best == max(history.column("train_accuracy"))


def test_c33_nan_counts_as_no_improvement_and_blocks_nothing(make_trainer, flat_batches):
    stopping = EarlyStopping(patience=2)
    assert epochs_run(make_trainer, flat_batches, stopping, math.nan, 3, 2, math.nan, math.nan, 1) == 5
    assert (stopping.best, stopping.best_epoch) == (2, 2)


def test_a_target_ends_it(make_trainer, flat_batches):
    assert epochs_run(make_trainer, flat_batches, EarlyStopping(target=1.5), 3, 2, 1.5, 1) == 3
    stopping = EarlyStopping(Monitor("val_accuracy"), target=0.9)
    assert epochs_run(make_trainer, flat_batches, stopping, 0.5, 0.95, 0.96) == 2


def test_an_epoch_without_the_metric_is_passed_over_if_it_is_not_required(make_trainer, flat_batches):
    stopping = EarlyStopping(Monitor("val_loss", required=False), patience=1)
    assert epochs_run(make_trainer, flat_batches, stopping, None, 3, None, None, 2, 2) == 6
    with pytest.raises(ValueError, match=r"no metric 'val_loss'.*'train_accuracy'; .* give fit a val_loader"):
        make_trainer(callbacks=[EarlyStopping()]).fit(flat_batches, num_epochs=1)


def test_c27_a_stopped_run_stays_stopped_when_it_is_continued(make_trainer, flat_batches):
    def continued(**arguments):
        stopping = EarlyStopping(patience=1)
        assert epochs_run(make_trainer, flat_batches, stopping, 2, 3, 3) == 2
        again = EarlyStopping(patience=1, **arguments)
        again.load_state_dict(stopping.state_dict())
        return again, epochs_run(make_trainer, flat_batches, again, 3, 3)

    stopping, epochs = continued()
    assert epochs == 0
    assert (stopping.stopped_epoch, stopping.best) == (1, 2)
    stopping, epochs = continued(keep_stopped=False)
    assert epochs == 1, "patience is renewed, the best value is not"
    assert stopping.best == 2


def test_its_state_continues_the_count(make_trainer, flat_batches):
    stopping = EarlyStopping(patience=3)
    assert epochs_run(make_trainer, flat_batches, stopping, 2, 3, 3) == 3
    again = EarlyStopping(patience=3)
    again.load_state_dict(stopping.state_dict())
    assert epochs_run(make_trainer, flat_batches, again, 3, 3, 3) == 1


def test_a_new_fit_counts_anew(make_trainer, flat_batches):
    trainer = make_trainer(callbacks=[EarlyStopping(patience=1), Scripted(2, 3, 3)])
    assert [len(trainer.fit(flat_batches, num_epochs=3)) for _ in range(2)] == [2, 2]


def test_two_stand_side_by_side(make_trainer, flat_batches):
    loss, accuracy = EarlyStopping(patience=2), EarlyStopping("val_accuracy", patience=3)
    scripts = [Scripted(1, 2, 3, 4), Scripted(0, 1, 2, 3, name="val_accuracy")]
    trainer = make_trainer(callbacks=[loss, accuracy, *scripts])
    assert len(trainer.fit(flat_batches, num_epochs=4)) == 3
    assert (loss.stopped_epoch, accuracy.stopped_epoch) == (2, None)
    assert loss.phase is Phase.DECIDE, "so it has seen what the scripts, which stand after it, wrote"


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="patience must be at least 1, got 0"):
        EarlyStopping(patience=0)
    with pytest.raises(TypeError, match="target must be a number, got '1'"):
        EarlyStopping(target="1")
