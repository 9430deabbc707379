"""Callbacks that note what training does to weights and learning rates."""

from __future__ import annotations

from adaptiveneuralnetwork.training import Callback


class Weights(Callback):
    """A copy of the weights after each optimizer step and each epoch."""

    def __init__(self):
        self.steps, self.epochs = [], []

    def on_optimizer_step_end(self, trainer, logs=None):
        self.steps.append([parameter.detach().clone() for parameter in trainer.model.parameters()])

    def on_epoch_end(self, epoch, trainer, logs=None):
        self.epochs.append([parameter.detach().clone() for parameter in trainer.model.parameters()])


class Rates(Callback):
    """The learning rate at each optimizer step."""

    def __init__(self):
        self.rates = []

    def on_before_optimizer_step(self, trainer, logs=None):
        self.rates.append(trainer.optimizer.param_groups[0]["lr"])
