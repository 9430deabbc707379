"""The history as a picture."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_count, as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.values import numbers
from adaptiveneuralnetwork.training.files import write_whole
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from adaptiveneuralnetwork.training.trainer import Trainer


class HistoryPlot(Callback):
    """Draw the curves of all metrics into a PNG file, at the end of training and, if asked, every so many epochs.

    Args:
        path: The file. Its folder is made if needed.
        every_n_epochs: Redraw after each so many epochs as well. Default: at the end only.

    Raises:
        ImportError: The package ``matplotlib`` is not installed.
        TypeError, ValueError: An argument is wrong.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[HistoryPlot(folder / "curves.png")])
        >>> _ = trainer.fit(train_loader, num_epochs=2, val_loader=val_loader)
        >>> (folder / "curves.png").read_bytes()[1:4]
        b'PNG'
    """

    phase = Phase.RECORD

    def __init__(self, path: str | os.PathLike[str], every_n_epochs: int | None = None) -> None:
        self.path = as_path(path, "path")
        self.every_n_epochs = None if every_n_epochs is None else as_count(every_n_epochs, "every_n_epochs")
        new_figure("HistoryPlot")  # says now, not after the training, that matplotlib is missing

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.every_n_epochs is not None and (epoch + 1) % self.every_n_epochs == 0:
            self._draw(trainer)

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._draw(trainer)

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._draw(trainer)

    def _draw(self, trainer: Trainer) -> None:
        if trainer.metrics_history and is_main_process():
            save_figure(plot_history(trainer.metrics_history), self.path)


def plot_history(history: Sequence[Mapping[str, Any]]) -> Figure:
    """A figure with a panel for each metric: training and validation over the epochs.

    Args:
        history: What ``Trainer.fit`` returned; any records with an ``epoch``.

    Raises:
        ImportError: The package ``matplotlib`` is not installed.
        ValueError: The history is empty.

    Example:
        >>> figure = plot_history([{"epoch": 0, "train_loss": 0.7, "val_loss": 0.8, "train_accuracy": 0.5}])
        >>> [axes.get_title() for axes in figure.axes]
        ['loss', 'accuracy']
    """
    if not history:
        raise ValueError("history has no record to plot")
    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for record in history:
        for name, value in numbers(record, skip=("epoch",)).items():
            kind, _, metric = name.partition("_")
            if kind not in ("train", "val") or not metric:
                kind, metric = "", name
            epochs, values = panels.setdefault(metric, {}).setdefault(kind, ([], []))
            epochs.append(record["epoch"] + 1)
            values.append(value)
    figure = new_figure("plot_history", width=4.5 * len(panels))
    for index, (metric, curves) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), index + 1)
        for kind, (epochs, values) in curves.items():
            axes.plot(epochs, values, marker="o" if len(values) < 20 else "", label=kind)
        axes.set_title(metric)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        if any(curves):
            axes.legend()
    return figure


def new_figure(user: str, width: float = 4.5) -> Figure:
    """An empty figure that belongs to no window and leaves the user's own plots alone.

    Raises:
        ImportError: matplotlib is not installed; the message names ``user``.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"{user} needs the package matplotlib: pip install 'adaptiveneuralnetwork[plot]'") from error
    return Figure(figsize=(width, 3.5), layout="constrained")


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, whole or not at all."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100)
    write_whole(as_path(path, "path"), data.getvalue())
