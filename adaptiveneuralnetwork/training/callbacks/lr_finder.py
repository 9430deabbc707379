"""Finding a learning rate: train a little with rates that rise, look at the loss, and put everything back.

The method is the range test of Smith 2017 (arXiv:1506.01186).
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.arguments import as_choice, as_count, as_real
from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList, LogsArgument
from adaptiveneuralnetwork.training.callbacks.history_plot import new_figure, save_figure
from adaptiveneuralnetwork.training.seeding import restore_rng_state, rng_state

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from adaptiveneuralnetwork.training.trainer import Trainer


@dataclass(frozen=True)
class LRFinderResult:
    """What :func:`find_learning_rate` saw.

    Args:
        rates: The learning rate of each step, rising.
        losses: The smoothed loss of each step.
        diverged: Whether it ended because the loss grew too large, or was not finite.

    Attributes:
        rates, losses, diverged: As given.

    Example:
        >>> result = LRFinderResult([1e-3, 1e-2, 1e-1, 1.0], [2.3, 2.2, 1.4, 9.0], diverged=True)
        >>> result.suggestion
        0.01
    """

    rates: list[float]
    losses: list[float]
    diverged: bool

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls most steeply over the logarithm of the rate.

        ``None`` where it falls nowhere, or there are fewer than three points.
        """
        best: tuple[float, float] | None = None
        for here in range(1, len(self.rates) - 1):
            run = math.log(self.rates[here + 1]) - math.log(self.rates[here - 1])
            slope = (self.losses[here + 1] - self.losses[here - 1]) / run
            if slope < 0 and (best is None or slope < best[0]):
                best = slope, self.rates[here]
        return None if best is None else best[1]

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the loss over the rate, with the suggestion; with ``path``, into a PNG file.

        Raises:
            ImportError: The package ``matplotlib`` is not installed.
        """
        figure = new_figure("LRFinderResult.plot")
        axes = figure.add_subplot()
        axes.plot(self.rates, self.losses)
        if self.suggestion is not None:
            axes.axvline(self.suggestion, linestyle="--", label=f"suggestion {self.suggestion:.2g}")
            axes.legend()
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("smoothed loss")
        if path is not None:
            save_figure(figure, path)
        return figure


def find_learning_rate(
    trainer: Trainer,
    train_loader: Iterable[Any],
    min_lr: float = 1e-6,
    max_lr: float = 1.0,
    num_steps: int = 100,
    *,
    spacing: str = "exponential",
    smoothing: float = 0.9,
    stop_factor: float | None = 4.0,
) -> LRFinderResult:
    """Train for ``num_steps`` optimizer steps with learning rates from ``min_lr`` to ``max_lr``.

    Afterwards model (parameters, gradients, buffers, modes), optimizer, scaler, random states, the loader's generator
    and the trainer's counters are, bit for bit, as before. What else the loader or the model keep in Python objects is
    not known and not put back. The trainer's callbacks are not called. Each step waits for the device.

    Args:
        trainer: Not within ``fit``.
        train_loader: Read again from the start as often as needed.
        min_lr, max_lr: Rates for the first parameter group; others keep their ratio to it. Greater than 0.
        num_steps: At least 3.
        spacing: ``exponential`` or ``linear``.
        smoothing: Of the exponential moving average of the losses (with its bias at the start corrected): at least 0
            for none, less than 1.
        stop_factor: End when the smoothed loss is larger than so many times the least so far; ``None`` for never.

    Raises:
        TypeError, ValueError: An argument is wrong.
        EmptyLoaderError: The loader gave no batch.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion)
        >>> result = find_learning_rate(trainer, train_loader, num_steps=20)
        >>> len(result.rates) <= 20, trainer.global_step
        (True, 0)
    """
    min_lr = as_real(min_lr, "min_lr", 0, without_low=True)
    max_lr = as_real(max_lr, "max_lr", min_lr, without_low=True)
    num_steps = as_count(num_steps, "num_steps", minimum=3)
    as_choice(spacing, "spacing", ("exponential", "linear"))
    smoothing = as_real(smoothing, "smoothing", 0)
    if smoothing >= 1:
        raise ValueError(f"smoothing must be less than 1, got {smoothing}")
    if stop_factor is not None:
        stop_factor = as_real(stop_factor, "stop_factor", 1, without_low=True)
    parts = [index / (num_steps - 1) for index in range(num_steps)]
    if spacing == "exponential":
        rates = [min_lr * (max_lr / min_lr) ** part for part in parts]
    else:
        rates = [min_lr + (max_lr - min_lr) * part for part in parts]
    probe = _Probe(rates, smoothing, stop_factor)
    with _untouched(trainer, train_loader):
        trainer.callbacks = CallbackList([probe])
        while not probe.ended:
            trainer.train_epoch(train_loader)
    return LRFinderResult(rates[: len(probe.losses)], probe.losses, probe.diverged)


class _Probe(Callback):
    """Sets the rate of each step and notes the loss of its window."""

    def __init__(self, rates: list[float], smoothing: float, stop_factor: float | None) -> None:
        self.rates = rates
        self.smoothing = smoothing
        self.stop_factor = stop_factor
        self.losses: list[float] = []
        self.ended = self.diverged = False
        self._window: list[float] = []
        self._ratios: list[float] | None = None
        self._average = 0.0

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._window.append((logs or {})["loss"])

    def on_before_optimizer_step(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        groups = trainer.optimizer.param_groups
        if self._ratios is None:
            first = float(groups[0]["lr"])
            self._ratios = [float(group["lr"]) / first if first else 1.0 for group in groups]
        if self.ended:
            return
        for group, ratio in zip(groups, self._ratios, strict=True):
            group["lr"] = self.rates[len(self.losses)] * ratio

    def on_optimizer_step_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        # The loss belongs to the rates before this step's: what this rate does, the next loss shows. Curves are read so
        # by custom, and the shift is one point.
        loss = sum(self._window) / len(self._window)
        self._window = []
        if self.ended:  # the last window of the epoch, after the end was decided
            return
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        smooth = self._average / (1 - self.smoothing ** (len(self.losses) + 1))
        if not math.isfinite(smooth):
            self.diverged = True
        else:
            self.losses.append(smooth)
            self.diverged = self.stop_factor is not None and smooth > self.stop_factor * min(self.losses)
        self.ended = self.diverged or len(self.losses) == len(self.rates)
        trainer.stop_at_step = self.ended


@contextmanager
def _untouched(trainer: Trainer, loader: Any) -> Iterator[None]:
    """Put back, bit for bit, whatever training changes."""
    model, optimizer, scaler = trainer.model, trainer.optimizer, trainer.precision.scaler
    # Beside state_dict, since that leaves non-persistent buffers out.
    tensors = [(tensor, tensor.detach().clone()) for tensor in (*model.parameters(), *model.buffers())]
    gradients = [
        (parameter, None if parameter.grad is None else parameter.grad.detach().clone())
        for parameter in {id(p): p for p in (*model.parameters(), *_held(optimizer))}.values()
    ]
    held = [(tensor, tensor.detach().clone()) for tensor in _held(optimizer)]
    modes = [(module, module.training) for module in model.modules()]
    optimizer_state, scaler_state = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(scaler.state_dict())
    counters = {
        name: getattr(trainer, name)
        for name in ("callbacks", "global_step", "current_epoch", "stop_training", "stop_at_step")
    }
    generators = [(generator, generator.get_state()) for generator in _generators(loader)]
    random_states = rng_state()
    try:
        yield
    finally:
        for tensor, before in (*tensors, *held):
            tensor.data.copy_(before)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, training in modes:
            module.training = training
        optimizer.load_state_dict(optimizer_state)
        scaler.load_state_dict(scaler_state)
        for name, value in counters.items():
            setattr(trainer, name, value)
        for generator, state in generators:
            generator.set_state(state)
        restore_rng_state(random_states)


def _held(optimizer: Any) -> list[Any]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _generators(loader: Any) -> list[Any]:
    """The generators of a DataLoader and its samplers, each once."""
    batch_sampler = getattr(loader, "batch_sampler", None)
    owners = (loader, getattr(loader, "sampler", None), batch_sampler, getattr(batch_sampler, "sampler", None))
    found = (getattr(owner, "generator", None) for owner in owners)
    return list({id(generator): generator for generator in found if generator is not None}.values())
