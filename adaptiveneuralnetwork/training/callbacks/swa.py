"""The equal average of the weights over the last epochs, on ``torch.optim.swa_utils``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

from adaptiveneuralnetwork.arguments import as_choice, as_count, as_real
from adaptiveneuralnetwork.training.batches import move, split_batch
from adaptiveneuralnetwork.training.callbacks.base import LogsArgument
from adaptiveneuralnetwork.training.callbacks.weight_averaging import WeightAveraging
from adaptiveneuralnetwork.training.seeding import isolated_rng

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class SWACallback(WeightAveraging):
    """Stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407): the mean of the weights of the last epochs.

    An epoch in which no optimizer step counted is not averaged. The average, and the learning rate on its way to
    ``swa_lr``, are kept in checkpoints.

    Args:
        start_epoch: The first epoch (from 0) whose weights are averaged.
        swa_lr: The learning rate to go to from ``start_epoch`` on, through ``torch.optim.swa_utils.SWALR``. No other
            scheduler may act then. Default: the rate is left alone.
        anneal_epochs: Epochs in which ``swa_lr`` is reached; 0 for at once.
        anneal_strategy: ``cos`` or ``linear``.
        bn_loader: Batches (the training loader, say) with which to measure the statistics of BatchNorm layers for the
            averaged weights at the end. Random states are as before it.
        evaluate, apply_at_end: As for :class:`EMACallback`. These evaluations use the model's BatchNorm statistics.

    Raises:
        TypeError, ValueError: An argument is wrong; or ``fit`` has a scheduler and ``swa_lr`` is given.

    Example:
        >>> swa = SWACallback(start_epoch=2)
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[swa]).fit(train_loader, num_epochs=4)
        >>> int(swa.averaged.n_averaged)
        2
    """

    def __init__(
        self,
        start_epoch: int,
        swa_lr: float | None = None,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        *,
        bn_loader: Iterable[Any] | None = None,
        evaluate: bool = False,
        apply_at_end: bool = True,
    ) -> None:
        super().__init__(use_buffers=False, evaluate=evaluate, apply_at_end=apply_at_end)
        self.start_epoch = as_count(start_epoch, "start_epoch", minimum=0)
        self.swa_lr = None if swa_lr is None else as_real(swa_lr, "swa_lr", 0, without_low=True)
        self.anneal_epochs = as_count(anneal_epochs, "anneal_epochs", minimum=0)
        self.anneal_strategy = as_choice(anneal_strategy, "anneal_strategy", ("cos", "linear"))
        self.bn_loader = bn_loader
        self._scheduler: SWALR | None = None
        self._epoch_step = 0

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.swa_lr is not None and trainer.scheduler is not None:
            raise ValueError("swa_lr sets the learning rate, and so does the scheduler given to fit; leave one out")
        saved = self._saved or {}
        super().on_train_begin(trainer, logs)
        self._epoch_step = saved.get("epoch_step", trainer.global_step)
        self._scheduler = None
        if saved.get("scheduler") is not None:
            self._scheduler = self._make_scheduler(trainer)
            self._scheduler.load_state_dict(saved["scheduler"])

    def on_epoch_begin(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if epoch == self.start_epoch and self.swa_lr is not None and self._scheduler is None:
            self._scheduler = self._make_scheduler(trainer)

    def on_epoch_end(self, epoch: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        counted = trainer.global_step > self._epoch_step
        self._epoch_step = trainer.global_step
        if epoch < self.start_epoch or not counted:
            return
        self._update(trainer)
        if self._scheduler is not None:
            self._scheduler.step()

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        super().on_train_end(trainer, logs)
        if self.bn_loader is not None and self._updates:
            with isolated_rng():
                self._measure_statistics(trainer)

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        if not state or self._saved is not None:
            return state
        scheduler = None if self._scheduler is None else self._scheduler.state_dict()
        return state | {"scheduler": scheduler, "epoch_step": self._epoch_step}

    def _make_average(self, model: torch.nn.Module) -> AveragedModel:
        return AveragedModel(model)

    @torch.no_grad()
    def _measure_statistics(self, trainer: Trainer) -> None:
        """Those of the averaged weights, in the model itself: what is averaged of a sharded one cannot be called."""
        assert self.averaged is not None, "made in on_train_begin"
        own = [buffer.clone() for buffer in trainer.model.buffers()]
        if not self.apply_at_end:
            self._swap(trainer)
        update_bn(self._bn_inputs(trainer), trainer.model)
        trainer.strategy.settle(trainer.model)
        for averaged, measured in zip(self.averaged.module.buffers(), trainer.model.buffers(), strict=True):
            averaged.copy_(measured)
        if not self.apply_at_end:
            self._swap(trainer)
            for buffer, before in zip(trainer.model.buffers(), own, strict=True):
                buffer.copy_(before)

    def _make_scheduler(self, trainer: Trainer) -> SWALR:
        groups = trainer.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        scheduler = SWALR(
            trainer.optimizer,
            self.swa_lr or 0.0,
            self.anneal_epochs,
            self.anneal_strategy,  # type: ignore[arg-type]
        )
        # Its constructor takes a first step; the first epoch is trained with the rates that it finds, unless the new
        # rate is to come at once.
        if self.anneal_epochs:
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate
        return scheduler

    def _bn_inputs(self, trainer: Trainer) -> Iterator[Any]:
        for batch in self.bn_loader or ():
            inputs = move(split_batch(batch)[0], trainer.device)
            yield inputs if trainer.batch_transform is None else trainer.batch_transform(inputs)
