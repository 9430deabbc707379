"""The training loop, top-down: ``fit``, an epoch of training, an evaluation, prediction, checkpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.training.arguments import (
    as_count,
    as_device,
    as_epochs,
    as_max_norm,
    check_callable,
    check_model,
    check_optimizer,
    moved,
)
from adaptiveneuralnetwork.training.batches import (
    EmptyLoaderError,
    count_items,
    length_of,
    map_tensors,
    move,
    split_batch,
)
from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList, RunHooks
from adaptiveneuralnetwork.training.callbacks.progress_bar import ProgressBarCallback
from adaptiveneuralnetwork.training.checkpoint import read_checkpoint, restore_trainer, trainer_state, write_checkpoint
from adaptiveneuralnetwork.training.explain import explain
from adaptiveneuralnetwork.training.history import History
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.metrics import Metric, MetricFunction, MetricSet
from adaptiveneuralnetwork.training.precision import Precision
from adaptiveneuralnetwork.training.run import Run, call, evaluation_mode, report_exception, step_scheduler
from adaptiveneuralnetwork.training.seeding import restore_rng_state, seed_everything
from adaptiveneuralnetwork.training.stepping import Stepping


class Trainer:
    """Train any ``nn.Module`` with an optimizer and a criterion; callbacks add the rest.

    Args:
        model: Called with the inputs of each batch. It is moved to ``device``.
        optimizer: Holds the parameters to train; made before the trainer, from ``model.parameters()``.
        criterion: ``criterion(outputs, targets) -> loss``, a scalar tensor; any callable.
        device: A ``torch.device`` or its name. Default: CUDA where there is one, else the CPU.
        callbacks: Called in this order; see :mod:`~adaptiveneuralnetwork.training.callbacks.base` for the hooks.
        use_amp: Automatic mixed precision: float16 on CUDA, bfloat16 elsewhere.
        gradient_accumulation_steps: Batches to an optimizer step. A short last window counts by its samples.
        max_grad_norm: Clip the total gradient norm of ``model.parameters()`` to this before each step. Default: no
            clipping.
        seed: Seeds Python, NumPy and torch now. Parameters that the model drew before are not affected: for those call
            :func:`~adaptiveneuralnetwork.training.seed_everything` before building the model.
        metrics: By name, functions ``(outputs, targets) -> number`` (averaged over samples) or objects with ``reset``,
            ``update(outputs, targets)`` and ``compute``. Reported as ``train_<name>`` and ``val_<name>``.
        progress_bar: Show a bar for each epoch on a terminal.
        batch_transform: Applied to the inputs of each batch, on the device, in training, evaluation and prediction; for
            instance :func:`~adaptiveneuralnetwork.training.flatten_images`.
        preserve_modes: Let :meth:`evaluate` and :meth:`predict` put every submodule back into the mode (training or
            evaluation) that it was in. Default: the model is left in evaluation mode.

    Attributes:
        stop_training: Set it to ``True`` in a callback to end after the current epoch.
        stop_at_step: Set it to ``True`` in a callback to end after the current optimizer step. The epoch then stays
            unfinished: it has no record, no evaluation and no ``on_epoch_end``.
        metrics_history: The history of the current or last :meth:`fit`.
        current_epoch: The epoch that runs or ran last, counted from 0.
        num_epochs: What the current or last :meth:`fit` was asked for.
        num_batches: Batches in an epoch of training, ``None`` where the loader has no length.
        global_step: Optimizer steps so far, over all calls.
        scheduler: The scheduler of the current or last :meth:`fit`.

    Raises:
        TypeError, ValueError: An argument is wrong; the message names it, what was given and what is accepted.

    Example:
        >>> import torch
        >>> from torch import nn, optim
        >>> model = nn.Linear(4, 2)
        >>> trainer = Trainer(model, optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss(), device="cpu")
        >>> loader = [(torch.randn(8, 4), torch.randint(0, 2, (8,))) for _ in range(3)]
        >>> history = trainer.fit(loader, num_epochs=2, val_loader=loader)
        >>> list(history[-1])
        ['epoch', 'train_loss', 'train_accuracy', 'val_loss', 'val_accuracy']
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        criterion: Callable[..., torch.Tensor],
        device: str | torch.device | None = None,
        callbacks: Iterable[Callback] | None = None,
        use_amp: bool = False,
        gradient_accumulation_steps: int = 1,
        max_grad_norm: float | None = None,
        seed: int | None = None,
        metrics: Mapping[str, MetricFunction | Metric] | None = None,
        progress_bar: bool = False,
        *,
        batch_transform: Callable[[Any], Any] | None = None,
        preserve_modes: bool = False,
    ) -> None:
        check_model(model)
        check_optimizer(optimizer)
        check_callable(criterion, "criterion")
        if batch_transform is not None:
            check_callable(batch_transform, "batch_transform")
        self.device = as_device(device)
        self.gradient_accumulation_steps = as_count(gradient_accumulation_steps, "gradient_accumulation_steps")
        self.max_grad_norm = as_max_norm(max_grad_norm)
        self.metrics = dict(metrics or {})
        MetricSet(self.metrics)  # refuses what is no metric now, not in the middle of a run
        self.callbacks = CallbackList(callbacks)
        if progress_bar:
            self.callbacks.append(ProgressBarCallback())
        if seed is not None:
            seed_everything(seed)
        self.model = moved(model, self.device)
        self.optimizer = optimizer
        self.criterion = criterion
        self.use_amp = use_amp
        self.seed = seed
        self.batch_transform = batch_transform
        self.preserve_modes = preserve_modes
        self.precision = Precision(self.device, use_amp)
        self.metrics_history = History(callbacks=self.callbacks)
        self.current_epoch = 0
        self.num_epochs = 0
        self.num_batches: int | None = None
        self.global_step = 0
        self.stop_training = False
        self.stop_at_step = False
        self._resume_from: dict[str, Any] | None = None
        self.scheduler: Any = None
        self._run: Run | None = None

    def fit(
        self,
        train_loader: Iterable[Any],
        num_epochs: int,
        val_loader: Iterable[Any] | None = None,
        scheduler: Any = None,
        early_stopping: Callback | None = None,
    ) -> History:
        """Train for ``num_epochs`` epochs, each followed by an evaluation if there is a ``val_loader``.

        After :meth:`load_checkpoint` of a checkpoint that this class wrote, the next call continues it: to
        ``num_epochs`` in total, with the whole history. Any other call starts at epoch 0 with a fresh history.

        Args:
            train_loader: Gives batches ``(inputs, targets)``; asked for an iterator once each epoch.
            num_epochs: 0 or less trains nothing.
            val_loader: As ``train_loader``.
            scheduler: A learning-rate scheduler, stepped once each epoch; ``ReduceLROnPlateau`` gets ``val_loss``, or
                ``train_loss`` where there is no validation.
            early_stopping: One more callback, for this call only.

        Returns:
            The records of all epochs: ``epoch``, ``train_loss`` (mean over batches), ``train_accuracy`` (a fraction,
            for classification), other metrics, and the same with ``val_``.

        Raises:
            TypeError: ``num_epochs`` is not an integer.
            EmptyLoaderError: A loader gave no batch.
        """
        num_epochs = as_epochs(num_epochs)
        callbacks = CallbackList([*self.callbacks, *([] if early_stopping is None else [early_stopping])])
        run = self._run = Run(callbacks, self.metrics)
        hooks = run.hooks
        history = self.metrics_history = History(callbacks=callbacks)
        self.num_epochs = num_epochs
        self.num_batches = length_of(train_loader)
        self.stop_training = self.stop_at_step = False
        self.scheduler = scheduler
        first_epoch = self._continue_run(history)
        try:
            # Whoever calls may have switched gradients off; training needs them.
            with torch.inference_mode(False), torch.enable_grad():
                call(hooks.on_train_begin, self, Logs())
                for epoch in range(first_epoch, num_epochs):
                    if self.stop_training or self.stop_at_step:
                        break
                    self.current_epoch = epoch
                    call(hooks.on_epoch_begin, epoch, self, Logs())
                    record = {"epoch": epoch, **self._train_batches(train_loader, run)}
                    if run.between_batches:  # stop_at_step left the epoch unfinished
                        break
                    extras = run.train.extras("train_")
                    if val_loader is not None:
                        record |= self.evaluate(val_loader)
                        extras |= run.val.extras("val_")
                    if scheduler is not None:
                        step_scheduler(scheduler, record)
                    history.append(record)
                    call(hooks.on_epoch_end, epoch, self, Logs(record | extras))
                call(hooks.on_train_end, self, Logs(history[-1] if history else {}))
        except BaseException as error:
            report_exception(hooks, self, error)
            raise
        finally:
            self._run = None
        return history

    def train_epoch(
        self,
        train_loader: Iterable[Any],
        epoch: int = 0,
        *,
        metrics: Mapping[str, MetricFunction | Metric] | None = None,
    ) -> dict[str, Any]:
        """Train on each batch once, for loops of your own: batch hooks are called, no epoch hooks, no history is kept.

        Args:
            epoch: What :attr:`current_epoch` is while it runs.
            metrics: More metrics for this call, as those of the constructor.

        Returns:
            ``train_loss``, ``train_accuracy`` where it applies, and ``train_<name>`` for each metric.
        """
        previous = self.current_epoch, self._run
        self.current_epoch = epoch
        self.stop_at_step = False
        self._run = Run(self.callbacks, {**self.metrics, **(metrics or {})})
        try:
            with torch.inference_mode(False), torch.enable_grad():
                return self._train_batches(train_loader, self._run)
        finally:
            self.current_epoch, self._run = previous

    def _train_batches(self, loader: Iterable[Any], run: Run) -> dict[str, Any]:
        hooks, tally = run.hooks, run.train
        stepping = Stepping(
            self.model, self.optimizer, self.precision, self.gradient_accumulation_steps, self.max_grad_norm
        )
        length = length_of(loader)
        tally.reset()
        self.model.train()
        run.between_batches = True
        for batch_idx, batch in enumerate(loader):
            inputs, targets = self._prepare(batch)
            items = count_items(targets)
            if hooks.on_batch_begin:
                call(hooks.on_batch_begin, batch_idx, self, Logs(batch_size=items))
            stepping.begin_batch()
            outputs, loss = self._forward(inputs, targets)
            if hooks.on_forward_end:
                call(hooks.on_forward_end, batch_idx, self, Logs(batch_size=items, loss=loss.detach()))
            stepping.backward(loss, items)
            if hooks.on_backward_end:
                call(hooks.on_backward_end, batch_idx, self, Logs(batch_size=items, loss=loss.detach()))
            if stepping.window_is_full or batch_idx + 1 == length:
                self._optimizer_step(stepping, hooks)
            tally.update(loss, outputs, targets)
            if hooks.on_batch_end:
                call(hooks.on_batch_end, batch_idx, self, tally.batch_logs(items, loss))
            if self.stop_at_step and stepping.window_is_empty and batch_idx + 1 != length:
                break
        else:
            run.between_batches = False
        # A loader without a (true) length ends unannounced, perhaps within a window.
        if not stepping.window_is_empty:
            self._optimizer_step(stepping, hooks)
        if not tally.loss.batches:
            raise EmptyLoaderError("train_loader gave no batch; at least one is needed")
        return tally.record("train_")

    def _optimizer_step(self, stepping: Stepping, hooks: RunHooks) -> None:
        stepping.prepare_step()
        if hooks.on_before_optimizer_step:
            call(hooks.on_before_optimizer_step, self, Logs())
        report = stepping.step()
        self.global_step += not report["skipped"]
        if hooks.on_optimizer_step_end:
            call(hooks.on_optimizer_step_end, self, report)

    def evaluate(
        self, loader: Iterable[Any], *, metrics: Mapping[str, MetricFunction | Metric] | None = None
    ) -> dict[str, Any]:
        """Measure the model on ``loader``, without gradients and in evaluation mode.

        Args:
            metrics: More metrics for this call, as those of the constructor.

        Returns:
            ``val_loss`` (mean over batches), ``val_accuracy`` (a fraction) for classification, ``val_<name>`` for each
            metric.

        Raises:
            EmptyLoaderError: The loader gave no batch.
        """
        active = self._run
        run = Run(self.callbacks, {**self.metrics, **(metrics or {})}) if active is None or metrics else active
        tally = run.val
        tally.reset()
        # Called by a callback between two training batches, it must not leave the model in evaluation mode.
        nested = active is not None and active.between_batches
        with evaluation_mode(self.model, restore=self.preserve_modes or nested), torch.no_grad():
            call(run.hooks.on_evaluate_begin, self, Logs())
            for batch in loader:
                inputs, targets = self._prepare(batch)
                outputs, loss = self._forward(inputs, targets)
                tally.update(loss, outputs, targets)
        if not tally.loss.batches:
            raise EmptyLoaderError("the evaluation loader gave no batch; at least one is needed")
        record = tally.record("val_")
        call(run.hooks.on_evaluate_end, self, Logs(record | tally.extras("val_")))
        return record

    def predict(self, loader: Iterable[Any]) -> Any:
        """The model's outputs for ``loader``, without gradients and in evaluation mode.

        Args:
            loader: Gives inputs, or batches ``(inputs, targets)`` whose targets are left aside.

        Returns:
            One tensor on the CPU with all outputs along the first dimension; where outputs are not tensors, the list
            of them.

        Raises:
            EmptyLoaderError: The loader gave no batch.
        """
        outputs = []
        with evaluation_mode(self.model, restore=self.preserve_modes), torch.no_grad(), self.precision.autocast():
            for batch in loader:
                inputs = batch[0] if isinstance(batch, (tuple, list)) else batch
                outputs.append(map_tensors(self.model(self._prepare_inputs(inputs)), torch.Tensor.cpu))
        if not outputs:
            raise EmptyLoaderError("the prediction loader gave no batch; at least one is needed")
        return torch.cat(outputs) if all(isinstance(output, torch.Tensor) for output in outputs) else outputs

    def explain(
        self,
        train_loader: Iterable[Any] | None = None,
        num_epochs: int | None = None,
        val_loader: Iterable[Any] | None = None,
    ) -> None:
        """Print what ``fit`` would do with these arguments: sizes, the loop with each callback at its hook, the files.

        Nothing is trained or drawn, and no loader is iterated; what is left out is left open.
        """
        print(explain(self, train_loader, num_epochs, val_loader))

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write model, optimizer, history and random states to ``path``, whole or not at all.

        Raises:
            CheckpointError: The state holds something that could not be loaded safely; the old file is untouched.
            OSError: The file cannot be written.
        """
        write_checkpoint(path, trainer_state(self))

    def load_checkpoint(self, path: str | os.PathLike[str], strict: bool = True) -> dict[str, Any]:
        """Restore model, optimizer and history from ``path``; the next :meth:`fit` continues where it was saved.

        Args:
            path: A file that :meth:`save_checkpoint` wrote. One of the earlier public ``Trainer`` is read too, but
                does not say enough to be continued: the next ``fit`` then starts at epoch 0 with the weights and
                optimizer loaded.
            strict: The model's parameters must be exactly those of the file.

        Returns:
            What the file holds.

        Raises:
            FileNotFoundError: There is no such file.
            CheckpointError: The file is damaged or does not fit. Model and optimizer are then as they were.
        """
        state = read_checkpoint(path, map_location=self.device)
        restore_trainer(self, state, path, strict)
        self._resume_from = state if "format_version" in state else None
        return state

    def _continue_run(self, history: History) -> int:
        """Take up a loaded checkpoint, once; return the epoch to begin with."""
        state, self._resume_from = self._resume_from, None
        if state is None:
            return 0
        history.extend(dict(record) for record in state["metrics_history"])
        if self.scheduler is not None and "scheduler_state_dict" in state:
            self.scheduler.load_state_dict(state["scheduler_state_dict"])
        restore_rng_state(state["rng_state"])
        return int(state["epochs_completed"])

    def _prepare(self, batch: Any) -> tuple[Any, Any]:
        inputs, targets = split_batch(batch)
        return self._prepare_inputs(inputs), move(targets, self.device)

    def _prepare_inputs(self, inputs: Any) -> Any:
        inputs = move(inputs, self.device)
        return inputs if self.batch_transform is None else self.batch_transform(inputs)

    def _forward(self, inputs: Any, targets: Any) -> tuple[Any, torch.Tensor]:
        if self.precision.enabled:
            with self.precision.autocast():
                outputs = self.model(inputs)
                return outputs, self.criterion(outputs, targets)
        outputs = self.model(inputs)
        return outputs, self.criterion(outputs, targets)
