"""The metrics of each epoch as a table."""

from __future__ import annotations

import csv
import io
import os
import time
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.values import EpochRates, numbers
from adaptiveneuralnetwork.training.files import write_whole
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class CSVLogger(Callback):
    """Write a row for each epoch: ``epoch``, the metrics, ``lr`` and ``epoch_time``.

    Numbers have all their digits. ``lr`` is the learning rate of the first parameter group at the beginning of the
    epoch, ``epoch_time`` seconds. A metric that comes up later gets a column of its own. The file is complete after
    each epoch. A continued run goes on where its checkpoint was written.

    Args:
        path: Replaced at the first row of a new run. Its folder is made if needed.
        append: Keep what the file has, and write below it.

    Raises:
        TypeError: ``path`` is none.
        OSError: During training, if the file cannot be written.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[CSVLogger(folder / "log.csv")])
        >>> _ = trainer.fit(train_loader, num_epochs=2)
        >>> (folder / "log.csv").read_text().splitlines()[0]
        'epoch,train_loss,train_accuracy,lr,epoch_time'
    """

    phase = Phase.RECORD

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self.path = as_path(path, "path")
        self.append = append
        self._keep: int | None = None
        self._columns: list[str] = []
        self._rows = 0
        self._started = 0.0
        self._epoch_rates = EpochRates()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._columns, self._rows = [], 0
        keep, self._keep = self._keep, None
        if not is_main_process() or (keep is None and not self.append) or not self.path.exists():
            return
        self._columns, rows = self._read()
        # What was written after the checkpoint is about to be written again.
        kept = rows[:keep]
        self._rows = len(kept)
        if len(kept) < len(rows):
            self._rewrite(kept)

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._epoch_rates.begin(epoch, trainer.optimizer)
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not is_main_process():
            return
        metrics = numbers(logs, skip=("epoch",))
        seconds = round(time.perf_counter() - self._started, 6)
        row: dict[str, Any] = {"epoch": epoch, **metrics, "lr": self._epoch_rates.rates[0], "epoch_time": seconds}
        new = [name for name in row if name not in self._columns]
        if new:
            rows = self._read()[1][: self._rows] if self._rows else []
            self._columns += new
            self._rewrite([*rows, row])
        else:
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)
        self._rows += 1

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self._rows, "epoch_rates": self._epoch_rates.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._keep = state["rows"]
        self._epoch_rates.load_state_dict(state["epoch_rates"])

    def _read(self) -> tuple[list[str], list[dict[str, Any]]]:
        with self.path.open(newline="") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or ()), list(reader)

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, text.getvalue().encode())
