"""Run a legacy program and what the guide style makes of it, and compare what training computed.

Files, console lines and the units of records are left behind on purpose; the losses of all steps, the end states of the
model and of the random generators, and how the program ended are not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from program_runs import ProgramRun, run_program

from ann_compat.equivalence.values import mismatch
from ann_migrate.result import FileResult
from ann_migrate.running.engine import Options, Project, migrate_bytes


@dataclass
class Trained:
    """What a program left behind, and the loss of each backward pass."""

    run: ProgramRun
    losses: list[float]

    @property
    def lines(self) -> list[str]:
        """What the program itself printed: its lines begin with ``>``."""
        return [line for line in self.run.output.splitlines() if line.startswith(">")]


def guided(source: bytes) -> FileResult:
    """The verdicts and the new code in the guide's style."""
    return migrate_bytes(source, path=Path("program.py"), project=Project.single(), options=Options(style="guide"))


def train(source: bytes, folder: Path) -> Trained:
    """Execute a program and record its losses."""
    with _recorded_losses() as losses:
        run = run_program(source, "program.py", folder)
    return Trained(run, losses)


def training_differences(old: Trained, new: Trained) -> list[str]:
    """Where the numbers of training differ; empty when they are bit-equal."""
    found = {"losses": mismatch(old.losses, new.losses)}
    for part in ("error", "model", "training", "generators"):
        found[part] = mismatch(getattr(old.run, part), getattr(new.run, part))
    return [f"{part}{item.path}: {item.text}" for part, item in found.items() if item]


@contextlib.contextmanager
def _recorded_losses() -> Iterator[list[float]]:
    losses: list[float] = []
    original = torch.Tensor.backward

    def backward(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        losses.append(self.detach().reshape(()).item())
        return original(self, *args, **kwargs)

    torch.Tensor.backward = backward  # type: ignore[method-assign]
    try:
        yield losses
    finally:
        torch.Tensor.backward = original  # type: ignore[method-assign]
