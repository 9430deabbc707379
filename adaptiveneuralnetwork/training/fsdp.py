"""Models that are spread over the ranks: torch's ``fully_shard`` (FSDP2) and ``torch.distributed.checkpoint``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from adaptiveneuralnetwork.training.batches import inputs_of, map_tensors
from adaptiveneuralnetwork.training.collectives import gathered, maxima
from adaptiveneuralnetwork.training.dcp import read_folder, write_folder
from adaptiveneuralnetwork.training.distributed import RankedStrategy
from adaptiveneuralnetwork.training.rank_state import part_of_rank
from adaptiveneuralnetwork.training.reduction import RankedStepping, local_part
from adaptiveneuralnetwork.training.stepping import Stepping

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class FSDPStrategy(RankedStrategy):
    """Each rank keeps a part of every parameter, its gradient and its optimizer state; the model is put together block
    by block where it is needed.

    The trainer shards the model, and puts the sharded parameters into the optimizer by their names. That is possible
    only as long as the optimizer has no state: make it, and the trainer, before any step.

    A checkpoint whose path has a suffix (``last.pt``) is gathered into the one file that a single process would write.
    A path without one (``step_1000``) becomes a folder in the format of ``torch.distributed.checkpoint``, which each
    rank writes its part of; :func:`~adaptiveneuralnetwork.training.dcp.export_checkpoint` makes such a
    file of it. Either is loaded by any number of ranks.

    Buffers are those of rank 0 in evaluation and in checkpoints.

    Args:
        blocks: Types of the modules to be sharded as a unit, such as ``[nn.TransformerEncoderLayer]``. Default: the
            members of ``nn.ModuleList`` and ``nn.Sequential``. The rest of the model is one more unit.
        shard_data: Deal the data of a ``DataLoader`` out to the ranks. ``False``: each rank's loaders are taken as they
            are.
        options: Of ``fully_shard``, such as ``mp_policy`` and ``reshard_after_forward``.

    Raises:
        ValueError: By ``Trainer``, if the optimizer has taken a step.

    Example:
        >>> trainer = Trainer(model, optimizer, criterion, strategy=FSDPStrategy(blocks=[nn.TransformerEncoderLayer]))
        ... # doctest: +SKIP
    """

    def __init__(
        self, blocks: Sequence[type[nn.Module]] | None = None, *, shard_data: bool = True, **options: Any
    ) -> None:
        super().__init__(shard_data=shard_data)
        self.blocks = None if blocks is None else tuple(blocks)
        self.options = options
        self._model: Any = None

    def attach(self, trainer: Trainer) -> None:
        super().attach(trainer)
        model, optimizer = trainer.model, trainer.optimizer
        if optimizer.state:
            raise ValueError(
                "the optimizer has state already, which belongs to parameters that sharding replaces; make the trainer "
                "before the first step (and load_checkpoint afterwards)"
            )
        with torch.no_grad():
            for tensor in (*model.parameters(), *model.buffers()):
                dist.broadcast(tensor, src=0)
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        options = {"mesh": init_device_mesh(self.device.type, (self.world_size,)), **self.options}
        for block in _blocks_of(model, self.blocks):
            fully_shard(block, **options)
        self._model = fully_shard(model, **options)
        sharded = dict(model.named_parameters())
        for group in optimizer.param_groups:
            group["params"] = [sharded[names[id(parameter)]] for parameter in group["params"]]

    def evaluation_batches(self, loader: Iterable[Any], limit: int | None = None) -> Iterator[Any]:
        """As of other strategies; and as the ranks run the model together, those that have no batch left run it on."""
        batches = iter(super().evaluation_batches(loader, limit))
        batch = borrowed = _END
        while True:
            batch = next(batches, _END)
            (any_left,) = maxima([batch is not _END], self.device)
            if not any_left:
                return self.settle(self._model)
            if batch is not _END:
                borrowed = batch
                yield batch
            else:
                if borrowed is _END:
                    borrowed = next(iter(loader))
                self._run(borrowed)

    def _run(self, batch: Any) -> None:
        trainer = self._trainer()
        with trainer.precision.autocast():
            trainer.model(trainer._prepare_inputs(inputs_of(batch, trainer.batch_split)))

    def settle(self, model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()

    def copyable(self, model: nn.Module) -> nn.Module:
        return _without_code(model)

    def own_part(self, state: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
        own = dict(model.state_dict())
        return {name: _shared_like(value, own.get(name)) for name, value in state.items()}

    def stepping(self, stepping: Stepping, length: int | None) -> Stepping:
        return ShardedStepping(super().stepping(stepping, length))

    def write(self, path: str | os.PathLike[str], state: dict[str, Any]) -> None:
        if Path(path).suffix:
            super().write(path, _gathered_tensors(state, keep=self.rank == 0))
            return
        sharded = {name: state.pop(name) for name in ("model_state_dict", "optimizer_state_dict")}
        state.pop("model_state_full", None)
        state = _gathered_tensors(state, keep=self.rank == 0) | sharded
        state["ranks"] = gathered(part_of_rank(state))
        write_folder(path, state, self.rank, self.world_size)

    def read_folder(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        trainer = self._trainer()
        parameters = [parameter for group in trainer.optimizer.param_groups for parameter in group["params"]]
        return read_folder(path, trainer.model.state_dict(), parameters, alone=False)

    def localized(self, state: dict[str, Any]) -> dict[str, Any]:
        local = super().localized(state)
        # It repeats parameters, which the model cannot take whole.
        local.pop("model_state_full", None)
        trainer = self._trainer()
        local["model_state_dict"] = self.own_part(local["model_state_dict"], trainer.model)
        optimizer = local["optimizer_state_dict"]
        parameters = [parameter for group in trainer.optimizer.param_groups for parameter in group["params"]]
        indices = [index for group in optimizer["param_groups"] for index in group["params"]]
        of_index = dict(zip(indices, parameters, strict=False))
        local["optimizer_state_dict"] = optimizer | {
            "state": {
                index: {name: _shared_like(value, of_index.get(index)) for name, value in entries.items()}
                for index, entries in optimizer["state"].items()
            }
        }
        return local

    def _synchronize(self, exchange: bool) -> None:
        self._model.set_requires_gradient_sync(exchange)


class ShardedStepping(RankedStepping):
    """Steps whose accumulation windows are saved as each rank has them.

    Gradients are exchanged, and become those of the rank's part, at the end of a window. Until then they are those of
    whole parameters, and FSDP2 keeps them where no public name leads.
    """

    def __init__(self, base: Stepping) -> None:
        vars(self).update(vars(base))

    def state_dict(self) -> dict[str, Any]:
        state = super().state_dict()
        if state:
            state["gradients"] = [None if grad is None else local_part(grad) for grad in state["gradients"]]
            state["whole_gradients"] = [_whole_gradient(held) for held in self._held()]
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        for held, gradient in zip(self._held(), state.get("whole_gradients", ()), strict=False):
            if gradient is not None:
                held.unsharded_accumulated_grad = gradient.to(held.device, copy=True)

    def _as_gradient(self, value: torch.Tensor, parameter: Any) -> torch.Tensor:
        value = value.to(parameter.device, copy=True)
        if not isinstance(parameter, DTensor):
            return value
        placed = parameter.device_mesh, parameter.placements
        return DTensor.from_local(value, *placed, shape=parameter.shape, stride=parameter.stride())

    def _held(self) -> list[Any]:
        """What FSDP2 has of each parameter."""
        states = [module._get_fsdp_state() for module in self.model.modules() if isinstance(module, FSDPModule)]
        groups = [state._fsdp_param_group for state in states]
        return [held for group in groups if group is not None for held in group.fsdp_params]


def _whole_gradient(held: Any) -> torch.Tensor | None:
    if held.unsharded_accumulated_grad is not None:
        return held.unsharded_accumulated_grad  # type: ignore[no-any-return]
    parameter = getattr(held, "_unsharded_param", None)  # made by the first forward pass
    return None if parameter is None else parameter.grad


_END: Any = object()


def _blocks_of(model: nn.Module, types: tuple[type[nn.Module], ...] | None) -> list[nn.Module]:
    """The modules to shard, inner ones first."""
    if types is not None:
        blocks = [module for module in model.modules() if isinstance(module, types) and module is not model]
    else:
        containers = [module for module in model.modules() if isinstance(module, (nn.ModuleList, nn.Sequential))]
        blocks = [block for container in containers for block in container if not isinstance(block, nn.ModuleList)]
    unique = {id(block): block for block in blocks if any(True for _ in block.parameters())}
    return list(reversed(unique.values()))


def _without_code(module: nn.Module) -> nn.Module:
    """The tree of ``module`` with its parameters and buffers alone, since a sharded module refuses to be copied."""
    bare = nn.Module()
    for name, parameter in module.named_parameters(recurse=False):
        bare.register_parameter(name, parameter)
    for name, buffer in module.named_buffers(recurse=False):
        bare.register_buffer(name, buffer, persistent=name not in module._non_persistent_buffers_set)
    for name, child in module.named_children():
        bare.add_module(name, _without_code(child))
    return bare


def _gathered_tensors(state: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    """``state`` with whole tensors on the CPU in place of sharded ones, one after the other; all ranks must call."""
    done: dict[int, torch.Tensor] = {}

    def gather(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, DTensor):
            return tensor
        if id(tensor) not in done:
            whole = tensor.full_tensor()
            done[id(tensor)] = whole.cpu() if keep else whole.new_empty(0)
        return done[id(tensor)]

    return map_tensors(state, gather)  # type: ignore[no-any-return]


def _shared_like(value: Any, like: Any) -> Any:
    """This rank's share of the whole tensor ``value``, if ``like`` is sharded and of its shape."""
    if isinstance(value, DTensor) or not isinstance(like, DTensor):
        return value
    if not isinstance(value, torch.Tensor) or value.shape != like.shape:
        return value
    # Every rank has the whole, so each takes its part of it and none sends any.
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
