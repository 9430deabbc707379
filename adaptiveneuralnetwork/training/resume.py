"""A run's whole state, taken out for a checkpoint, and put back so that another process continues bit for bit."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from adaptiveneuralnetwork.training.checkpoint import FORMAT_VERSION, CheckpointError
from adaptiveneuralnetwork.training.data_position import (
    EpochStart,
    generator_states,
    inexact_order,
    loader_state,
    restore_generators,
    resumed_iterator,
)
from adaptiveneuralnetwork.training.history import History
from adaptiveneuralnetwork.training.logs import Logs
from adaptiveneuralnetwork.training.metric_state import load_tally, tally_state
from adaptiveneuralnetwork.training.model_state import (
    load_model_state,
    model_state,
    modules_in_evaluation,
    set_modes,
    unwrapped,
)
from adaptiveneuralnetwork.training.plain import plain
from adaptiveneuralnetwork.training.position import Position, Stage
from adaptiveneuralnetwork.training.rank_state import batches_done
from adaptiveneuralnetwork.training.run import Run, callback_keys
from adaptiveneuralnetwork.training.seeding import restore_rng_state, rng_state

if TYPE_CHECKING:
    from adaptiveneuralnetwork.training.trainer import Trainer


def trainer_state(trainer: Trainer, run: Run | None) -> dict[str, Any]:
    """All that another process needs to go on where this one is, as tensors and plain values.

    Args:
        run: The present or last ``fit`` of the trainer, if there was one.
    """
    state: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "torch_version": str(torch.__version__),
        "epoch": trainer.current_epoch,
        "epochs_completed": len(trainer.metrics_history),
        "global_step": trainer.global_step,
        "stop_training": bool(trainer.stop_training),
        "model_state_dict": model_state(trainer.model),
        "optimizer_state_dict": trainer.optimizer.state_dict(),
        "metrics_history": [dict(record) for record in trainer.metrics_history],
        "modules_in_evaluation": modules_in_evaluation(trainer.model),
        "world_size": trainer.strategy.world_size,
        "rng_state": rng_state(),
    }
    reasons: list[str] = []
    _add_full_state(state, trainer.model, reasons)
    if trainer.precision.enabled:
        state["scaler_state_dict"] = trainer.precision.scaler.state_dict()
    if trainer.scheduler is not None:
        state["scheduler_state_dict"] = trainer.scheduler.state_dict()
    callbacks = trainer.callbacks if run is None else run.callbacks
    state["callbacks"] = {
        key: kept
        for key, callback in callback_keys(callbacks).items()
        if hasattr(callback, "state_dict") and (kept := callback.state_dict())
    }
    if run is not None:
        _add_run(state, run, reasons)
    return state | {"exact": not reasons, "inexact_reasons": reasons}


def _add_run(state: dict[str, Any], run: Run, reasons: list[str]) -> None:
    if run.within_batch:
        reasons.append("it was written within a batch, and a part of what that batch does may be done already")
    position = state["position"] = run.position_state()
    in_epoch = run.position.stage is Stage.TRAIN and run.position.batches > 0
    state["generators"] = {
        "train": generator_states(run.train_loader),
        "val": generator_states(run.val_loader),
    }
    for loader, within in ((run.train_loader, in_epoch), (run.val_loader, False)):
        reasons += inexact_order(loader, within)
    if in_epoch and run.epoch_start is not None and run.stepping is not None:
        tally, uncounted = tally_state(run.train)
        reasons += uncounted
        position["epoch_start"] = run.epoch_start.state_dict()
        position["loader"] = loader_state(run.train_loader)
        position["batch_size"] = getattr(run.train_loader, "batch_size", None)
        position["tally"] = tally
        position["window"] = run.stepping.state_dict()


def _add_full_state(state: dict[str, Any], model: torch.nn.Module, reasons: list[str]) -> None:
    """What a model of the legacy protocol keeps beside its parameters and buffers (their tensors are stored once)."""
    inner: Any = unwrapped(model)
    if not (hasattr(inner, "get_state_dict_full") and hasattr(inner, "load_state_dict_full")):
        return
    try:
        state["model_state_full"] = plain(inner.get_state_dict_full(), "model.get_state_dict_full()")
    except TypeError as error:
        reasons.append(str(error))


def restore_trainer(trainer: Trainer, state: Mapping[str, Any], path: str | os.PathLike[str], strict: bool) -> None:
    """Put model, optimizer, scaler, history and counters of ``trainer`` where ``state`` has them, or change nothing.

    Raises:
        CheckpointError: ``state`` lacks something or does not fit.
    """
    missing = {"model_state_dict", "optimizer_state_dict"} - state.keys()
    if missing:
        raise CheckpointError(path, f"it lacks {', '.join(sorted(missing))}; it has {', '.join(map(str, state))}")
    version = state.get("format_version", FORMAT_VERSION)
    if version > FORMAT_VERSION:
        raise CheckpointError(path, f"it has the format {version}; this version reads formats up to {FORMAT_VERSION}")
    before = copy.deepcopy(trainer.model.state_dict())
    try:
        _load_model(trainer.model, state, strict)
        trainer.optimizer.load_state_dict(state["optimizer_state_dict"])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        trainer.model.load_state_dict(before)
        raise CheckpointError(path, f"it does not fit: {error}") from error
    if "scaler_state_dict" in state and trainer.precision.scaler.is_enabled():
        trainer.precision.scaler.load_state_dict(state["scaler_state_dict"])
    trainer.metrics_history = History(state.get("metrics_history", ()), callbacks=trainer.callbacks)
    trainer.current_epoch = state.get("epoch", 0)
    trainer.global_step = state.get("global_step", 0)
    trainer.stop_training = state.get("stop_training", False)


def _load_model(model: torch.nn.Module, state: Mapping[str, Any], strict: bool) -> None:
    load_model_state(model, state["model_state_dict"], strict)
    inner: Any = unwrapped(model)
    if "model_state_full" in state and hasattr(inner, "load_state_dict_full"):
        inner.load_state_dict_full(state["model_state_full"])


class Resumption:
    """A loaded checkpoint that the next ``fit`` takes up.

    Args:
        state: What the file holds. Model and optimizer have been restored from it; their tensors are not kept.
        world_size: How many processes there are now.
    """

    def __init__(self, state: Mapping[str, Any], path: str | os.PathLike[str], world_size: int) -> None:
        self.path = path
        self.state = {key: value for key, value in state.items() if not key.startswith(("model_", "optimizer_"))}
        self.hyperparameters = [
            {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
            for group in state["optimizer_state_dict"]["param_groups"]
        ]
        reasons = list(state.get("inexact_reasons", ()))
        if state.get("world_size", 1) != world_size:
            reasons.append(f"it was written by {state['world_size']} processes, and there are {world_size} now")
        if reasons:
            _warn(path, f"it cannot be continued bit for bit: {'; '.join(reasons)}")

    def __str__(self) -> str:
        position = self.state.get("position", {"epoch": 0, "batches": 0, "stage": Stage.BEGIN.name})
        epoch, batch = position["epoch"], position["batches"]
        if position["stage"] == Stage.END.name:
            epoch, batch = epoch + 1, 0
        return f"{os.fspath(self.path)}, from epoch {epoch}, batch {batch} on"

    def pending(self) -> dict[str, Any]:
        """What a checkpoint written before that ``fit`` must still say of it."""
        return {name: self.state[name] for name in _PENDING if name in self.state}

    def prepare(self, trainer: Trainer, run: Run) -> None:
        """Give the history to the run and the saved states to scheduler and callbacks; nothing is called yet."""
        state = self.state
        trainer.metrics_history.extend(dict(record) for record in state["metrics_history"])
        if "position" in state:
            run.position = Position.from_state(
                {name: value for name, value in state["position"].items() if name not in _OF_THE_EPOCH}
            )
            run.position.batches = batches_done(state, run.train_loader, trainer.strategy.world_size)
            trainer.current_epoch = state["epoch"]
        if trainer.scheduler is not None and "scheduler_state_dict" in state:
            trainer.scheduler.load_state_dict(state["scheduler_state_dict"])
        elif "scheduler_state_dict" in state or trainer.scheduler is not None:
            holder = "fit" if trainer.scheduler is not None else "the checkpoint"
            _warn(self.path, f"only {holder} has a scheduler, so learning rates may be others")
        _load_callbacks(run.callbacks, state["callbacks"], self.path)

    def take_up(self, trainer: Trainer, run: Run) -> None:
        """Bring the run to where the checkpoint was written.

        Callbacks set themselves up by the hooks that they had been called with; what these change in model, optimizer
        and random states is undone. The optimizer's hyperparameters are those of the checkpoint, since making a
        scheduler changes them.
        """
        state, position = self.state, run.position
        with _unchanged(trainer, run):
            run.told_again("on_train_begin", trainer, Logs())
            if position.within_epoch:
                run.told_again("on_epoch_begin", position.epoch, trainer, Logs())
            if position.hook == "on_evaluate_begin":
                run.told_again("on_evaluate_begin", trainer, Logs())
        for group, saved in zip(trainer.optimizer.param_groups, self.hyperparameters, strict=True):
            group.update(copy.deepcopy(saved))
        # Else torch warns that the scheduler is stepped first, where this process has yet to step the optimizer.
        trainer.optimizer._opt_called = True  # type: ignore[attr-defined]
        set_modes(trainer.model, state["modules_in_evaluation"])
        generators = state.get("generators", {"train": {}, "val": {}})
        restore_generators(run.val_loader, generators["val"])
        if position.stage is Stage.TRAIN and position.batches:
            self._take_up_epoch(trainer, run, generators["train"])
        else:
            restore_generators(run.train_loader, generators["train"])
            restore_rng_state(state["rng_state"])
        self._tell_the_rest(trainer, run)

    def _take_up_epoch(self, trainer: Trainer, run: Run, generators: Mapping[str, torch.Tensor]) -> None:
        saved, loader = self.state["position"], run.train_loader
        assert loader is not None
        run.train.reset()
        if "tally" in saved:  # as it is where as many processes have written the checkpoint
            load_tally(run.train, saved["tally"])
        run.stepping = run.new_stepping(trainer, loader)
        run.stepping.load_state_dict(saved.get("window", {}))
        run.prepare_samplers(trainer, loader)
        run.epoch_start = EpochStart(loader, saved["epoch_start"])
        now = {"rng": self.state["rng_state"], "generators": generators}
        try:
            run.iterator = resumed_iterator(loader, run.position.batches, run.epoch_start, now, saved["loader"])
        except ValueError as error:
            raise CheckpointError(self.path, str(error)) from error

    def _tell_the_rest(self, trainer: Trainer, run: Run) -> None:
        """Call the hook in which the checkpoint was written for the callbacks that it had not reached."""
        position = run.position
        logs = Logs(position.logs)
        if position.hook == "on_train_begin":
            run.tell("on_train_begin", trainer, logs)
        elif position.hook == "on_batch_end":
            run.between_batches = True
            run.tell("on_batch_end", position.batches - 1, trainer, logs)
        elif position.hook == "on_evaluate_end":
            run.tell("on_evaluate_end", trainer, logs)
        elif position.stage is Stage.END:
            if position.hook == "on_epoch_end":
                run.tell("on_epoch_end", position.epoch, trainer, logs)
            run.position = Position(position.epoch + 1)


_PENDING = (
    "position",
    "generators",
    "callbacks",
    "scheduler_state_dict",
    "rng_state",
    "modules_in_evaluation",
    "world_size",
    "exact",
    "inexact_reasons",
)
_OF_THE_EPOCH = ("epoch_start", "loader", "batch_size", "tally", "window")


def _load_callbacks(callbacks: Any, states: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    present = {key: callback for key, callback in callback_keys(callbacks).items() if hasattr(callback, "state_dict")}
    for key, callback in present.items():
        if key in states:
            callback.load_state_dict(states[key])
    missing = [key for key, callback in present.items() if key not in states and callback.state_dict()]
    unknown = [key for key in states if key not in present]
    parts = [
        *([f"it has no state for the callbacks {', '.join(missing)}, which begin anew"] if missing else []),
        *([f"it has states of callbacks that are not there now: {', '.join(unknown)}"] if unknown else []),
    ]
    if parts:
        _warn(path, "; ".join(parts))


@contextmanager
def _unchanged(trainer: Trainer, run: Run) -> Iterator[None]:
    """Put parameters, buffers and optimizer state back afterwards, if there are hooks that could change them."""
    if not (run.hooks.on_train_begin or run.hooks.on_epoch_begin or run.hooks.on_evaluate_begin):
        yield
        return
    model = copy.deepcopy(trainer.model.state_dict())
    optimizer = copy.deepcopy(trainer.optimizer.state_dict())
    yield
    trainer.model.load_state_dict(model)
    trainer.optimizer.load_state_dict(optimizer)


def _warn(path: str | os.PathLike[str], text: str) -> None:
    warnings.warn(f"checkpoint {os.fspath(path)}: {text}", RuntimeWarning, stacklevel=4)
