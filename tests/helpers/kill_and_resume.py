"""Kill a training run by SIGKILL at its k-th moment, resume it in another process, and compare with the whole run.

A moment is every call of a hook (before the other callbacks and after them), every sample that is loaded and every
forward pass, those of validation included. One process imports torch and then forks: one child is killed, another one
resumes. It knows nothing of the first but the checkpoint, and has other random states.

    python tests/helpers/kill_and_resume.py --points 500        # spread over all scenarios
    python tests/helpers/kill_and_resume.py --scenario shuffled --moment 37
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from adaptiveneuralnetwork.training import (
    Callback,
    EarlyStopping,
    EMACallback,
    GradientNormMonitor,
    JSONLLogger,
    LinearWarmup,
    Trainer,
    seed_everything,
)
from adaptiveneuralnetwork.training.callbacks.base import HOOKS
from adaptiveneuralnetwork.training.seeding import rng_state

EPOCHS = 3


class Moments:
    """Counts moments, and dies at the one that it was made for."""

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.count = 0
        self.process = os.getpid()  # a worker that loads samples counts too, and kills the run, not itself

    def __call__(self) -> None:
        if self.count == self.last:
            os.kill(self.process, signal.SIGKILL)
        self.count += 1


class Ticking(Callback):
    """A moment at each hook."""

    def __init__(self, moment: Moments) -> None:
        self.moment = moment


class Counting(Callback):
    """Counts what it is told, and keeps it over a resume: a hook called twice or not at all changes the digest."""

    def __init__(self) -> None:
        self.calls = 0
        self.digest = ""

    def note(self, *values: Any) -> None:
        self.calls += 1
        self.digest = hashlib.sha256(f"{self.digest}{values}".encode()).hexdigest()

    def on_batch_end(self, batch_idx, trainer, logs=None):
        self.note("batch", batch_idx, trainer.current_epoch, sorted(logs.items()))

    def on_evaluate_end(self, trainer, logs=None):
        self.note("evaluate", sorted(logs.items()))

    def on_epoch_end(self, epoch, trainer, logs=None):
        self.note("epoch", epoch, sorted(logs.items()))

    def state_dict(self):
        return {"calls": self.calls, "digest": self.digest}

    def load_state_dict(self, state):
        self.calls, self.digest = state["calls"], state["digest"]


class Saving(Callback):
    """Asks for a checkpoint at every n-th call of some hooks."""

    def __init__(self, path: Path, hooks: tuple[str, ...], every: int) -> None:
        self.path, self.every, self.calls = path, every, 0
        for name in hooks:
            setattr(self, name, self.save)

    def save(self, *arguments: Any) -> None:
        self.calls += 1
        if self.calls % self.every == 0:
            trainer = next(argument for argument in arguments if isinstance(argument, Trainer))
            trainer.save_checkpoint(self.path)

    def state_dict(self):
        return {"calls": self.calls}

    def load_state_dict(self, state):
        self.calls = state["calls"]


def _tick(self, *arguments, **named):
    self.moment()


for _hook in HOOKS:
    if _hook != "on_exception":
        setattr(Ticking, _hook, _tick)


class Samples(Dataset):
    """Classification data; with ``augment``, each sample draws from all three global generators when it is loaded."""

    def __init__(self, count: int, moment: Moments, augment: bool) -> None:
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(count, 6, generator=generator) * 3
        self.targets = torch.randint(0, 4, (count,), generator=generator)
        self.moment, self.augment = moment, augment

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index):
        self.moment()
        inputs = self.inputs[index]
        if self.augment:
            inputs = inputs * random.uniform(0.9, 1.1) + float(np.random.rand()) + torch.randn(6) * 0.1
        return inputs, self.targets[index]


class Overflowing(nn.Module):
    """Cross entropy whose gradient overflows float16's scale now and then, so that the scaler skips steps."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = nn.CrossEntropyLoss()

    def forward(self, outputs, targets):
        return self.loss(outputs, targets) * (float("inf") if int(targets.sum()) % 3 == 0 else 1.0)


class Stream:
    """Batches without a length."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self):
        yield from self.batches


class LargestLogit:
    """A metric object of one's own."""

    def reset(self):
        self.largest = torch.tensor(-float("inf"))

    def update(self, outputs, targets):
        self.largest = torch.maximum(self.largest, outputs.max())

    def compute(self):
        return self.largest


