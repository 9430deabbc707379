"""What a run will do, said before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.training.batches import length_of

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer

_STEP = 2
"""Spaces to a level of the plan."""


def explain(
    trainer: Trainer,
    train_loader: Iterable[Any] | None = None,
    num_epochs: int | None = None,
    val_loader: Iterable[Any] | None = None,
) -> str:
    """The plan of ``trainer.fit(train_loader, num_epochs, val_loader)``: sizes, the loop with each callback, files.

    Nothing is run, and no loader is iterated. See :meth:`Trainer.explain`.
    """
    return "\n".join(
        [*_facts(trainer, train_loader, num_epochs), "", *_loop(trainer, num_epochs, val_loader), "", *_files(trainer)]
    )


def _facts(trainer: Trainer, train_loader: Iterable[Any] | None, num_epochs: int | None) -> list[str]:
    parameters = list(trainer.model.parameters())
    trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in parameters)
    rates = ", ".join(f"{group['lr']:g}" for group in trainer.optimizer.param_groups if "lr" in group)
    accumulation = trainer.gradient_accumulation_steps
    batches = None if train_loader is None else length_of(train_loader)
    batch_size = getattr(train_loader, "batch_size", None)
    facts = {
        "model": f"{type(trainer.model).__name__}, {total:,} parameters"
        + ("" if trained == total else f", {trained:,} of them trained"),
        "optimizer": f"{type(trainer.optimizer).__name__}, learning rate {rates}",
        "criterion": getattr(trainer.criterion, "__name__", type(trainer.criterion).__name__),
        "device": str(trainer.device),
        "precision": f"mixed, {str(trainer.precision.dtype).removeprefix('torch.')}" if trainer.use_amp else "full",
        "clipping": "none" if trainer.max_grad_norm is None else f"total gradient norm of {trainer.max_grad_norm:g}",
        "accumulation": "none" if accumulation == 1 else f"{accumulation} batches to a step",
    }
    if isinstance(batch_size, int):
        effective = "" if accumulation == 1 else f", {batch_size * accumulation} samples to a step"
        facts["batch size"] = f"{batch_size}{effective}"
    if train_loader is not None:
        # The last window of an epoch may be short; it is stepped all the same.
        steps = None if batches is None else -(-batches // accumulation)
        facts["epoch"] = "unknown length" if steps is None else f"{batches} batches, {steps} optimizer steps"
        if num_epochs is not None and steps is not None:
            facts["run"] = f"{max(num_epochs, 0)} epochs, {max(num_epochs, 0) * steps} optimizer steps"
    width = max(map(len, facts))
    return [f"{name:<{width}}  {value}" for name, value in facts.items()]


def _loop(trainer: Trainer, num_epochs: int | None, val_loader: Iterable[Any] | None) -> list[str]:
    lines: list[str] = []

    def add(level: int, text: str) -> None:
        lines.append(" " * _STEP * level + text)

    def hook(level: int, name: str) -> None:
        for method in trainer.callbacks.hooks(name):
            owner = getattr(method, "__self__", method)
            add(level, f"{type(owner).__name__}.{name}")

    transform = "" if trainer.batch_transform is None else f", {_name(trainer.batch_transform)}"
    hook(0, "on_train_begin")
    add(0, "for each epoch:" if num_epochs is None else f"for each of {max(num_epochs, 0)} epochs:")
    hook(1, "on_epoch_begin")
    add(1, "model.train()")
    add(1, f"for each batch (moved to {trainer.device}{transform}):")
    hook(2, "on_batch_begin")
    stepping = 2
    if trainer.gradient_accumulation_steps > 1:
        add(2, "if a window begins: optimizer.zero_grad()")
    else:
        add(2, "optimizer.zero_grad()")
    autocast = f" in {str(trainer.precision.dtype).removeprefix('torch.')}" if trainer.use_amp else ""
    add(2, f"loss = criterion(model(inputs), targets){autocast}")
    hook(2, "on_forward_end")
    add(2, "loss.backward()")
    hook(2, "on_backward_end")
    if trainer.gradient_accumulation_steps > 1:
        add(2, f"if it is the last of {trainer.gradient_accumulation_steps} batches or of the epoch:")
        stepping = 3
    hook(stepping, "on_before_optimizer_step")
    if trainer.max_grad_norm is not None:
        add(stepping, f"clip_grad_norm_(model.parameters(), {trainer.max_grad_norm:g})")
    add(stepping, "optimizer.step()")
    hook(stepping, "on_optimizer_step_end")
    hook(2, "on_batch_end")
    if val_loader is not None:
        batches = length_of(val_loader)
        add(1, "evaluate, without gradients" + ("" if batches is None else f", on {batches} batches") + ":")
        hook(2, "on_evaluate_begin")
        add(2, "model.eval(); loss, accuracy and metrics of each batch")
        hook(2, "on_evaluate_end")
    hook(1, "on_epoch_end")
    hook(0, "on_train_end")
    return lines


def _files(trainer: Trainer) -> list[str]:
    outputs = [
        f"{type(callback).__name__} writes {output}"
        for callback in trainer.callbacks
        for output in getattr(callback, "outputs", list)()
    ]
    return outputs or ["nothing is written"]


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
