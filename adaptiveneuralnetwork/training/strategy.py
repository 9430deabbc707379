"""How a trainer shares its work with other processes: the points of the loop where that matters.

:class:`Strategy` itself is for one process, where each of them comes to nothing.
:mod:`~adaptiveneuralnetwork.training.distributed` has those for several.
"""

from __future__ import annotations

import itertools
import os
import signal
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from adaptiveneuralnetwork.arguments import as_device
from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.checkpoint import write_checkpoint
from adaptiveneuralnetwork.training.metrics import EpochTally, Metric, MetricFunction
from adaptiveneuralnetwork.training.rank_state import part_for
from adaptiveneuralnetwork.training.stepping import Stepping

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Strategy:
    """One process, nothing shared.

    Attributes:
        rank: Which of the processes this is, from 0; rank 0 writes the files.
        world_size: How many processes there are.
        stop_at_step: Whether the run is to end after the current optimizer step; the same on all ranks.
    """

    rank = 0
    world_size = 1
    stop_at_step = False

    def place(self, device: str | torch.device | None) -> torch.device:
        """The device of this process. Called first; processes that belong together meet here."""
        return as_device(device)

    def attach(self, trainer: Trainer) -> None:
        """Prepare model and optimizer, which are on their device."""

    def training_model(self, model: nn.Module) -> nn.Module:
        """What the forward pass of training calls."""
        return model

    def training_shard(self, loader: Iterable[Any]) -> Iterable[Any]:
        """What this process trains on in the epoch that comes."""
        return loader

    def planned_batches(self, loader: Iterable[Any]) -> int | None:
        """How many batches of ``loader`` this process would train on in an epoch, ``None`` where that is not known."""
        return length_of(loader)

    def evaluation_batches(self, loader: Iterable[Any], limit: int | None = None) -> Iterable[Any]:
        """What this process evaluates of ``loader``, or of its first ``limit`` batches."""
        return loader if limit is None else itertools.islice(loader, limit)

    def all_outputs(self, loader: Iterable[Any], outputs: list[Any]) -> list[Any]:
        """The outputs of all processes, put together from those of this one, a batch each."""
        return outputs

    def stepping(self, stepping: Stepping, length: int | None) -> Stepping:
        """What turns the losses of an epoch of ``length`` batches into steps, made from what does so in one process."""
        return stepping

    def tally(
        self,
        own: Mapping[str, MetricFunction | Metric],
        wanted: Mapping[str, MetricFunction | Metric],
        *,
        training: bool,
    ) -> EpochTally:
        """What counts over the batches of an epoch."""
        return EpochTally(own, wanted)

    def begin_evaluation(self, model: nn.Module) -> None:
        """Make what evaluation reads of the model the same everywhere."""

    def settle(self, model: nn.Module) -> None:
        """After forward passes that no backward pass follows: let the model have the optimizer's parameters again."""

    def copyable(self, model: nn.Module) -> nn.Module:
        """What can be copied of ``model``: itself, or a module with its parameters and buffers under their names."""
        return model

    def own_part(self, state: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
        """What this process has of ``state``, that of the whole ``model``."""
        return dict(state)

    def request_stop(self, value: bool) -> None:
        """Ask for :attr:`stop_at_step`, which all processes then set at the same step, or take it back."""
        self.stop_at_step = value

    def agree_on_stop(self, trainer: Trainer) -> None:
        """Between epochs: what one process wants (``stop_training``, ``stop_at_step``), all do."""

    def agreed_signal(self, received: signal.Signals | None, *, at_step: bool) -> signal.Signals | None:
        """The signal because of which all processes leave now.

        Args:
            received: The one that this process has got.
            at_step: Asked after an optimizer step, not between the stages of an epoch.
        """
        return received

    def write(self, path: str | os.PathLike[str], state: dict[str, Any]) -> None:
        """Write a checkpoint, from the state that this process has."""
        write_checkpoint(path, state)

    def read_folder(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Read a checkpoint that several processes have written as a folder."""
        from adaptiveneuralnetwork.training.dcp import read_folder

        return read_folder(path)

    def localized(self, state: dict[str, Any]) -> dict[str, Any]:
        """What this process takes up of a checkpoint's state."""
        return part_for(state, 0, 1)

    def together(self) -> AbstractContextManager[None]:
        """Where one process raises in this block, all do after it."""
        return nullcontext()

    def fail(self, error: BaseException) -> None:
        """Let no other process wait for this one, which leaves ``fit`` with ``error``."""


def as_strategy(strategy: str | Strategy | None, model: nn.Module) -> Strategy:
    """The strategy that ``Trainer(strategy=...)`` names.

    Raises:
        TypeError, ValueError: It is none.
    """
    if isinstance(strategy, Strategy):
        return strategy
    if strategy is None:
        if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1" and _is_plain(model):
            warnings.warn(
                f"torchrun has started {os.environ['WORLD_SIZE']} processes, and each will train alone on all data; "
                "pass Trainer(strategy='auto') to let them train together",
                RuntimeWarning,
                stacklevel=3,
            )
        return Strategy()
    # Only now: a trainer for one process need not load it.
    from adaptiveneuralnetwork.training.distributed import named_strategy

    return named_strategy(strategy)


def _is_plain(model: nn.Module) -> bool:
    """Whether the caller has not wrapped it for several processes already."""
    return type(model).__name__ not in ("DistributedDataParallel", "FullyShardedDataParallel") and not any(
        hasattr(module, "set_requires_gradient_sync") for module in model.modules()
    )