@dataclass
class Scenario:
    """What is trained, on what, and where it is saved."""

    hooks: tuple[str, ...] = ("on_batch_end",)
    every: int = 1
    loader: Callable[[Samples], Any] = lambda data: DataLoader(data, 4, shuffle=True)
    augment: bool = False
    model: Callable[[], nn.Module] = lambda: nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 4)
    )
    optimizer: Callable[[Any], optim.Optimizer] = lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9)
    scheduler: Callable[[optim.Optimizer], Any] | None = None
    criterion: Callable[[], Any] = nn.CrossEntropyLoss
    trainer: Callable[[], dict[str, Any]] = dict
    callbacks: Callable[[Path], list[Callback]] = lambda folder: []
    validate: bool = True
    exact: bool = True
    expected: list[str] = field(default_factory=list)


def _weighted(data: Samples) -> DataLoader:
    return DataLoader(data, 4, sampler=WeightedRandomSampler(torch.arange(1.0, len(data) + 1), len(data)))


def _adaptive() -> nn.Module:
    return AdaptiveModel(AdaptiveConfig(input_dim=6, output_dim=4, num_nodes=5, hidden_dim=4, circadian_period=7))


SCENARIOS: dict[str, Scenario] = {
    "shuffled": Scenario(scheduler=lambda optimizer: optim.lr_scheduler.StepLR(optimizer, 1, 0.5)),
    "own generator, augmented": Scenario(
        loader=lambda data: DataLoader(data, 4, shuffle=True, generator=torch.Generator().manual_seed(11)),
        augment=True,
        every=3,
        optimizer=lambda parameters: optim.Adam(parameters, lr=0.02),
        scheduler=lambda optimizer: optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4),
    ),
    "accumulation, saved at every hook": Scenario(
        hooks=tuple(hook for hook in HOOKS if hook != "on_exception"),
        trainer=lambda: {"gradient_accumulation_steps": 3, "max_grad_norm": 0.5, "max_grad_value": 0.1},
        scheduler=lambda optimizer: optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    ),
    "float16 with skipped steps": Scenario(
        loader=_weighted,
        criterion=Overflowing,
        every=2,
        trainer=lambda: {"use_amp": True, "amp_dtype": "float16", "gradient_accumulation_steps": 2},
    ),
    "metrics, saved in validation": Scenario(
        hooks=("on_batch_end", "on_evaluate_begin", "on_evaluate_end"),
        every=2,
        trainer=lambda: {
            "metrics": {"largest": LargestLogit(), "spread": lambda outputs, targets: outputs.std()},
            "isolate_evaluation": True,
        },
    ),
    "adaptive model": Scenario(
        model=_adaptive, augment=True, every=4, optimizer=lambda parameters: optim.AdamW(parameters, lr=0.05)
    ),
    "callbacks with a state": Scenario(
        hooks=("on_batch_end", "on_epoch_end"),
        callbacks=lambda folder: [
            EMACallback(0.8),
            LinearWarmup(4),
            GradientNormMonitor(),
            EarlyStopping("train_loss", patience=2),
            JSONLLogger(folder / "run.jsonl", 1, digest_parameters=True, digest_batches=True),
        ],
        trainer=lambda: {"gradient_accumulation_steps": 2},
    ),
    "saved at epoch ends": Scenario(
        hooks=("on_epoch_end",),
        scheduler=lambda optimizer: optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=10),
    ),
    "no length": Scenario(
        loader=lambda data: Stream(
            [(data.inputs[start : start + 4], data.targets[start : start + 4]) for start in (0, 4, 8)]
        ),
        trainer=lambda: {"gradient_accumulation_steps": 2},
        exact=False,
    ),
    "workers": Scenario(loader=lambda data: DataLoader(data, 4, shuffle=True, num_workers=2), augment=True, every=3),
}


def train(scenario: Scenario, folder: Path, last: int | None, seed: int) -> dict[str, Any]:
    """Train, from the checkpoint in ``folder`` if there is one, and return all that must be equal in the end."""
    path = folder / "run.pt"
    moment = Moments(last)
    seed_everything(0)
    model = scenario.model()
    data = Samples(14, moment, scenario.augment)
    loader, val_loader = scenario.loader(data), DataLoader(TensorDataset(data.inputs[:6], data.targets[:6]), 4)
    optimizer = scenario.optimizer(model.parameters())
    counting, late = Counting(), Counting()
    saving = Saving(path, scenario.hooks, scenario.every)
    callbacks, record = scenario.callbacks(folder), folder / "run.jsonl"
    trainer = Trainer(
        model,
        optimizer,
        scenario.criterion(),
        device="cpu",
        callbacks=[Ticking(moment), counting, *callbacks, saving, late, Ticking(moment)],
        **scenario.trainer(),
    )
    model.register_forward_hook(lambda *_: moment())
    seed_everything(seed)  # from here on it counts, unless a checkpoint brings other states
    if path.exists():
        state = trainer.load_checkpoint(path)
        assert state["exact"] is scenario.exact or not scenario.exact, state["inexact_reasons"]
    scheduler = scenario.scheduler(optimizer) if scenario.scheduler else None
    history = trainer.fit(loader, EPOCHS, val_loader=val_loader if scenario.validate else None, scheduler=scheduler)
    return {
        "moments": moment.count,
        "history": [{name: _exact(value) for name, value in record.items()} for record in history],
        "model": _digest(model.state_dict()),
        "optimizer": _digest(optimizer.state_dict()),
        "scaler": trainer.precision.scaler.state_dict(),
        "scheduler": None if scheduler is None else _digest(scheduler.state_dict()),
        "lr": [_exact(group["lr"]) for group in optimizer.param_groups],
        "global_step": trainer.global_step,
        "rng": _digest(rng_state()),
        "counting": counting.state_dict(),
        "late": late.state_dict(),
        # A record of a continued run is longer, by the line that says so.
        "callbacks": [_digest({**callback.state_dict(), "size": None}) for callback in callbacks],
        "steps": [line for line in record.open() if '"type": "step"' in line] if record.exists() else [],
    }


