"""Curves in TensorBoard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_count, as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.values import EpochRates, learning_rates, numbers
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class TensorBoardLogger(Callback):
    """Write the metrics of each epoch, and of steps in between, for TensorBoard.

    ``train_loss`` and ``val_loss`` become the curves ``loss/train`` and ``loss/val``, so that TensorBoard draws them
    side by side; steps become ``step/loss``, ``step/lr`` and, where gradients are clipped or monitored,
    ``step/grad_norm``. The axis is the number of optimizer steps. Curves of a continued run go on where its checkpoint
    was written.

    Args:
        folder: The log folder, made if needed; look at it with ``tensorboard --logdir <folder>``.
        every_n_steps: Write a point for every so many optimizer steps, which waits for the device; ``None`` for epochs
            only.

    Raises:
        ImportError: The package ``tensorboard`` is not installed.
        TypeError, ValueError: An argument is wrong.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[TensorBoardLogger(folder, every_n_steps=10)])
        >>> _ = trainer.fit(train_loader, num_epochs=1)
        >>> len(list(folder.glob("events.out.tfevents.*")))
        1
    """

    phase = Phase.RECORD

    def __init__(self, folder: str | os.PathLike[str], every_n_steps: int | None = 50) -> None:
        self.folder = as_path(folder, "folder")
        self.every_n_steps = None if every_n_steps is None else as_count(every_n_steps, "every_n_steps")
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "TensorBoardLogger needs the package tensorboard: pip install 'adaptiveneuralnetwork[tensorboard]'"
            ) from error
        self._make_writer: Any = SummaryWriter
        self._writer: Any = None
        self._continued = False
        self._loss: Any = None
        self._lr = 0.0
        self._epoch_rates = EpochRates()

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._close()
        # TensorBoard then forgets the points that were written after the checkpoint.
        purge_step = trainer.global_step + 1 if self._continued else None
        self._continued = False
        if is_main_process():
            self._writer = self._make_writer(os.fspath(self.folder), purge_step=purge_step)

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._epoch_rates.begin(epoch, trainer.optimizer)

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._loss = logs.raw("loss") if isinstance(logs, Logs) else (logs or {})["loss"]

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.every_n_steps is not None and (trainer.global_step + 1) % self.every_n_steps == 0:
            self._lr = learning_rates(trainer.optimizer)[0]

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        step = trainer.global_step
        if self._writer is None or self.every_n_steps is None or step % self.every_n_steps or (logs or {})["skipped"]:
            return
        values = {"loss": float(self._loss), "lr": self._lr, **numbers(logs, skip=("skipped",))}
        for name, value in values.items():
            self._writer.add_scalar(f"step/{name}", value, step)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._writer is None:
            return
        for name, value in numbers(logs, skip=("epoch",)).items():
            self._writer.add_scalar(_curve(name), value, trainer.global_step)
        self._writer.add_scalar("epoch", epoch, trainer.global_step)
        self._writer.add_scalar("lr", self._epoch_rates.rates[0], trainer.global_step)
        self._writer.flush()

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._close()

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._close()

    def state_dict(self) -> dict[str, Any]:
        return {"epoch_rates": self._epoch_rates.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        # Where it is continued, the trainer knows.
        self._continued = True
        self._epoch_rates.load_state_dict(state["epoch_rates"])

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _curve(name: str) -> str:
    kind, _, metric = name.partition("_")
    return f"{metric}/{kind}" if kind in ("train", "val") and metric else name
