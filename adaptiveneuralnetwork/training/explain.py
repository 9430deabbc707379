"""``explain`` of the trainer: what a run will do, said before it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from adaptiveneuralnetwork.arguments import as_epochs, as_limits
from adaptiveneuralnetwork.training.batches import length_of
from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList
from adaptiveneuralnetwork.training.ranks import is_main_process

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


class Explanation:
    """The part of :class:`~adaptiveneuralnetwork.training.Trainer` that says what it will do."""

    def explain(
        self,
        train_loader: Iterable[Any] | None = None,
        num_epochs: int | None = None,
        val_loader: Iterable[Any] | None = None,
        scheduler: Any = None,
        early_stopping: Callback | None = None,
        *,
        limit_train_batches: int | None = None,
        limit_val_batches: int | None = None,
        fast_dev_run: bool = False,
    ) -> None:
        """Print what ``fit`` would do with these arguments: sizes, the loop with each callback at its hook, the files.

        Nothing is trained or drawn, and no loader is iterated; what is left out is left open.

        Raises:
            TypeError, ValueError: As ``fit``.
        """
        trainer = cast("Trainer", self)
        num_epochs = None if num_epochs is None else max(as_epochs(num_epochs), 0)
        if fast_dev_run:
            num_epochs, limit_train_batches, limit_val_batches = min(num_epochs or 1, 1), 1, 1
        limits = as_limits(limit_train_batches, limit_val_batches)
        plan = _Plan(trainer, train_loader, num_epochs, val_loader, scheduler, early_stopping, limits)
        if is_main_process():
            print("\n".join([*plan.facts(), "", *plan.loop(), "", *plan.files()]))


_STEP = 2
"""Spaces to a level of the plan."""


class _Plan:
    def __init__(
        self,
        trainer: Trainer,
        train_loader: Iterable[Any] | None,
        num_epochs: int | None,
        val_loader: Iterable[Any] | None,
        scheduler: Any,
        early_stopping: Callback | None,
        limits: tuple[int | None, int | None],
    ) -> None:
        self.trainer = trainer
        self.train_loader = train_loader
        self.num_epochs = num_epochs
        self.val_loader = val_loader
        self.scheduler = scheduler
        self.callbacks = CallbackList([*trainer.callbacks, *([] if early_stopping is None else [early_stopping])])
        self.train_limit, self.val_limit = limits

    def facts(self) -> list[str]:
        trainer = self.trainer
        parameters = list(trainer.model.parameters())
        trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
        total = sum(parameter.numel() for parameter in parameters)
        rates = ", ".join(f"{group['lr']:g}" for group in trainer.optimizer.param_groups if "lr" in group)
        accumulation, processes = trainer.gradient_accumulation_steps, trainer.strategy.world_size
        batch_size = getattr(self.train_loader, "batch_size", None)
        facts = {
            "model": f"{type(trainer.model).__name__}, {total:,} parameters"
            + ("" if trained == total else f", {trained:,} of them trained"),
            "optimizer": f"{type(trainer.optimizer).__name__}, learning rate {rates}",
            "criterion": _name(trainer.criterion),
            "device": str(trainer.device),
            "precision": f"mixed, {str(trainer.precision.dtype).removeprefix('torch.')}" if trainer.use_amp else "full",
            "clipping": self._clipping(),
            "accumulation": "none" if accumulation == 1 else f"{accumulation} batches to a step",
        }
        if processes > 1:
            facts["processes"] = f"{processes}, by {type(trainer.strategy).__name__}"
        if isinstance(batch_size, int):
            samples = batch_size * accumulation * processes
            each = "" if processes == 1 else f" in each of {processes} processes"
            facts["batch size"] = f"{batch_size}{each}" + (
                "" if samples == batch_size else f", {samples} samples to a step"
            )
        if self.train_loader is not None:
            batches = _limited(trainer.strategy.planned_batches(self.train_loader), self.train_limit)
            # The last window of an epoch may be short; it is stepped all the same.
            steps = None if batches is None else -(-batches // accumulation)
            facts["epoch"] = "unknown length" if steps is None else f"{batches} batches, {steps} optimizer steps"
            if self.num_epochs is not None and steps is not None:
                facts["run"] = f"{self.num_epochs} epochs, {self.num_epochs * steps} optimizer steps"
        if trainer._resumption is not None:
            facts["continues"] = str(trainer._resumption)
        width = max(map(len, facts))
        return [f"{name:<{width}}  {value}" for name, value in facts.items()]

    def loop(self) -> list[str]:
        trainer = self.trainer
        lines: list[str] = []

        def add(level: int, text: str) -> None:
            lines.append(" " * _STEP * level + text)

        def hook(level: int, name: str) -> None:
            for method in self.callbacks.hooks(name):
                owner = getattr(method, "__self__", method)
                add(level, f"{type(owner).__name__}.{name}")

        transform = "" if trainer.batch_transform is None else f", {_name(trainer.batch_transform)}"
        windows = trainer.gradient_accumulation_steps > 1
        hook(0, "on_train_begin")
        add(0, "for each epoch:" if self.num_epochs is None else f"for each of {self.num_epochs} epochs:")
        hook(1, "on_epoch_begin")
        add(1, "model.train()")
        add(1, f"for each batch (moved to {trainer.device}{transform}):")
        hook(2, "on_batch_begin")
        add(2, "if a window begins: optimizer.zero_grad()" if windows else "optimizer.zero_grad()")
        autocast = f" in {str(trainer.precision.dtype).removeprefix('torch.')}" if trainer.use_amp else ""
        add(2, f"loss = criterion(model(inputs), targets){autocast}")
        hook(2, "on_forward_end")
        add(2, "loss.backward()")
        hook(2, "on_backward_end")
        if windows:
            add(2, f"if it is the last of {trainer.gradient_accumulation_steps} batches or of the epoch:")
        self._step(3 if windows else 2, add, hook)
        hook(2, "on_batch_end")
        if self.val_loader is not None:
            batches = _limited(length_of(self.val_loader), self.val_limit)
            add(1, "evaluate, without gradients" + ("" if batches is None else f", on {batches} batches") + ":")
            hook(2, "on_evaluate_begin")
            add(2, "model.eval(); loss, accuracy and metrics of each batch")
            hook(2, "on_evaluate_end")
        if self.scheduler is not None:
            add(1, f"{type(self.scheduler).__name__}.step()")
        hook(1, "on_epoch_end")
        hook(0, "on_train_end")
        return lines

    def files(self) -> list[str]:
        outputs = [
            f"{type(callback).__name__} writes {output}"
            for callback in self.callbacks
            for output in getattr(callback, "outputs", list)()
        ]
        return outputs or ["nothing is written"]

    def _clipping(self) -> str:
        value, norm = self.trainer.max_grad_value, self.trainer.max_grad_norm
        parts = [
            *([] if value is None else [f"each element to {value:g}"]),
            *([] if norm is None else [f"total gradient norm of {norm:g}"]),
        ]
        return ", then ".join(parts) or "none"

    def _step(self, level: int, add: Callable[[int, str], None], hook: Callable[[int, str], None]) -> None:
        trainer = self.trainer
        if trainer.precision.scaler.is_enabled():
            add(level, "unscale the gradients")
        hook(level, "on_before_optimizer_step")
        if trainer.max_grad_value is not None:
            add(level, f"clip_grad_value_(model.parameters(), {trainer.max_grad_value:g})")
        if trainer.max_grad_norm is not None:
            add(level, f"clip_grad_norm_(model.parameters(), {trainer.max_grad_norm:g})")
        add(level, "optimizer.step()" + (", unless they overflow" if trainer.precision.scaler.is_enabled() else ""))
        hook(level, "on_optimizer_step_end")


def _limited(batches: int | None, limit: int | None) -> int | None:
    return batches if limit is None else limit if batches is None else min(batches, limit)


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