def kill_and_resume(scenario: Scenario, moment: int, whole: dict[str, Any]) -> str:
    """``""`` if the resumed run ends as the whole one did, else what differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        status, _ = forked(lambda: train(scenario, folder, moment, seed=1))
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return f"the run was not killed at moment {moment}"
        resumes = (folder / "run.pt").exists()
        _, resumed = forked(lambda: train(scenario, folder, None, seed=2 if resumes else 1))
        leftover = [file.name for file in folder.iterdir() if not file.name.startswith("run.")]
    if resumed is None:
        return "the resumed run failed"
    different = [name for name in whole if name != "moments" and whole[name] != resumed[name]]
    killed_in_write = [name for name in leftover if name.endswith(".tmp")]
    return ", ".join(different) or ("" if leftover == killed_in_write else f"left {leftover}")


def forked(function: Callable[[], Any]) -> tuple[int, Any]:
    """Run ``function`` in a child; return how that ended and what it returned (``None`` if it did not)."""
    # A file, since the workers of a child that is killed would hold a pipe open.
    with tempfile.NamedTemporaryFile("r") as result:
        child = os.fork()
        if child == 0:
            try:
                Path(result.name).write_text(json.dumps(function()))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        status = os.waitpid(child, 0)[1]
        content = result.read()
    return status, json.loads(content) if content else None


def run(points: int, names: list[str], moments: list[int] | None = None) -> dict[str, Any]:
    """Try ``points`` kill points, spread evenly over the scenarios and the moments of each; say what became of them."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", RuntimeWarning)
    with tempfile.TemporaryDirectory() as folder:  # what torch imports at its first steps, each child has then
        train(SCENARIOS["shuffled"], Path(folder), None, seed=1)
    report: dict[str, Any] = {"points": 0, "equal": 0, "differences": [], "moments": {}}
    for number, name in enumerate(names):
        scenario = SCENARIOS[name]
        with tempfile.TemporaryDirectory() as folder:
            _, whole = forked(lambda: train(scenario, Path(folder), None, seed=1))  # noqa: B023  # called at once
        if whole is None:
            raise SystemExit(f"scenario {name!r} fails even uninterrupted")
        report["moments"][name] = whole["moments"]
        share = points // len(names) + (number < points % len(names))
        chosen = moments or sorted({round(k * (whole["moments"] - 1) / max(1, share - 1)) for k in range(share)})
        for moment in chosen:
            difference = kill_and_resume(scenario, moment, whole)
            report["points"] += 1
            report["equal"] += not difference
            if difference:
                report["differences"].append(f"{name}, moment {moment} of {whole['moments']}: {difference}")
    return report


def _exact(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def _digest(value: Any) -> str:
    digest = hashlib.sha256()

    def add(item: Any) -> None:
        if isinstance(item, torch.Tensor):
            digest.update(f"{item.dtype}{tuple(item.shape)}".encode())
            digest.update(item.detach().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
        elif isinstance(item, dict):
            for key in item:
                digest.update(repr(key).encode())
                add(item[key])
        elif isinstance(item, (list, tuple)):
            digest.update(f"{len(item)}".encode())
            for part in item:
                add(part)
        else:
            digest.update(repr(_exact(item)).encode())

    add(value)
    return digest.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--moment", type=int, action="append")
    arguments = parser.parse_args()
    outcome = run(arguments.points, arguments.scenario or list(SCENARIOS), arguments.moment)
    print(json.dumps(outcome, indent=1))
    sys.exit(outcome["points"] != outcome["equal"])
