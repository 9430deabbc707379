"""``save_checkpoint`` and ``load_checkpoint`` of the trainer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from adaptiveneuralnetwork.training.convert import read_state
from adaptiveneuralnetwork.training.resume import Resumption, restore_trainer, trainer_state
from adaptiveneuralnetwork.training.run import Run
from adaptiveneuralnetwork.training.strategy import Strategy

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Checkpointing:
    """The part of :class:`~adaptiveneuralnetwork.training.Trainer` that saves and loads."""

    model: nn.Module
    device: torch.device
    strategy: Strategy
    _run: Run | None
    _last_fit: Run | None
    _resumption: Resumption | None

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write all that another process needs to go on from here bit for bit to ``path``, whole or not at all.

        A file of that name is replaced; it is kept as ``<path>.previous``. Asked for by a hook within a batch (from
        ``on_batch_begin`` to ``on_optimizer_step_end``), it is written at the end of that batch, after
        ``on_batch_end``; otherwise now. Within an accumulation window it holds the gradients so far.

        Raises:
            CheckpointError: The state holds something that could not be loaded safely; the old file is untouched.
            OSError: The file cannot be written.
        """
        run = self._run
        if run is not None and run.active and run.within_batch:
            run.deferred.append(path)
        else:
            pending = {} if self._resumption is None else self._resumption.pending()
            self.strategy.write(path, trainer_state(self._trainer, self._last_fit) | pending)

    def load_checkpoint(
        self, path: str | os.PathLike[str], strict: bool = True, *, fallback: bool = False
    ) -> dict[str, Any]:
        """Restore model, optimizer and history from ``path``; the next :meth:`fit` continues where it was saved.

        That ``fit`` gets the same data, callbacks and scheduler, made anew. It ends bit for bit as the run that was
        interrupted would have; where that cannot be promised, a ``RuntimeWarning`` says why. The optimizer's
        hyperparameters are the checkpoint's, also if they are changed before that ``fit``. A run that early stopping
        has ended stays ended, unless :attr:`stop_training` is set to ``False`` before.

        Args:
            path: A file that :meth:`save_checkpoint` wrote. Those of ``TrainingLoop`` and of the earlier public
                ``Trainer`` are read too, but do not say enough to be continued: the next ``fit`` then starts at epoch
                0 with the weights and optimizer loaded.
            strict: The model's parameters must be exactly those of the file.
            fallback: Where the file is damaged, take the one that it had replaced, with a warning.

        Returns:
            What the file holds.

        Raises:
            FileNotFoundError: There is no such file.
            CheckpointError: The file is damaged or does not fit. Model and optimizer are then as they were.
        """
        with self.strategy.together():
            if Path(path).is_dir():
                state = self.strategy.read_folder(path)
            else:
                state, path = read_state(path, self.model, self.device, fallback)
            state = self.strategy.localized(state)
            restore_trainer(self._trainer, state, path, strict)
        self._last_fit = None
        self._resumption = Resumption(state, path, self.strategy.world_size) if "rng_state" in state else None
        return state

    def _write_deferred(self, run: Run) -> None:
        paths, run.deferred = run.deferred, []
        run.settled = True
        for path in dict.fromkeys(paths):
            self.strategy.write(path, trainer_state(self._trainer, run))
        run.settled = False

    @property
    def _trainer(self) -> Trainer:
        return cast("Trainer", self)
