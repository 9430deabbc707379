"""The two paths of a case: ``TrainingLoop``, and what ``ann-migrate`` writes in its place."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

import torch
from torch import nn, optim

from adaptiveneuralnetwork.training import Trainer, TrainingLoop, quick_train
from ann_compat import bridge
from ann_compat.equivalence.build import Setup, build
from ann_compat.equivalence.cases import CaseSpec
from ann_compat.equivalence.trace import Recorder, Trace, record

CHECKPOINT = "saved/checkpoints/checkpoint_epoch_0.pt"


def run_legacy(spec: CaseSpec, *, detailed: bool = False) -> Trace:
    """Run the case with ``TrainingLoop``; ``detailed`` as for :class:`~ann_compat.equivalence.trace.Recorder`."""
    return _run(spec, LegacyPath, detailed)


def run_migrated(spec: CaseSpec, *, detailed: bool = False) -> Trace:
    """Run the case with ``Trainer`` and the bridge."""
    return _run(spec, MigratedPath, detailed)


class Path(Protocol):
    """The calls that programs make, on one of the two paths."""

    setup: Setup

    def __init__(self, setup: Setup, form: str) -> None: ...

    def train(self, epochs: int | None) -> Any: ...

    def evaluate(self) -> Any: ...

    def train_epoch(self, epoch: int) -> Any: ...

    def save(self, epoch: int) -> Any: ...

    def load(self, path: str) -> Any: ...

    def save_metrics(self) -> Any: ...

    @property
    def history(self) -> list[dict[str, Any]]: ...

    @property
    def parts(self) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        """Model, optimizer, criterion, as they are in use."""

    @property
    def current_epoch(self) -> int: ...


class LegacyPath:
    """What programs did."""

    def __init__(self, setup: Setup, form: str) -> None:
        self.setup = setup
        self.quick = form == "quick"
        self.loop: Any = None
        if not self.quick:
            self.loop = TrainingLoop(setup.model, setup.config, setup.optimizer, setup.criterion)

    def train(self, epochs: int | None) -> Any:
        setup = self.setup
        if self.loop is None:
            result = quick_train(setup.config, setup.train_loader, setup.validation_loader, epochs)
            self.loop = result["trainer"]
            return result["metrics_history"], result["final_metrics"]
        return self.loop.train(setup.train_loader, setup.validation_loader, epochs)

    def evaluate(self) -> Any:
        return self.loop.evaluate(_evaluation_loader(self.setup))

    def train_epoch(self, epoch: int) -> Any:
        return self.loop.train_epoch(self.setup.train_loader, epoch)

    def save(self, epoch: int) -> Any:
        return self.loop.save_checkpoint(epoch)

    def load(self, path: str) -> Any:
        return self.loop.load_checkpoint(path)

    def save_metrics(self) -> Any:
        return self.loop.save_metrics()

    @property
    def history(self) -> list[dict[str, Any]]:
        history: list[dict[str, Any]] = self.loop.metrics_history
        return history

    @property
    def parts(self) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        return self.loop.model, self.loop.optimizer, self.loop.criterion

    @property
    def current_epoch(self) -> int:
        return int(self.loop.current_epoch)


class MigratedPath:
    """What migrated programs do, in the forms that the codemod emits."""

    def __init__(self, setup: Setup, form: str) -> None:
        self.setup = setup
        self.trainer: Any = None
        model, config = setup.model, setup.config
        if form == "trainer":
            optimizer = setup.optimizer or optim.Adam(model.parameters(), lr=config.learning_rate)
            criterion = setup.criterion or nn.CrossEntropyLoss()
            self.trainer = Trainer(
                model,
                optimizer,
                criterion,
                device=config.device,
                max_grad_norm=1.0,
                batch_transform=bridge.flatten_images,
                callbacks=bridge.legacy_callbacks(config),
            )
        elif form == "function":
            self.trainer = bridge.legacy_trainer(model, config, setup.optimizer, setup.criterion)

    def train(self, epochs: int | None) -> Any:
        setup = self.setup
        if self.trainer is None:
            result = bridge.legacy_quick_train(setup.config, setup.train_loader, setup.validation_loader, epochs)
            self.trainer = result["trainer"]
            return result["metrics_history"], result["final_metrics"]
        return bridge.legacy_history(
            self.trainer.fit(
                setup.train_loader, num_epochs=epochs or setup.config.num_epochs, val_loader=setup.validation_loader
            )
        )

    def evaluate(self) -> Any:
        return bridge.legacy_evaluate(self.trainer, _evaluation_loader(self.setup))

    def train_epoch(self, epoch: int) -> Any:
        return bridge.legacy_train_epoch(self.trainer, self.setup.train_loader, epoch)

    def save(self, epoch: int) -> Any:
        return bridge.legacy_save_checkpoint(self.trainer, epoch)

    def load(self, path: str) -> Any:
        return bridge.legacy_load_checkpoint(self.trainer, path)

    def save_metrics(self) -> Any:
        return bridge.legacy_save_metrics(self.trainer)

    @property
    def history(self) -> list[dict[str, Any]]:
        return bridge.legacy_history(self.trainer)

    @property
    def parts(self) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
        return self.trainer.model, self.trainer.optimizer, self.trainer.criterion

    @property
    def current_epoch(self) -> int:
        return int(self.trainer.current_epoch)


def perform(call: str, path: Path, recorder: Recorder, epochs: int | None = 1) -> None:
    """Do one of :data:`~ann_compat.equivalence.cases.CALLS` and record what it gave."""
    setup = path.setup
    value: Any = None
    if call == "train":
        value = path.train(epochs)
    elif call == "evaluate":
        value = path.evaluate()
    elif call == "train_epoch":
        value = path.train_epoch(3)
    elif call == "save":
        value = path.save(0)
    elif call == "load":
        value = path.load(CHECKPOINT)
    elif call == "save_metrics":
        value = path.save_metrics()
    elif call == "more_epochs":
        setup.config.num_epochs += 1
    elif call == "lower_learning_rate":
        for group in path.parts[1].param_groups:
            group["lr"] *= 0.5
    elif call in ("freeze", "thaw"):
        next(path.parts[0].parameters()).requires_grad_(call == "thaw")
    elif call == "files_off":
        setup.config.save_checkpoint, setup.config.metrics_file = False, None
    elif call == "log_often":
        setup.config.log_interval = 1
    recorder.result(call, value)
    model, optimizer, criterion = path.parts
    # quick_train makes a model of its own.
    recorder.watch(model)
    recorder.watch_optimizer(optimizer)
    if isinstance(criterion, nn.Module):
        recorder.watch(criterion)
    if call == "train":
        recorder.result("the result is metrics_history", _same_list(value, path.history))


def _run(spec: CaseSpec, make_path: type[Path], detailed: bool) -> Trace:
    def run(recorder: Recorder) -> None:
        setup = build(spec)
        recorder.watch(setup.model)
        if isinstance(setup.criterion, nn.Module):
            recorder.watch(setup.criterion)
        disabled = torch.no_grad() if spec.fault == "gradients_disabled" else contextlib.nullcontext()
        path = None
        try:
            path = make_path(setup, spec.form)
            with disabled:
                for call in spec.calls:
                    perform(call, path, recorder, spec.epochs)
        finally:
            for name, loader in (("training", setup.train_loader), ("validation", setup.validation_loader)):
                recorder.result(f"iterators of the {name} loader", getattr(loader, "iterations", None))
            if path is not None and (spec.form != "quick" or _started(path)):
                recorder.watch_optimizer(path.parts[1])
                recorder.result("metrics_history", path.history)
                recorder.result("current_epoch", path.current_epoch)

    return record(run, spec.seed, detailed=detailed)


def _evaluation_loader(setup: Setup) -> Any:
    return setup.train_loader if setup.validation_loader is None else setup.validation_loader


def _same_list(value: Any, history: list[dict[str, Any]]) -> bool:
    return (value[0] if isinstance(value, tuple) else value) is history


def _started(path: Any) -> bool:
    return (path.loop if isinstance(path, LegacyPath) else path.trainer) is not None
