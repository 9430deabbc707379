"""A bar for each epoch, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class ProgressBarCallback(Callback):
    """Show a bar for each epoch on stderr; silent where that is not a terminal.

    ``Trainer(progress_bar=True)`` adds one. The loss beside the bar is read when the bar is redrawn, ten times a
    second at most, so that training does not wait for the device at each step.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[ProgressBarCallback()])
    """

    _bar: Any = None

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._bar = tqdm(
            desc=f"Epoch {epoch + 1}/{trainer.num_epochs}",
            total=trainer.num_batches,
            # None is tqdm's own switch for "not a terminal".
            disable=None if is_main_process() else True,
            unit="batch",
        )

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        redrawn = self._bar.update()
        if redrawn and logs is not None:
            self._bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._close()

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
