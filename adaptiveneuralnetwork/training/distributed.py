"""Training in several processes that ``torchrun`` starts: ``Trainer(strategy=...)``.

Each process (rank) runs the same program, with the same model, data and callbacks:

    torchrun --nproc_per_node=2 train.py

With ``W`` ranks and a loader of batch size ``b``, training is that of one process with batch size ``W * b``:

- **Data.** A ``DataLoader`` is sharded: the ranks take its batches in turn, in the order that rank 0 draws. The last
  batches, if there are not enough for all, are split evenly (see :class:`~adaptiveneuralnetwork.training.shards
  .TrainingShard`); loaders with ``drop_last=True`` leave them out. Loaders that shard themselves (by torch's
  ``DistributedSampler``) and whatever is no ``DataLoader`` over a map-style dataset are taken as they are: each rank
  trains on what its own one gives, for as many batches as the shortest has.
- **Gradients** are summed over the ranks and divided by the number of items of all of them, so uneven shards and short
  windows are exact. They are exchanged once an optimizer step.
- **Evaluation** is never padded. Losses, accuracy and metrics are put together once at the end, and are the same for
  any number of ranks. In the logs within an epoch they are those of one rank. ``predict`` returns all outputs on all
  ranks.
- **Random states.** Rank 0 draws as one process would; the other ranks' generators are set apart from it, so dropout
  differs. Parameters and buffers are those of rank 0.
- **Files.** ``save_checkpoint`` and ``load_checkpoint`` must be called by all ranks (callbacks are); rank 0 writes. The
  file is that of one process, with the random states of all ranks; it can be loaded by any number of them.
- **Stopping.** What a callback asks for on one rank, all do: ``stop_training`` at the end of the epoch,
  ``stop_at_step`` at the next step (on accelerators within 50). With ``ModelCheckpoint(on_signal=True)`` a signal to
  one rank lets all save and leave by the same error.
- **Errors.** A rank that leaves ``fit`` with an error breaks the connections, so that the others fail too, naming it.

``evaluate``, ``predict``, ``fit`` and ``train_epoch`` must be called by all ranks as well.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import warnings
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from adaptiveneuralnetwork.arguments import as_device
from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.checkpoint import write_checkpoint
from adaptiveneuralnetwork.training.collectives import all_or_none, from_rank_zero, gathered, maxima, sum_
from adaptiveneuralnetwork.training.links import Links
from adaptiveneuralnetwork.training.metrics import EpochTally, Metric, MetricFunction
from adaptiveneuralnetwork.training.rank_state import derived_seed, part_for, part_of_rank
from adaptiveneuralnetwork.training.reduction import RankedStepping, RankedTally
from adaptiveneuralnetwork.training.seeding import seed_everything
from adaptiveneuralnetwork.training.shards import (
    BatchShard,
    EvaluationShard,
    TrainingShard,
    agreed,
    can_shard,
    in_order,
    is_shard,
    sharded,
    shards_itself,
)
from adaptiveneuralnetwork.training.stepping import Stepping
from adaptiveneuralnetwork.training.strategy import Strategy

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


def named_strategy(name: Any) -> Strategy:
    """``auto``, ``ddp`` or ``fsdp`` as a strategy.

    Raises:
        TypeError, ValueError: It is none of them.
    """
    if not isinstance(name, str):
        raise TypeError(f"strategy must be 'auto', 'ddp', 'fsdp', a Strategy or None, got {name!r}")
    if name == "auto":
        return DDPStrategy() if announced_world_size() > 1 else Strategy()
    if name == "ddp":
        return DDPStrategy()
    if name == "fsdp":
        from adaptiveneuralnetwork.training.fsdp import FSDPStrategy

        return FSDPStrategy()
    raise ValueError(f"strategy must be 'auto', 'ddp', 'fsdp', a Strategy or None, got {name!r}")


def announced_world_size() -> int:
    """How many processes there are: by the process group, or by the environment that ``torchrun`` sets; else 1."""
    if dist.is_initialized():
        return dist.get_world_size()
    return int(os.environ["WORLD_SIZE"]) if {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys() else 1


class RankedStrategy(Strategy):
    """What strategies for several processes have in common.

    Args:
        shard_data: Deal the data of a ``DataLoader`` out to the ranks. ``False``: each rank's loaders are taken as they
            are.
    """

    STOP_INTERVAL = 50
    """On accelerators, steps between two looks at what other ranks want: each look waits for the device."""

    def __init__(self, *, shard_data: bool = True) -> None:
        self.shard_data = shard_data
        self._stop_requested = False
        self._signal: signal.Signals | None = None
        self._agreed_signal: signal.Signals | None = None
        self._steps = 0
        self._batch_size = 1
        self._shards: dict[type, WeakKeyDictionary[Any, Any]] = {}
        self._trainer: Any = None
        self._links: Links | None = None

    def place(self, device: str | torch.device | None) -> torch.device:
        if not dist.is_initialized():
            if not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys():
                raise ValueError(
                    "this strategy needs several processes: start the program with "
                    "torchrun --nproc_per_node=<processes> <program>, or initialise torch.distributed before; "
                    "strategy='auto' runs alone where neither is the case"
                )
            dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
            atexit.register(_leave)
        self.rank, self.world_size = dist.get_rank(), dist.get_world_size()
        placed = as_device(device)
        if placed.type == "cuda" and placed.index is None:
            placed = torch.device("cuda", int(os.environ.get("LOCAL_RANK", self.rank % torch.cuda.device_count())))
            torch.cuda.set_device(placed)
        self.device = placed
        return placed

    def attach(self, trainer: Trainer) -> None:
        self._trainer = ref(trainer)
        self.tally(trainer.metrics, {}, training=True)  # refuses metrics that cannot be put together
        names = {id(parameter) for parameter in trainer.model.parameters()}
        if any(id(held) not in names for group in trainer.optimizer.param_groups for held in group["params"]):
            raise ValueError("the optimizer holds parameters that the model does not have, and only those are shared")
        if self._links is None:
            self._links = Links(self.rank)
        base = from_rank_zero(torch.initial_seed() % 2**32, self.device)
        if self.rank:
            seed_everything(derived_seed(base, self.rank))

    def training_shard(self, loader: Iterable[Any]) -> Iterable[Any]:
        self._signal = self._agreed_signal = None
        shard: Iterable[Any] = self._shard(loader, TrainingShard)
        if not is_shard(shard):
            shard = agreed(shard, self.device)
        (self._batch_size,) = map(int, maxima([getattr(loader, "batch_size", None) or 1], self.device))
        return shard

    def planned_batches(self, loader: Iterable[Any]) -> int | None:
        return length_of(self._shard(loader, TrainingShard))

    def evaluation_batches(self, loader: Iterable[Any], limit: int | None = None) -> Iterable[Any]:
        share = None if limit is None else len(range(self.rank, limit, self.world_size))
        return itertools.islice(self._shard(loader, EvaluationShard), share)

    def all_outputs(self, loader: Iterable[Any], outputs: list[Any]) -> list[Any]:
        return in_order(gathered(outputs)) if is_shard(self._shard(loader, EvaluationShard)) else outputs

    def stepping(self, stepping: Stepping, length: int | None) -> Stepping:
        return RankedStepping(
            stepping,
            knows_end=length is not None,
            expected_items=self._batch_size,
            divisor=self.world_size,  # both kinds of wrapper average over the ranks
            synchronize=self._synchronize,
            agree=self._agree_on_step,
        )

    def tally(
        self,
        own: Mapping[str, MetricFunction | Metric],
        wanted: Mapping[str, MetricFunction | Metric],
        *,
        training: bool,
    ) -> EpochTally:
        if self.world_size == 1:
            return EpochTally(own, wanted)
        criterion = self._trainer().criterion if training else None
        return RankedTally(
            own, wanted, criterion=criterion, rank=self.rank, world_size=self.world_size, device=self.device
        )

    def begin_evaluation(self, model: nn.Module) -> None:
        with torch.no_grad():
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def request_stop(self, value: bool) -> None:
        self._stop_requested = value
        if not value:
            self.stop_at_step = False

    def agree_on_stop(self, trainer: Trainer) -> None:
        training, step = maxima([trainer.stop_training, self._stop_requested], self.device)
        trainer.stop_training, self.stop_at_step = bool(training), bool(step)

    def agreed_signal(self, received: signal.Signals | None, *, at_step: bool) -> signal.Signals | None:
        self._signal = received or self._signal
        if not at_step:
            self._take_signals(*maxima([self._signal is number for number in _SIGNALS], self.device))
        return self._agreed_signal

    def write(self, path: str | os.PathLike[str], state: dict[str, Any]) -> None:
        state["ranks"] = gathered(part_of_rank(state))
        with self.together():
            if self.rank == 0:
                write_checkpoint(path, state)

    def localized(self, state: dict[str, Any]) -> dict[str, Any]:
        return part_for(state, self.rank, self.world_size)

    def together(self) -> AbstractContextManager[None]:
        return all_or_none()

    def fail(self, error: BaseException) -> None:
        if not dist.is_initialized() or (self._agreed_signal is not None and not isinstance(error, Exception)):
            return  # all leave together
        store = dist.distributed_c10d._get_default_store()
        for rank in range(self.world_size):
            if rank != self.rank and store.check([_FAILED.format(rank)]):
                error.add_note(f"rank {rank} had failed with {store.get(_FAILED.format(rank)).decode()}")
        store.set(_FAILED.format(self.rank), f"{type(error).__name__}: {error}")
        if self._links is not None:
            self._links.cut()

    def _shard(self, loader: Any, kind: type[BatchShard]) -> Any:
        if is_shard(loader):
            return loader
        if not (self.shard_data and can_shard(loader)):
            if self.shard_data and not shards_itself(loader):
                warnings.warn(
                    f"a {type(loader).__name__} cannot be dealt out to ranks: each takes all that its own one gives; "
                    "use a DataLoader over a map-style dataset, or make one for each rank and pass "
                    "DDPStrategy(shard_data=False)",
                    RuntimeWarning,
                    stacklevel=4,
                )
            return loader
        shards = self._shards.setdefault(kind, WeakKeyDictionary())
        if loader not in shards:
            shards[loader] = sharded(loader, kind, self.rank, self.world_size, self.device)
        return shards[loader]

    def _synchronize(self, exchange: bool) -> None:
        """Whether the next backward pass exchanges gradients."""

    def _agree_on_step(self, weight: Any) -> Any:
        """The weight of all ranks' windows; on the way, what other ranks want."""
        wanted = [self._stop_requested, *(self._signal is number for number in _SIGNALS)]
        packed = torch.empty(1 + len(wanted), dtype=torch.float64, device=self.device)
        packed[0], packed[1:] = weight, torch.tensor(wanted)
        sum_(packed)
        self._steps += 1
        on_cpu = self.device.type == "cpu"
        if on_cpu or self._steps % self.STOP_INTERVAL == 0:
            _, stop, *signals = packed.tolist()
            self.stop_at_step = stop > 0
            self._take_signals(*signals)
        return float(packed[0]) if on_cpu else packed[0]

    def _take_signals(self, *counts: float) -> None:
        self._agreed_signal = next((number for number, count in zip(_SIGNALS, counts, strict=True) if count), None)


