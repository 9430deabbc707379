"""What each of several processes does in the tests of distributed training; see ``ranks``.

Each function is called in one process as well, as rank 0 of 1: what it returns there is what several must return.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.training import (
    Callback,
    EMACallback,
    LegacyAccuracy,
    ModelCheckpoint,
    SWACallback,
    Trainer,
    seed_everything,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FEATURES, CLASSES = 6, 4


def strategy_of(world_size: int, name: str = "ddp") -> str | None:
    return name if world_size > 1 else None


def model_of(dtype: torch.dtype = torch.float32, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, CLASSES)).to(dtype)


def data_of(samples: int, dtype: torch.dtype = torch.float32, ignored: bool = False) -> TensorDataset:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(samples, FEATURES, generator=generator, dtype=torch.float64).to(dtype) * 3
    targets = torch.randint(0, CLASSES, (samples,), generator=generator)
    if ignored:
        targets[torch.rand(samples, generator=generator) < 0.4] = -100
    return TensorDataset(inputs, targets)


def trainer_of(model: nn.Module, world_size: int, strategy: str = "ddp", **arguments: Any) -> Trainer:
    optimizer = arguments.pop("optimizer", None) or optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    criterion = arguments.pop("criterion", nn.CrossEntropyLoss())
    return Trainer(model, optimizer, criterion, device="cpu", strategy=strategy_of(world_size, strategy), **arguments)


def parameters_of(model: nn.Module) -> list[torch.Tensor]:
    whole = [p.full_tensor() if hasattr(p, "full_tensor") else p for p in model.parameters()]
    return [p.detach().clone() for p in whole]


def twenty_steps(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """Twenty steps, clipped, on shuffled data: a batch of 8 over all ranks."""
    outcome = {}
    for dtype in (torch.float32, torch.float64):
        norms: list[float] = []

        class Norms(Callback):
            def on_optimizer_step_end(self, trainer: Trainer, logs: Any = None) -> None:
                norms.append(logs["grad_norm"])  # noqa: B023

        model = model_of(dtype)
        trainer = trainer_of(model, world_size, strategy, max_grad_norm=0.5, callbacks=[Norms()])
        seed_everything(11)
        loader = DataLoader(data_of(80, dtype), batch_size=8 // world_size, shuffle=True)
        history = trainer.fit(loader, 2, val_loader=DataLoader(data_of(21, dtype), batch_size=4))
        assert trainer.global_step == 20
        outcome[str(dtype)] = parameters_of(model), list(history), norms
    return outcome


def fsdp_twenty_steps(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return twenty_steps(rank, world_size, folder, "fsdp")


def uneven(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """A window of three batches, a short last window of short batches, and targets that do not count."""
    outcome = {}
    criteria = {
        "mean": nn.CrossEntropyLoss(),
        "weighted": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)),
        "sum": nn.CrossEntropyLoss(reduction="sum"),
    }
    for name, criterion in criteria.items():
        model = model_of(torch.float64)
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        trainer = trainer_of(
            model, world_size, strategy, criterion=criterion, optimizer=optimizer, gradient_accumulation_steps=3
        )
        loader = DataLoader(data_of(43, torch.float64, ignored=True), batch_size=8 // world_size)
        history = trainer.fit(loader, 2)
        outcome[name] = parameters_of(model), history.column("train_loss"), trainer.global_step
    return outcome


def fsdp_uneven(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return uneven(rank, world_size, folder, "fsdp")


class Largest:
    """A metric that is no mean: the largest output seen, and what it was seen on."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.values: list[float] = []

    def update(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        self.values.append(outputs.max().item())

    def compute(self) -> float:
        return max(self.values) + len(self.values)

    def merge_state(self, others: list[Largest]) -> None:
        for other in others:
            self.values += other.values


def spread(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Of a batch as a whole: batches that are split or padded give another value."""
    return (outputs.max() - outputs.min()).double()


def evaluation(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """21 samples in batches of 4, in order and shuffled; fewer batches than ranks; predictions."""
    metrics = {"spread": spread, "largest": Largest(), "percent": LegacyAccuracy()}
    try:
        from torchmetrics.classification import MulticlassF1Score
    except ImportError:
        pass
    else:
        metrics["f1"] = MulticlassF1Score(CLASSES)
    trainer = trainer_of(model_of(torch.float64), world_size, strategy, metrics=metrics)
    data = data_of(21, torch.float64)
    in_order = DataLoader(data, batch_size=4)
    seed_everything(5)
    record = trainer.evaluate(in_order)
    return {
        "record": record,
        "shuffled": trainer.evaluate(DataLoader(data, batch_size=4, shuffle=True)),
        "single": trainer.evaluate(DataLoader(data_of(3, torch.float64), batch_size=4)),
        "predicted": trainer.predict(in_order),
    }


def fsdp_evaluation(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return evaluation(rank, world_size, folder, "fsdp")


class AtStep(Callback):
    """Do something on some rank after some optimizer step."""

    def __init__(self, step: int, action: Callable[[Trainer], Any], ranks: tuple[int, ...] = (0, 1)) -> None:
        self.step, self.action, self.ranks = step, action, ranks

    def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
        if trainer.global_step == self.step and trainer.strategy.rank in self.ranks:
            self.action(trainer)


def interrupted_trainer(world_size: int, strategy: str = "ddp", **arguments: Any) -> Trainer:
    model = model_of(torch.float64, dropout=0.3)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return trainer_of(
        model, world_size, strategy, optimizer=optimizer, seed=13, metrics={"spread": spread}, **arguments
    )


def interrupted_loaders(world_size: int) -> tuple[Any, Any]:
    train = DataLoader(data_of(45, torch.float64), batch_size=8 // world_size, shuffle=True)
    return train, DataLoader(data_of(21, torch.float64), batch_size=4)


def save(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """Train three epochs; on the way save a checkpoint between two epochs and one within an epoch."""

    class BetweenEpochs(Callback):
        def on_epoch_end(self, epoch: int, trainer: Trainer, logs: Any = None) -> None:
            if epoch == 0:
                trainer.save_checkpoint(folder / f"{strategy}_{world_size}_epoch.pt")

    def within(trainer: Trainer) -> None:
        trainer.save_checkpoint(folder / f"{strategy}_{world_size}_step.pt")
        if strategy == "fsdp":
            trainer.save_checkpoint(folder / "fsdp_folder")

    trainer = interrupted_trainer(world_size, strategy, callbacks=[BetweenEpochs(), AtStep(9, within)])
    train, val = interrupted_loaders(world_size)
    history = trainer.fit(train, 3, val_loader=val)
    return {"parameters": parameters_of(trainer.model), "history": list(history), "draw": torch.rand(3)}


def resume(
    rank: int, world_size: int, folder: Path, name: str = "ddp_2_step.pt", strategy: str = "ddp"
) -> dict[str, Any]:
    trainer = interrupted_trainer(world_size, strategy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.load_checkpoint(folder / name)
    train, val = interrupted_loaders(world_size)
    history = trainer.fit(train, 3, val_loader=val)
    return {
        "parameters": parameters_of(trainer.model),
        "history": list(history),
        "draw": torch.rand(3),
        "steps": trainer.global_step,
        "warnings": [str(warning.message) for warning in caught],
    }


def resume_epoch(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return resume(rank, world_size, folder, "ddp_2_epoch.pt")


def resume_of_one(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return resume(rank, world_size, folder, "ddp_1_step.pt")


def fsdp_save(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return save(rank, world_size, folder, "fsdp")


def fsdp_resume(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return resume(rank, world_size, folder, "fsdp_2_step.pt", "fsdp")


def fsdp_resume_folder(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return resume(rank, world_size, folder, "fsdp_folder", "fsdp")


def ddp_resume_folder(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return resume(rank, world_size, folder, "fsdp_folder")


def fsdp_overflow(rank: int, world_size: int, folder: Path) -> tuple[int, float]:
    """Under float16, one element of a gradient that rank 0 alone has is infinite, at the third step."""

    class Infinite(Callback):
        def on_backward_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
            if batch_idx == 2 and rank == 0:
                gradient: Any = next(trainer.model.parameters()).grad
                gradient.to_local()[0, 0] = float("inf")

    trainer = trainer_of(
        model_of(), world_size, "fsdp", use_amp=True, amp_dtype="float16", callbacks=[Infinite()], max_grad_norm=1.0
    )
    trainer.fit(DataLoader(data_of(40), batch_size=4), 1)
    assert all(parameter.isfinite().all() for parameter in parameters_of(trainer.model))
    return trainer.global_step, trainer.precision.scaler.get_scale()


def stops(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    """Rank 1 alone wants to stop: at a step; after an epoch; and before the first."""
    train, _ = interrupted_loaders(world_size)

    def at_step(trainer: Trainer) -> None:
        trainer.stop_at_step = True

    def after_epoch(trainer: Trainer) -> None:
        trainer.stop_training = True

    class AtOnce(Callback):
        def on_train_begin(self, trainer: Trainer, logs: Any = None) -> None:
            trainer.stop_training = trainer.strategy.rank == 1

    outcome = {}
    for name, callback in {
        "step": AtStep(8, at_step, (1,)),
        "epoch": AtStep(8, after_epoch, (1,)),
        "once": AtOnce(),
    }.items():
        trainer = interrupted_trainer(world_size, callbacks=[callback])
        history = trainer.fit(train, 5)
        outcome[name] = trainer.global_step, len(history)
    return outcome


def own_shards(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    """Loaders that are no DataLoaders, with batches of other sizes and numbers on each rank."""
    inputs, targets = data_of(40, torch.float64).tensors
    sizes = [[5, 3, 4, 2], [2, 6, 1]]  # in order: rank 0 has the samples from 0 on, rank 1 those from 20 on
    starts = [0, 20]
    batches: list[list[Any]] = []
    for start, lengths in zip(starts, sizes, strict=True):
        ends = [start + sum(lengths[: place + 1]) for place in range(len(lengths))]
        batches.append([slice(end - length, end) for end, length in zip(ends, lengths, strict=True)])
    outcome = {}
    for name in ("list", "iterator"):
        for steps in (1, 2):
            model = model_of(torch.float64)
            trainer = trainer_of(model, world_size, gradient_accumulation_steps=steps)
            if world_size > 1:
                loader: Any = [(inputs[part], targets[part]) for part in batches[rank]]
            else:  # what both ranks have, as batches of one process
                pairs = list(zip(*batches, strict=False))
                loader = [
                    (torch.cat([inputs[p] for p in pair]), torch.cat([targets[p] for p in pair])) for pair in pairs
                ]
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                trainer.train_epoch(loader if name == "list" else iter(loader))
            outcome[name, steps] = parameters_of(model), trainer.global_step
            outcome[name, steps, "warned"] = [str(warning.message) for warning in caught]
    return outcome


def refusals(rank: int, world_size: int, folder: Path) -> list[str]:
    """Arguments that several processes cannot do with."""
    model = model_of()
    strange = nn.Parameter(torch.zeros(2))
    stepped = optim.Adam(model.parameters())
    model(torch.zeros(2, FEATURES)).sum().backward()
    stepped.step()

    class Counter:
        def reset(self) -> None: ...
        def update(self, outputs: Any, targets: Any) -> None: ...
        def compute(self) -> int:
            return 0

    texts = []
    for strategy, arguments in (
        ("ddp", {"metrics": {"counter": Counter()}}),
        ("ddp", {"optimizer": optim.SGD([*model.parameters(), strange])}),
        ("fsdp", {"optimizer": stepped}),
    ):
        try:
            trainer_of(model, world_size, strategy, **arguments)
        except (TypeError, ValueError) as error:
            texts.append(f"{type(error).__name__}: {error}")
    return texts


def failure(rank: int, world_size: int, folder: Path) -> tuple[str, list[str], float]:
    """The model fails on rank 1, which catches the error and lives on."""

    class Failing(nn.Linear):
        calls = 0

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if rank == 1 and self.calls == 3:
                raise KeyError("no such thing")
            return super().forward(inputs)

    trainer = trainer_of(Failing(FEATURES, CLASSES), world_size)
    started = 0.0
    try:
        trainer.fit(DataLoader(data_of(40), batch_size=4), 1)
    except (KeyError, RuntimeError) as error:
        outcome = type(error).__name__, getattr(error, "__notes__", [])
    if rank == 1:
        started = time.perf_counter()
        while not (folder / "rank 0 is through").exists():
            time.sleep(0.01)
            if time.perf_counter() - started > 30:
                break
    else:
        (folder / "rank 0 is through").touch()
    return *outcome, time.perf_counter() - started if started else 0.0


def interruption(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    """A signal to rank 1 alone, at a step and in an evaluation; then both go on from the file."""
    outcome: dict[str, Any] = {}
    train, val = interrupted_loaders(world_size)

    def terminate(trainer: Trainer) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    class WhileEvaluating(Callback):
        def on_evaluate_begin(self, trainer: Trainer, logs: Any = None) -> None:
            if trainer.current_epoch == 1 and rank == 1:
                os.kill(os.getpid(), signal.SIGINT)

    for name, callback in {"step": AtStep(8, terminate, (1,)), "evaluation": WhileEvaluating()}.items():
        checkpoint = ModelCheckpoint(folder / name, on_signal=True)
        trainer = interrupted_trainer(world_size, callbacks=[callback, checkpoint])
        try:
            trainer.fit(train, 3, val_loader=val)
        except BaseException as error:
            outcome[name] = repr(error), trainer.global_step
        again = interrupted_trainer(world_size, callbacks=[ModelCheckpoint(folder / name, on_signal=True)])
        again.load_checkpoint(folder / name / "last.pt")
        history = again.fit(train, 3, val_loader=val)
        outcome[f"{name} resumed"] = parameters_of(again.model), list(history)
    return outcome


class Unsized:
    """Batches without a length."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Any:
        return iter(self.loader)


def window(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """A checkpoint within an accumulation window, and the run that goes on from it; loaders with a length and without.

    The first batch of the checkpoint's window is the fourth of its epoch, the checkpoint is written after the fifth.
    """

    class AtBatch(Callback):
        def on_batch_end(self, batch_idx: int, trainer: Trainer, logs: Any = None) -> None:
            if trainer.current_epoch == 1 and batch_idx == 4:
                trainer.save_checkpoint(path)

    outcome = {}
    for kind in ("sized", "unsized"):
        path = folder / f"{strategy}_{world_size}_window_{kind}.pt"

        def trained(*callbacks: Callback, path: Path = path, kind: str = kind) -> Any:
            trainer = interrupted_trainer(
                world_size, strategy, callbacks=callbacks, gradient_accumulation_steps=3, max_grad_norm=0.5
            )
            if not callbacks:
                trainer.load_checkpoint(path)
            train, _ = interrupted_loaders(world_size)
            if kind == "unsized":
                train = Unsized(list(DataLoader(train.dataset, batch_size=8 // world_size))[rank::world_size])
            history = trainer.fit(train, 3)
            return parameters_of(trainer.model), list(history)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome[kind] = trained(AtBatch()), trained()
        outcome[f"{kind} warned"] = [str(w.message) for w in caught if "bit for bit" in str(w.message)]
    return outcome


def fsdp_window(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return window(rank, world_size, folder, "fsdp")


def averages(rank: int, world_size: int, folder: Path, strategy: str = "ddp") -> dict[str, Any]:
    """EMA and SWA, whose averages validation measures; the same interrupted; the best weights put back."""
    path = folder / f"{strategy}_{world_size}_average.pt"
    outcome: dict[str, Any] = {}

    def trained(averaging: Any, best: bool, resumed: bool = False) -> Any:
        def within(trainer: Trainer) -> None:
            trainer.save_checkpoint(path)

        model = model_of(torch.float64)
        optimizer = optim.Adam(model.parameters(), lr=0.3)
        others = [] if resumed else [AtStep(9, within)]
        # The largest loss counts as the best, so that the best weights are those of the first epoch.
        checkpoint = ModelCheckpoint(folder / "best", "val_loss", "max", restore_best=best)
        callbacks = [averaging, checkpoint, *others]
        trainer = trainer_of(model, world_size, strategy, optimizer=optimizer, callbacks=callbacks)
        if resumed:
            trainer.load_checkpoint(path)
        train, val = DataLoader(data_of(48, torch.float64), batch_size=8 // world_size), interrupted_loaders(1)[1]
        history = trainer.fit(train, 3, val_loader=val)
        return {
            "model": parameters_of(model),
            "average": parameters_of(averaging.averaged.module),
            "history": list(history),
            "after": trainer.evaluate(val),
        }

    kinds: dict[str, tuple[Callable[[], Any], bool]] = {
        "ema": (lambda: EMACallback(0.9, use_buffers=True), False),
        "ema aside": (lambda: EMACallback(0.5, every_n_steps=2, apply_at_end=False), False),
        "swa": (lambda: SWACallback(1, swa_lr=0.05, anneal_epochs=2, evaluate=True), False),
        "best": (lambda: EMACallback(0.5, evaluate=False, apply_at_end=False), True),
    }
    for name, (make, best) in kinds.items():
        outcome[name] = trained(make(), best)
        outcome[f"{name} resumed"] = trained(make(), best, resumed=True)
    return outcome


def fsdp_averages(rank: int, world_size: int, folder: Path) -> dict[str, Any]:
    return averages(rank, world_size, folder, "fsdp")


def explanation(rank: int, world_size: int, folder: Path) -> str:
    """What is printed of a plan: 45 samples in batches of 4 for each rank, two of which make a step."""
    trainer = interrupted_trainer(world_size, gradient_accumulation_steps=2)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        trainer.explain(interrupted_loaders(world_size)[0], 3)
    return printed.getvalue()


def fsdp_statistics(rank: int, world_size: int, folder: Path) -> Any:
    """The weights that SWA averaged and the statistics that BatchNorm has for them, in the model and beside it."""
    outcome = []
    for at_end in (True, False):
        torch.manual_seed(7)
        layers = [nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, CLASSES)]
        model = nn.Sequential(*layers).to(torch.float64)
        loader = DataLoader(data_of(40, torch.float64), batch_size=8)
        averaging = SWACallback(0, bn_loader=loader, apply_at_end=at_end)
        trainer_of(model, world_size, "fsdp", callbacks=[averaging]).fit(loader, 2)
        holder: Any = model if at_end else averaging.averaged.module  # type: ignore[union-attr]
        outcome.append((parameters_of(holder), [buffer.clone() for buffer in holder.buffers()]))
    return outcome
