"""The training loop, top-down: ``fit``, an epoch, its training batches, an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from adaptiveneuralnetwork.arguments import as_clip, as_count, as_epochs, as_limits, check_callable, check_parts, moved
from adaptiveneuralnetwork.training.batches import EmptyLoaderError, count_items, move, split_batch
from adaptiveneuralnetwork.training.callbacks.base import Callback, CallbackList
from adaptiveneuralnetwork.training.callbacks.progress_bar import ProgressBarCallback
from adaptiveneuralnetwork.training.checkpointing import Checkpointing
from adaptiveneuralnetwork.training.explain import Explanation
from adaptiveneuralnetwork.training.history import History
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.metrics import Metric, MetricFunction, MetricSet, loss_logs
from adaptiveneuralnetwork.training.position import Position, Stage
from adaptiveneuralnetwork.training.precision import Precision
from adaptiveneuralnetwork.training.prediction import Prediction
from adaptiveneuralnetwork.training.resume import Resumption
from adaptiveneuralnetwork.training.run import Run, call, evaluation_mode, fitting, gradients_on, step_scheduler
from adaptiveneuralnetwork.training.seeding import isolated_rng, seed_everything
from adaptiveneuralnetwork.training.strategy import Strategy, as_strategy


class Trainer(Prediction, Checkpointing, Explanation):
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
        amp_dtype: ``torch.float16`` or ``torch.bfloat16`` (or their names) with ``use_amp``, instead of that choice.
        max_grad_value: Clip each gradient element to this in absolute value, before the norm. Default: no clipping.
        batch_split: ``batch -> (inputs, targets)``, for batches that are no such pairs.
        deterministic: Let torch use deterministic algorithms only, during :meth:`fit`.
        isolate_evaluation: Put the global random states back after :meth:`evaluate` and :meth:`predict`, so that
            training draws the same with and without them. (A ``DataLoader`` draws whenever it is iterated.)
        sampler_set_epoch: Call ``set_epoch`` of the loader's samplers before each epoch. Default: only of those that
            shard the data over several processes.
        strategy: Train in several processes, started by ``torchrun``: ``"ddp"`` (each has the whole model), ``"fsdp"``
            (each has a part of it), ``"auto"`` (``"ddp"`` where there are several, else one process), or a strategy
            object; see :mod:`~adaptiveneuralnetwork.training.distributed`. Default: this process trains alone.
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
        amp_dtype: torch.dtype | str | None = None,
        max_grad_value: float | None = None,
        batch_split: Callable[[Any], tuple[Any, Any]] | None = None,
        deterministic: bool = False,
        isolate_evaluation: bool = False,
        sampler_set_epoch: bool | None = None,
        strategy: str | Strategy | None = None,
    ) -> None:
        check_parts(model, optimizer, criterion)
        check_callable(batch_transform, "batch_transform", optional=True)
        check_callable(batch_split, "batch_split", optional=True)
        self.strategy = as_strategy(strategy, model)
        self.device = self.strategy.place(device)
        self.gradient_accumulation_steps = as_count(gradient_accumulation_steps, "gradient_accumulation_steps")
        self.max_grad_norm = as_clip(max_grad_norm, "max_grad_norm")
        self.max_grad_value = as_clip(max_grad_value, "max_grad_value")
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
        self.batch_split = batch_split or split_batch
        self.preserve_modes = preserve_modes
        self.deterministic = deterministic
        self.isolate_evaluation = isolate_evaluation
        self.sampler_set_epoch = sampler_set_epoch
        self.precision = Precision(self.device, use_amp, amp_dtype)
        self.metrics_history = History(callbacks=self.callbacks)
        self.current_epoch = self.num_epochs = self.global_step = 0
        self.num_batches: int | None = None
        self.stop_training = False
        self.stop_at_step = False
        self.scheduler: Any = None
        self._run: Run | None = None
        self._last_fit: Run | None = None
        self._resumption: Resumption | None = None
        self.strategy.attach(self)

    @property
    def stop_at_step(self) -> bool:
        return self.strategy.stop_at_step

    @stop_at_step.setter
    def stop_at_step(self, value: bool) -> None:
        self.strategy.request_stop(value)

    def fit(
        self,
        train_loader: Iterable[Any],
        num_epochs: int,
        val_loader: Iterable[Any] | None = None,
        scheduler: Any = None,
        early_stopping: Callback | None = None,
        *,
        limit_train_batches: int | None = None,
        limit_val_batches: int | None = None,
        fast_dev_run: bool = False,
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
            limit_train_batches, limit_val_batches: At most so many batches an epoch. Default: all.
            fast_dev_run: One epoch of one batch of each loader, to see that everything runs.

        Returns:
            The records of all epochs: ``epoch``, ``train_loss`` (mean over batches), ``train_accuracy`` (a fraction,
            for classification), other metrics, and the same with ``val_``.

        Raises:
            TypeError: ``num_epochs`` or a limit is not an integer.
            ValueError: A limit is less than 1.
            EmptyLoaderError: A loader gave no batch.
        """
        num_epochs = as_epochs(num_epochs)
        if fast_dev_run:
            num_epochs, limit_train_batches, limit_val_batches = min(num_epochs, 1), 1, 1
        limits = as_limits(limit_train_batches, limit_val_batches)
        callbacks = CallbackList([*self.callbacks, *([] if early_stopping is None else [early_stopping])])
        train_loader = self.strategy.training_shard(train_loader)
        run = self._run = self._last_fit = Run(
            callbacks, self.metrics, train_loader, val_loader, limits, strategy=self.strategy
        )
        self.metrics_history = History(callbacks=callbacks)
        self.num_epochs = num_epochs
        self.num_batches = run.training_length(train_loader)
        self.scheduler = scheduler
        self.stop_at_step = False
        resumption, self._resumption = self._resumption, None
        if resumption is None:
            self.stop_training = False
        else:
            resumption.prepare(self, run)
        with fitting(self, run):
            if resumption is None:
                run.tell("on_train_begin", self, Logs())
            else:
                resumption.take_up(self, run)
            for epoch in range(run.position.epoch, num_epochs):
                self.strategy.agree_on_stop(self)
                if self.stop_at_step or (self.stop_training and not run.position.within_epoch):
                    break
                self._run_epoch(epoch, run)
            run.tell("on_train_end", self, Logs(self.metrics_history[-1] if self.metrics_history else {}))
            run.settled = True
        return self.metrics_history

    def _run_epoch(self, epoch: int, run: Run) -> None:
        self.current_epoch = epoch
        position = run.position  # of a resumed run, its first epoch may be past some of the stages
        if position.stage is Stage.BEGIN:
            run.tell("on_epoch_begin", epoch, self, Logs())
            position.stage = Stage.TRAIN
        if position.stage is Stage.TRAIN:
            assert run.train_loader is not None
            position.record = {"epoch": epoch, **self._train_batches(run.train_loader, run)}
            if run.between_batches:  # stop_at_step left the epoch unfinished
                return
            position.extras = run.train.extras("train_")
            position.stage = Stage.VALIDATE
        if position.stage is Stage.VALIDATE and run.val_loader is not None:
            self.evaluate(run.val_loader)
        if self.scheduler is not None:
            step_scheduler(self.scheduler, position.record)
        self.metrics_history.append(position.record)
        position.stage = Stage.END
        run.tell("on_epoch_end", epoch, self, Logs(position.record | position.extras))
        run.position = Position(epoch + 1)
        self._write_deferred(run)

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
        self._run = Run(self.callbacks, {**self.metrics, **(metrics or {})}, strategy=self.strategy)
        try:
            with gradients_on():
                return self._train_batches(self.strategy.training_shard(train_loader), self._run)
        finally:
            self.current_epoch, self._run = previous

    def _train_batches(self, loader: Iterable[Any], run: Run) -> dict[str, Any]:
        hooks, tally, position = run.hooks, run.train, run.position
        batches = run.training_batches(self, loader)
        stepping, length = run.stepping, run.training_length(loader)
        assert stepping is not None
        model = self.strategy.training_model(self.model)
        run.between_batches = True
        for batch_idx, batch in enumerate(batches, position.batches):
            inputs, targets = self._prepare(batch)
            if hooks.on_batch_begin:
                call(hooks.on_batch_begin, batch_idx, self, Logs(batch_size=count_items(targets)))
            stepping.begin_batch(batch_idx + 1 == length)
            outputs, loss = self._forward(model, inputs, targets)
            if hooks.on_forward_end:
                call(hooks.on_forward_end, batch_idx, self, loss_logs(loss, targets))
            stepping.backward(loss, targets)
            if hooks.on_backward_end:
                call(hooks.on_backward_end, batch_idx, self, loss_logs(loss, targets))
            if stepping.window_is_full or batch_idx + 1 == length:
                run.optimizer_step(self)
            tally.update(loss, outputs, targets)
            position.batches = batch_idx + 1
            if hooks.on_batch_end:
                run.tell("on_batch_end", batch_idx, self, tally.batch_logs(loss, targets))
            if run.deferred:
                self._write_deferred(run)
            if self.stop_at_step and stepping.window_is_empty and batch_idx + 1 != length:
                break
        else:
            run.between_batches = False
        # A loader without a (true) length ends unannounced, perhaps within a window.
        if not stepping.window_is_empty:
            run.optimizer_step(self)
        tally.reduce()
        if not tally.loss.batches:
            raise EmptyLoaderError("train_loader gave no batch; at least one is needed")
        return tally.record("train_")

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
        if active is None or metrics:
            run = Run(self.callbacks, {**self.metrics, **(metrics or {})}, strategy=self.strategy)
        else:
            run = active
        # What fit itself asks for at the end of an epoch; all other calls are the business of whoever makes them.
        of_fit = run is active and run.position.stage is Stage.VALIDATE and run.hook is None
        tell = run.tell if of_fit else run.call
        # Called by a callback between two training batches, it must not leave the model in evaluation mode.
        restore = self.preserve_modes or (active is not None and active.between_batches)
        tally = run.val
        with isolated_rng(self.isolate_evaluation), evaluation_mode(self.model, restore=restore), torch.no_grad():
            tell("on_evaluate_begin", self, Logs())
            self.strategy.begin_evaluation(self.model)
            tally.reset()
            for batch in self.strategy.evaluation_batches(loader, run.val_limit if of_fit else None):
                inputs, targets = self._prepare(batch)
                outputs, loss = self._forward(self.model, inputs, targets)
                tally.update(loss, outputs, targets)
        tally.reduce()
        if not tally.loss.batches:
            raise EmptyLoaderError("the evaluation loader gave no batch; at least one is needed")
        record, extras = tally.record("val_"), tally.extras("val_")
        if of_fit:
            run.position.validated(record, extras)
        tell("on_evaluate_end", self, Logs(record | extras))
        return record

    def _prepare(self, batch: Any) -> tuple[Any, Any]:
        inputs, targets = self.batch_split(batch)
        return self._prepare_inputs(inputs), move(targets, self.device)

    def _prepare_inputs(self, inputs: Any) -> Any:
        inputs = move(inputs, self.device)
        return inputs if self.batch_transform is None else self.batch_transform(inputs)

    def _forward(self, model: nn.Module, inputs: Any, targets: Any) -> tuple[Any, torch.Tensor]:
        if self.precision.enabled:
            with self.precision.autocast():
                outputs = model(inputs)
                return outputs, self.criterion(outputs, targets)
        outputs = model(inputs)
        return outputs, self.criterion(outputs, targets)