class DDPStrategy(RankedStrategy):
    """Each rank has the whole model, in torch's ``DistributedDataParallel``.

    ``trainer.model`` stays the model itself; only the forward pass of training goes through the wrapper. Buffers (such
    as the statistics of batch normalisation) are rank 0's.

    Args:
        shard_data: Deal the data of a ``DataLoader`` out to the ranks. ``False``: each rank's loaders are taken as they
            are.
        options: Of ``DistributedDataParallel``, such as ``find_unused_parameters=True``.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, strategy=DDPStrategy(find_unused_parameters=True))
        ... # doctest: +SKIP
    """

    def __init__(self, *, shard_data: bool = True, **options: Any) -> None:
        super().__init__(shard_data=shard_data)
        self.options = options
        self._replica: Any = None

    def attach(self, trainer: Trainer) -> None:
        super().attach(trainer)
        devices = [self.device] if self.device.type == "cuda" else None
        self._replica = DistributedDataParallel(trainer.model, device_ids=devices, **self.options)

    def training_model(self, model: nn.Module) -> nn.Module:
        return self._replica  # type: ignore[no-any-return]

    def _synchronize(self, exchange: bool) -> None:
        # What its no_sync() sets for a block; here the block would be most of the loop.
        self._replica.require_backward_grad_sync = exchange


_SIGNALS = (signal.SIGTERM, signal.SIGINT)  # where ranks have got different ones, the first counts

_FAILED = "adaptiveneuralnetwork/failed/{}"


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
