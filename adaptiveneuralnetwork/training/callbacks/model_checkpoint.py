"""Saving the run, the last state of it and the best ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.arguments import as_count, as_path
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument, Phase
from adaptiveneuralnetwork.training.callbacks.monitor import Monitor, as_monitor
from adaptiveneuralnetwork.training.interrupts import Interrupts
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class ModelCheckpoint(Callback):
    """Save checkpoints that ``trainer.load_checkpoint`` continues from, in ``folder``.

    ``last.pt`` is the newest state. ``epoch_0004.pt`` and the like, named after the epochs completed, are the best ones
    by ``monitor``, or the newest ones where nothing is monitored. They are written by ``trainer.save_checkpoint``: a
    file is there whole or not at all, and an older one is deleted only when the new one stands.

    A ``fit`` that continues nothing starts anew: it forgets the files of earlier ones, and replaces those of the same
    name. Whatever its place in the list of callbacks, it has its turn after the others, so what it saves has counted
    the epoch everywhere.

    Args:
        folder: Made if needed.
        monitor: Name of the metric that decides which are the best, or a :class:`Monitor`. Default: none.
        mode: ``min``, ``max`` or ``auto``, as for :class:`Monitor`.
        min_delta: What an improvement of the best value must exceed (for ``best`` and ``restore_best``); at least 0.
        top_k: How many files to keep beside ``last.pt``, by the metric, or by age where nothing is monitored; 0 for
            none, ``None`` for all.
        last: Keep ``last.pt``.
        every_n_epochs: Save after each so many epochs.
        every_n_steps: Update ``last.pt`` after each so many optimizer steps as well. Default: not.
        restore_best: At the end, however it comes, put the weights of the best epoch back into the model. A copy of
            them is kept on the CPU, and in each checkpoint.

        on_signal: On SIGTERM or Ctrl-C, finish the batch (or the evaluation), save ``last.pt`` and leave ``fit`` by
            ``SystemExit(143)`` or ``KeyboardInterrupt``. A second Ctrl-C ends the process at once. Outside of ``fit``,
            and where it does not run in the main thread, signals act as they did before.

    Attributes:
        best: The best value of the metric so far, ``None`` before there is one. NaN is never it.
        best_epoch: Its epoch.
        saved: The files kept beside ``last.pt``, best or newest first, with their values.
        last_path, best_path: Paths; ``best_path`` is ``None`` while there is no such file.

    Raises:
        TypeError, ValueError: An argument is wrong, or ``restore_best`` is asked for without ``monitor``.
        OSError: During training, if a file cannot be written. The ones before are as they were.

    Example:
        >>> checkpoint = ModelCheckpoint(folder, monitor="val_loss", top_k=2)
        >>> trainer = Trainer(model, optimizer, criterion, callbacks=[checkpoint])
        >>> history = trainer.fit(train_loader, num_epochs=3, val_loader=val_loader)
        >>> len(checkpoint.saved), checkpoint.last_path.name
        (2, 'last.pt')
        >>> checkpoint.best == min(history.column("val_loss"))
        True
    """

    phase = Phase.PERSIST
    best: float | None
    best_epoch: int | None
    _saved: dict[str, float | None]
    _evicted: list[str]
    _best_weights: dict[str, Any] | None

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str | Monitor | None = None,
        mode: str = "auto",
        min_delta: float = 0.0,
        *,
        top_k: int | None = 1,
        last: bool = True,
        every_n_epochs: int = 1,
        every_n_steps: int | None = None,
        restore_best: bool = False,
        on_signal: bool = False,
    ) -> None:
        self.folder = as_path(folder, "folder")
        self.monitor = None if monitor is None else as_monitor(monitor, mode, min_delta)
        self.top_k = None if top_k is None else as_count(top_k, "top_k", minimum=0)
        self.last = last
        self.every_n_epochs = as_count(every_n_epochs, "every_n_epochs")
        self.every_n_steps = None if every_n_steps is None else as_count(every_n_steps, "every_n_steps")
        if every_n_steps is not None and not last:
            raise ValueError("every_n_steps updates last.pt, so it needs last=True")
        if restore_best and self.monitor is None:
            raise ValueError("restore_best=True needs a monitor that says which epoch is the best")
        if on_signal and not last:
            raise ValueError("on_signal=True saves to last.pt, so it needs last=True")
        self.restore_best = restore_best
        self.on_signal = on_signal
        self._interrupts = Interrupts()
        self._continued = False
        self._at_step = self._counts = False
        self._reset()

    @property
    def last_path(self) -> Path:
        return self.folder / "last.pt"

    @property
    def best_path(self) -> Path | None:
        return next(iter(self.saved), None) if self.monitor is not None else None

    @property
    def saved(self) -> dict[Path, float | None]:
        return {self.folder / name: value for name, value in self._saved.items()}

    def outputs(self) -> list[str]:
        """``last.pt`` and the others, each with which it is."""
        which = "each" if self.top_k is None else f"the {'newest' if self.monitor is None else 'best'} {self.top_k}"
        by = "" if self.monitor is None or self.top_k is None else f" by {self.monitor.metric}"
        ranked = [] if self.top_k == 0 else [f"{self.folder / 'epoch_NNNN.pt'} ({which}{by})"]
        return [*([str(self.last_path)] if self.last else []), *ranked]

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if not self._continued:
            self._reset()
        self._continued = False
        self.folder.mkdir(parents=True, exist_ok=True)
        # What a run was about to delete when it was killed.
        self._delete_evicted()
        if self.on_signal:
            self._interrupts.install()

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._at_step, self._counts = True, logs is None or not logs["skipped"]

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        # The step is waited for: within an accumulation window a checkpoint is larger by the gradients so far.
        if not self._at_step:
            return
        self._at_step = False
        due = self._counts and self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        if self.last and (due or trainer.stop_at_step):
            trainer.save_checkpoint(self.last_path)
        self._leave_if_asked(trainer, at_step=True)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._save_epoch(epoch, trainer, logs)
        self._leave_if_asked(trainer)

    def on_evaluate_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._leave_if_asked(trainer)

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._leave_if_asked(trainer)
        self._interrupts.restore()
        self._restore_best(trainer)

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._interrupts.restore()
        self._restore_best(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "saved": dict(self._saved),
            "evicted": list(self._evicted),
            "best_weights": self._best_weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._saved, self._evicted = dict(state["saved"]), list(state["evicted"])
        weights = state["best_weights"]
        self._best_weights = None if weights is None else _copy_on_cpu(weights)
        self._continued = True

    def _save_epoch(self, epoch: int, trainer: Trainer, logs: LogsArgument) -> None:
        value = None if self.monitor is None else self.monitor.read(logs)
        if self.monitor is not None and self.monitor.is_better(value, than=self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best:
                self._best_weights = _copy_on_cpu(trainer.model.state_dict())
        if (epoch + 1) % self.every_n_epochs:
            return
        before = dict(self._saved)
        name = f"epoch_{epoch + 1:04d}.pt"
        try:
            # Entered before it is written, so that the file itself knows of it.
            if self._enter(name, value):
                trainer.save_checkpoint(self.folder / name)
            if self.last:
                trainer.save_checkpoint(self.last_path)
        except BaseException:
            self._saved, self._evicted = before, []
            raise
        self._delete_evicted()

    def _leave_if_asked(self, trainer: Trainer, *, at_step: bool = False) -> None:
        if not self.on_signal:
            return
        agreed = trainer.strategy.agreed_signal(self._interrupts.received, at_step=at_step)
        if agreed is not None:
            self._interrupts.received = agreed  # perhaps another process got it
            trainer.save_checkpoint(self.last_path)
            self._interrupts.leave()

    def _reset(self) -> None:
        self.best = self.best_epoch = self._best_weights = None
        self._saved, self._evicted = {}, []

    def _enter(self, name: str, value: float | None) -> bool:
        """Give ``name`` its place among the files kept; return whether it has one."""
        if self.monitor is not None and (value is None or value != value):
            return False
        self._saved.pop(name, None)
        # Ties go to the older file when a metric decides; the newest comes first when none does.
        entries = [*self._saved.items(), (name, value)] if self.monitor else [(name, value), *self._saved.items()]
        if self.monitor is not None:
            sign = 1 if self.monitor.mode == "min" else -1
            entries.sort(key=lambda entry: sign * (entry[1] or 0.0))
        kept = entries if self.top_k is None else entries[: self.top_k]
        self._evicted += [other for other, _ in entries[len(kept) :] if other != name]
        self._saved = dict(kept)
        return name in self._saved

    def _delete_evicted(self) -> None:
        if is_main_process():
            for name in self._evicted:
                # And the file before it that writing a checkpoint keeps.
                for path in (self.folder / name, self.folder / f"{name}.previous"):
                    path.unlink(missing_ok=True)
        self._evicted = []

    def _restore_best(self, trainer: Trainer) -> None:
        if self.restore_best and self._best_weights is not None:
            trainer.model.load_state_dict(trainer.strategy.own_part(self._best_weights, trainer.model))


def _copy_on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Tensors that share nothing with the model's, which training changes in place."""
    return {
        name: value.detach().to("cpu", copy=True) if isinstance(value, torch.Tensor) else value
        for name, value in state.items()
    }
