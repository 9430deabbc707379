import sys

import pytest

from adaptiveneuralnetwork.training import Callback, HistoryPlot, plot_history


def pixels(path):
    from PIL import Image

    with Image.open(path) as image:
        return image.size


def test_a_panel_for_each_metric_with_both_curves(make_trainer, flat_batches):
    history = make_trainer().fit(flat_batches, num_epochs=3, val_loader=flat_batches)
    figure = plot_history(history)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy"]
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["train"].get_xdata()) == [1, 2, 3]
    assert list(lines["val"].get_ydata()) == history.column("val_loss")


def test_metrics_that_come_and_go(make_trainer):
    figure = plot_history(
        [{"epoch": 0, "train_loss": 1.0}, {"epoch": 1, "train_loss": float("nan"), "val_loss": 2.0, "speed": 3}]
    )
    assert [axes.get_title() for axes in figure.axes] == ["loss", "speed"]
    assert list(figure.axes[0].get_lines()[1].get_xdata()) == [2]
    with pytest.raises(ValueError, match="history has no record to plot"):
        plot_history([])


def test_the_file_is_a_picture_and_pyplot_is_left_alone(make_trainer, flat_batches, tmp_path):
    path = tmp_path / "new" / "curves.png"
    make_trainer(callbacks=[HistoryPlot(path)]).fit(flat_batches, num_epochs=2, val_loader=flat_batches)
    width, height = pixels(path)
    assert width > height > 100, "two panels side by side"
    assert "matplotlib.pyplot" not in sys.modules


def test_it_is_drawn_at_epochs_and_when_training_fails(make_trainer, flat_batches, tmp_path):
    seen = []

    class Look(Callback):
        def on_epoch_begin(self, epoch, trainer, logs=None):
            seen.append((tmp_path / "curves.png").exists())
            if epoch == 3:
                raise OSError("full")

    with pytest.raises(OSError, match="full"):
        make_trainer(callbacks=[HistoryPlot(tmp_path / "curves.png", every_n_epochs=2), Look()]).fit(flat_batches, 5)
    assert seen == [False, False, True, True]
    with pytest.raises(OSError, match="full"):
        make_trainer(callbacks=[HistoryPlot(tmp_path / "end.png"), Look()]).fit(flat_batches, 5)
    assert (tmp_path / "end.png").exists()


def test_nothing_is_drawn_of_nothing(make_trainer, flat_batches, tmp_path):
    make_trainer(callbacks=[HistoryPlot(tmp_path / "curves.png")]).fit(flat_batches, num_epochs=0)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_before_training(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"HistoryPlot needs the package matplotlib: pip install .*\[plot\]"):
        HistoryPlot(tmp_path / "curves.png")
