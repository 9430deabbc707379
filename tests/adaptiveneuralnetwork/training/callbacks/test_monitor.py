import math

import pytest

from adaptiveneuralnetwork.training import Monitor
from adaptiveneuralnetwork.training.callbacks.monitor import as_monitor

NAN = math.nan


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("val_loss", "min"),
        ("train_error", "min"),
        ("val_top5_accuracy", "max"),
        ("val_f1", "max"),
        ("val_Acc", "max"),
        ("rmse", "min"),
    ],
)
def test_auto_tells_the_mode_from_the_name(metric, mode):
    assert Monitor(metric).mode == mode


@pytest.mark.parametrize("metric", ["val_score", "glossary", "accuracy_loss"])
def test_auto_does_not_guess(metric):
    with pytest.raises(ValueError, match=f"cannot tell whether less or more '{metric}' is better; give 'min' or 'max'"):
        Monitor(metric)
    assert Monitor(metric, "max").mode == "max"


def best_of(monitor, values):
    best = None
    for value in values:
        if monitor.is_better(value, than=best):
            best = value
    return best


@pytest.mark.parametrize(
    ("mode", "min_delta", "values", "best"),
    [
        ("min", 0.0, [3.0, 1.0, 2.0], 1.0),
        ("max", 0.0, [3.0, 1.0, 4.0], 4.0),
        ("min", 0.5, [3.0, 2.6, 2.5, 2.4], 2.4),
        ("max", 0.5, [3.0, 3.5, 3.51], 3.51),
        ("min", 0.0, [2.0, 2.0], 2.0),
        ("min", 0.0, [math.inf, 2.0], 2.0),
        ("max", 0.0, [-math.inf, -2.0], -2.0),
    ],
)
def test_what_is_better(mode, min_delta, values, best):
    assert best_of(Monitor("m", mode, min_delta), values) == best


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("values", [[NAN, 2.0], [2.0, NAN], [NAN, NAN, 2.0, NAN], [None, 2.0]])
def test_c33_nan_and_missing_are_never_best_and_block_nothing(mode, values):
    assert best_of(Monitor("m", mode), values) == 2.0
    assert best_of(Monitor("m", mode), [NAN, None]) is None


def test_an_unknown_metric_lists_the_known_ones():
    monitor = Monitor("val_loss")
    with pytest.raises(ValueError, match=r"no metric 'val_loss' to monitor; known are 'train_loss', 'train_acc"):
        monitor.read({"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5})
    with pytest.raises(ValueError, match=r"known are 'val_mse'$"):
        monitor.read({"val_mse": 1.0})
    with pytest.raises(ValueError, match="known are none"):
        monitor.read(None)
    assert Monitor("val_loss", required=False).read({}) is None
    assert monitor.read({"val_loss": 1}) == 1.0
    with pytest.raises(TypeError, match="metric 'val_loss' is to be monitored but is no number: 'much'"):
        monitor.read({"val_loss": "much"})


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="monitor must be the name of a metric or a Monitor, got 3"):
        Monitor(3)
    with pytest.raises(ValueError, match="mode must be one of 'min', 'max', 'auto'; got 'least'"):
        Monitor("val_loss", "least")
    with pytest.raises(ValueError, match="min_delta must be a number of at least 0, got -1"):
        Monitor("val_loss", min_delta=-1)
    with pytest.raises(ValueError, match="mode and min_delta belong into the Monitor"):
        as_monitor(Monitor("val_loss"), mode="min")
