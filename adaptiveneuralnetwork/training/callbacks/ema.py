"""The exponential moving average of the weights, on ``torch.optim.swa_utils``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from adaptiveneuralnetwork.arguments import as_count, as_real
from adaptiveneuralnetwork.training.callbacks.base import LogsArgument
from adaptiveneuralnetwork.training.callbacks.weight_averaging import WeightAveraging

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


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
