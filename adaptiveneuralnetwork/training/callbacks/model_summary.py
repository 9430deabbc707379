"""What a model is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from adaptiveneuralnetwork.arguments import as_count, check_model
from adaptiveneuralnetwork.training.callbacks.base import Callback, LogsArgument
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class ModelSummary(Callback):
    """Print the model's modules with their parameters and, seen at the first training batch, their output shapes.

    It watches that first forward pass and makes none of its own, so random states and the model's buffers are as
    without it.

    Args:
        max_depth: How deep to go into modules within modules; ``None`` for all the way.

    Raises:
        TypeError, ValueError: ``max_depth`` is no integer of at least 1.

    Example:
        >>> _ = Trainer(model, optimizer, criterion, callbacks=[ModelSummary()]).fit(train_loader, num_epochs=1)
        module        output   parameters
        Sequential    (8, 4)           59
          0: Linear   (8, 5)           35
          1: ReLU     (8, 5)            0
          2: Linear   (8, 4)           24
        59 parameters, 59 trainable, 0 buffer elements, 236 bytes
    """

    def __init__(self, max_depth: int | None = 3) -> None:
        self.max_depth = None if max_depth is None else as_count(max_depth, "max_depth")
        self._shapes: dict[str, str] = {}
        self._handles: list[Any] = []

    def on_train_begin(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._unhook()
        if is_main_process():
            self._shapes = {}
            for name, module in trainer.model.named_modules():
                self._handles.append(module.register_forward_hook(self._hook(name)))

    def on_forward_end(self, batch_idx: int, trainer: Trainer, logs: LogsArgument = None) -> None:
        if self._handles:
            self._unhook()
            print(summarize(trainer.model, self.max_depth, shapes=self._shapes), flush=True)

    def on_train_end(self, trainer: Trainer, logs: LogsArgument = None) -> None:
        self._unhook()

    def on_exception(self, trainer: Trainer, exception: BaseException) -> None:
        self._unhook()

    def _hook(self, name: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            self._shapes[name] = _shape_of(output)

        return note

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []


def summarize(model: nn.Module, max_depth: int | None = 3, *, shapes: dict[str, str] | None = None) -> str:
    """The table that :class:`ModelSummary` prints.

    Args:
        model: Any module.
        max_depth: As for :class:`ModelSummary`.
        shapes: By the name of the module, what to show as its output.

    Raises:
        TypeError: ``model`` is no ``nn.Module``.

    Example:
        >>> print(summarize(nn.Sequential(nn.Linear(2, 3)).requires_grad_(False)))
        module        output   parameters
        Sequential                      9
          0: Linear                     9
        9 parameters, 0 trainable, 0 buffer elements, 36 bytes
    """
    check_model(model)
    rows = [("module", "output", "parameters")]
    for name, module in model.named_modules():
        depth = name.count(".") + 1 if name else 0
        if max_depth is not None and depth > max_depth:
            continue
        label = f"{name.rpartition('.')[2]}: " if name else ""
        count = sum(parameter.numel() for parameter in module.parameters())
        rows.append((f"{'  ' * depth}{label}{type(module).__name__}", (shapes or {}).get(name, ""), f"{count:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{first:{widths[0]}}   {second:>{widths[1]}}   {third:>{widths[2]}}".rstrip() for first, second, third in rows
    ]
    parameters, buffers = list(model.parameters()), list(model.buffers())
    total = sum(parameter.numel() for parameter in parameters)
    trainable = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    size = sum(value.numel() * value.element_size() for value in (*parameters, *buffers))
    elements = sum(buffer.numel() for buffer in buffers)
    lines.append(f"{total:,} parameters, {trainable:,} trainable, {elements:,} buffer elements, {size:,} bytes")
    return "\n".join(lines)


def _shape_of(output: Any) -> str:
    if isinstance(output, torch.Tensor):
        return str(tuple(output.shape))
    if isinstance(output, dict):
        return "{" + ", ".join(f"{key}: {_shape_of(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (tuple, list)):
        return "[" + ", ".join(_shape_of(value) for value in output) + "]"
    return type(output).__name__
