"""Averages of the weights over training: exponential (EMA) and equal (SWA), on ``torch.optim.swa_utils``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from adaptiveneuralnetwork.arguments import as_choice, as_count, as_real
from adaptiveneuralnetwork.training.batches import move, split_batch
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument
from adaptiveneuralnetwork.training.reduction import local_part
from adaptiveneuralnetwork.training.seeding import isolated_rng

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class WeightAveraging(Callback):
    """What :class:`EMACallback` and :class:`SWACallback` share: the averaged model, and when it replaces the model.

    Attributes:
        averaged: The ``torch.optim.swa_utils.AveragedModel``; ``None`` before training. A ``fit`` that continues
            nothing starts a new average.
    """

    averaged: AveragedModel | None = None

    def __init__(self, *, use_buffers: bool, evaluate: bool, apply_at_end: bool) -> None:
        self.use_buffers = use_buffers
        self.evaluate = evaluate
        self.apply_at_end = apply_at_end
        self._updates = 0
        self._swapped = self._running = False
        self._saved: dict[str, Any] | None = None

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self.averaged = self._make_average(trainer.strategy.copyable(trainer.model))
        self._updates = 0
        self._running = True
        saved, self._saved = self._saved, None
        if saved is not None:
            self.averaged.load_state_dict(trainer.strategy.own_part(saved["averaged"], self.averaged))
            self._updates = saved["updates"]

    def on_evaluate_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self.evaluate and self._running and self._updates:
            self._swap(trainer)

    def on_evaluate_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._swapped:
            self._swap(trainer)

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._running = False
        if self.apply_at_end and self._updates:
            self._apply(trainer)

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._running = False
        if self._swapped:
            self._swap(trainer)

    def state_dict(self) -> dict[str, Any]:
        # Asked before training, what was loaded is still to be taken up.
        if self._saved is not None or self.averaged is None:
            return self._saved or {}
        return {"averaged": self.averaged.state_dict(), "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        # The averaged model is made when training begins, since only then the model is known.
        self._saved = state or None

    def _make_average(self, model: torch.nn.Module) -> AveragedModel:
        raise NotImplementedError

    def _update(self, trainer: Trainer) -> None:
        assert self.averaged is not None, "made in on_train_begin"
        self.averaged.update_parameters(trainer.model)
        self._updates += 1

    def _swap(self, trainer: Trainer) -> None:
        """Exchange the model's weights and the averaged ones."""
        for one, other in self._pairs(trainer):
            if local_part(one) is one:
                one.data, other.data = other.data, one.data  # storages change hands, nothing is copied
            else:
                own, averaged = local_part(one.detach()), local_part(other.detach())
                kept = own.clone()
                own.copy_(averaged)
                averaged.copy_(kept)
        self._swapped = not self._swapped

    @torch.no_grad()
    def _apply(self, trainer: Trainer) -> None:
        for one, other in self._pairs(trainer):
            one.copy_(other)

    def _pairs(self, trainer: Trainer) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        assert self.averaged is not None, "made in on_train_begin"
        yield from zip(trainer.model.parameters(), self.averaged.module.parameters(), strict=True)
        if self.use_buffers:
            yield from zip(trainer.model.buffers(), self.averaged.module.buffers(), strict=True)


class EMACallback(WeightAveraging):
    """Keep an exponential moving average of the weights: ``average = decay * average + (1 - decay) * weights``.

    It begins with the weights after the first step that counts; a step that the gradient scaler skipped does not. The
    average is kept in checkpoints.

    Args:
        decay: At least 0, at most 1.
        every_n_steps: Optimizer steps between two updates.
        start_step: The first optimizer step (from 1) to count.
        use_buffers: Average buffers (BatchNorm's statistics, say) too. False takes the model's own.
        evaluate: Let validation during training measure the averaged weights; the model has its own again after it.
        apply_at_end: Leave the averaged weights in the model when training ends normally.

    Raises:
        TypeError, ValueError: An argument is wrong.

    Example:
        >>> ema = EMACallback(decay=0.99)
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[ema]).fit(train_loader, num_epochs=2)
        >>> torch.equal(model[0].weight, ema.averaged.module[0].weight)
        True
    """

    def __init__(
        self,
        decay: float = 0.999,
        every_n_steps: int = 1,
        *,
        start_step: int = 1,
        use_buffers: bool = False,
        evaluate: bool = True,
        apply_at_end: bool = True,
    ) -> None:
        super().__init__(use_buffers=use_buffers, evaluate=evaluate, apply_at_end=apply_at_end)
        self.decay = as_real(decay, "decay", 0, 1)
        self.every_n_steps = as_count(every_n_steps, "every_n_steps")
        self.start_step = as_count(start_step, "start_step")

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        step = trainer.global_step
        if not (logs and logs["skipped"]) and step >= self.start_step and step % self.every_n_steps == 0:
            self._update(trainer)

    def _make_average(self, model: torch.nn.Module) -> AveragedModel:
        average = get_ema_multi_avg_fn(self.decay)  # type: ignore[no-untyped-call]
        return AveragedModel(model, multi_avg_fn=average, use_buffers=self.use_buffers)


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
