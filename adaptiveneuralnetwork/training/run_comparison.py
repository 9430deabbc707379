"""Where two runs part, and what kind of difference it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]

_SETTINGS = (
    "device",
    "torch",
    "threads",
    "deterministic_algorithms",
    "model",
    "parameters_count",
    "optimizer",
    "optimizer_settings",
    "criterion",
    "use_amp",
    "gradient_accumulation_steps",
    "max_grad_norm",
    "num_batches",
)


@dataclass(frozen=True)
class Comparison:
    """The verdict on two runs, as :func:`compare_runs` gives it; its text tells it in words.

    Args:
        cause: ``None`` where the runs agree; else ``settings``, ``initialisation``, ``data order``, ``learning rate``,
            ``rng``, ``numerics`` or ``length``.
        step: The first optimizer step that differs, counted from 1; ``None`` where the difference is older than the
            first step, or is found in an epoch only.
        epoch: The epoch in which the runs part, counted from 0.
        what: What differs, with both values.
        settings: The settings that differ, whatever the cause: by name, both values.
        steps: How many steps were compared.
        epochs: How many epochs were compared.

    Attributes:
        cause, step, epoch, what, settings, steps, epochs: As given.
        equal: Whether the runs agree.

    Example:
        >>> verdict = Comparison("data order", 3, 0, "the batches are not the same", {}, steps=9, epochs=3)
        >>> verdict.equal, str(verdict)
        (False, 'differs from step 3 on, by data order: the batches are not the same')
    """

    cause: str | None
    step: int | None
    epoch: int | None
    what: str
    settings: Mapping[str, tuple[Any, Any]]
    steps: int
    epochs: int

    @property
    def equal(self) -> bool:
        return self.cause is None

    def __str__(self) -> str:
        compared = f"{self.steps} steps and {self.epochs} epochs"
        if self.equal:
            return f"equal: {compared} agree, bit for bit"
        at = f"step {self.step}" if self.step is not None else "before the first step"
        if self.step is None and self.epoch is not None:
            at = f"epoch {self.epoch}"
        lines = [f"differs from {at} on, by {self.cause}: {self.what}"]
        lines += [f"  setting {name}: {one!r} against {other!r}" for name, (one, other) in self.settings.items()]
        return "\n".join(lines)


def compare_runs(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> Comparison:
    """Find the first step at which two runs differ, from what :class:`JSONLLogger` wrote of them.

    Losses, gradient norms and metrics are compared bit for bit. Of what differs at the first differing step the
    earliest in the chain of causes is named: other initial parameters, then other batches, then another learning rate,
    then other random states; when none of these differs, the same computation gave other numbers (``numerics``).

    Write the records with ``JSONLLogger(path, every_n_steps=1, digest_batches=True)``; without steps only epochs are
    compared, and without digests of the batches another order of the data shows as ``numerics``.

    Args:
        a: Path of the first record.
        b: Path of the second record.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is no run record, or nothing in the two can be compared.

    Example:
        >>> def run(name, rate):
        ...     torch.manual_seed(0)
        ...     model = nn.Linear(6, 4)
        ...     record = JSONLLogger(folder / name, every_n_steps=1, digest_batches=True)
        ...     optimizer = optim.SGD(model.parameters(), lr=rate)
        ...     _ = Trainer(model, optimizer, criterion, callbacks=[record]).fit(train_loader, num_epochs=1)
        ...     return folder / name
        >>> print(compare_runs(run("a", 0.1), run("b", 0.1)))
        equal: 3 steps and 1 epochs agree, bit for bit
        >>> verdict = compare_runs(folder / "a", run("c", 0.2))
        >>> verdict.cause, verdict.step
        ('learning rate', 1)
    """
    one, other = _Run(Path(a)), _Run(Path(b))
    settings = {
        name: (one.header.get(name), other.header.get(name))
        for name in _SETTINGS
        if one.header.get(name) != other.header.get(name)
    }
    steps = [step for step in one.steps if step in other.steps]
    epochs = [epoch for epoch in one.epochs if epoch in other.epochs]
    if not steps and not epochs:
        raise ValueError(f"{a} and {b} have no step and no epoch in common, so there is nothing to compare")

    def verdict(cause: str | None, what: str, step: int | None = None, epoch: int | None = None) -> Comparison:
        return Comparison(cause, step, epoch, what, settings, len(steps), len(epochs))

    if one.header.get("parameters") != other.header.get("parameters"):
        cause = "settings" if {"model", "parameters_count"} & settings.keys() else "initialisation"
        return verdict(cause, "the parameters before training are not the same")
    for step in steps:
        found = _difference(one.steps[step], other.steps[step])
        if found is not None:
            return verdict(*_as_cause(found, settings), step=step, epoch=one.steps[step].get("epoch"))
    for epoch in epochs:
        found = _difference(one.epochs[epoch], other.epochs[epoch])
        if found is not None:
            return verdict(*_as_cause(found, settings), epoch=epoch)
    if one.steps.keys() != other.steps.keys() or one.epochs.keys() != other.epochs.keys():
        what = (
            f"{len(one.steps)} steps and {len(one.epochs)} epochs against "
            f"{len(other.steps)} steps and {len(other.epochs)} epochs; what both have agrees"
        )
        return verdict("length", what, epoch=min(len(one.epochs), len(other.epochs)))
    return verdict(None, "")


class _Run:
    """A run record, read: the header, and steps and epochs by number (a continued run may have written some twice)."""

    def __init__(self, path: Path) -> None:
        self.header: Record = {}
        self.steps: dict[int, Record] = {}
        self.epochs: dict[int, Record] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                record = json.loads(line)
                kind = record["type"]
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"{path}, line {number}: not a line of a run record ({error})") from None
            if kind == "header":
                # The last header counts: a file that is appended to holds several runs.
                self.header, self.steps, self.epochs = record, {}, {}
            elif kind == "step":
                self.steps[record["step"]] = record
            elif kind == "epoch":
                self.epochs[record["epoch"]] = record
        if not self.header:
            raise ValueError(f"{path}: no header, so it is not a run record; write one with JSONLLogger")


# In the order in which one thing leads to the next: the batch goes in, the rate is set, the forward pass draws and
# gives the loss, the gradients follow, and then the parameters.
_CHAIN = (
    ("inputs", "data order", "the batches are not the same"),
    ("lr", "learning rate", "the learning rate"),
    ("losses_hex", "numerics", "the loss"),
    ("grad_norm_hex", "numerics", "the gradient norm"),
    ("skipped", "numerics", "whether the step was skipped"),
    ("metrics_hex", "numerics", "the metrics"),
    ("parameters", "numerics", "the parameters after it"),
)


def _difference(one: Record, other: Record) -> tuple[str, str] | None:
    """The class of the first difference between two records of the same step or epoch, and its text."""
    random_states_differ = one.get("rng") != other.get("rng")
    for key, cause, what in _CHAIN:
        left, right = one.get(key), other.get(key)
        if left is None or right is None or left == right:
            continue
        if cause == "numerics" and random_states_differ:
            return "rng", f"{what}, and the random states too"
        return cause, f"{what}{_values(key, one, other)}"
    if random_states_differ:
        return "rng", "the random states; nothing else differs yet"
    return None


def _as_cause(found: tuple[str, str], settings: Mapping[str, Any]) -> tuple[str, str]:
    """Other numbers from other settings are no mystery."""
    cause, what = found
    return ("settings", what) if cause == "numerics" and settings else (cause, what)


def _values(key: str, one: Record, other: Record) -> str:
    readable = key.removesuffix("_hex")
    left, right = one.get(readable), other.get(readable)
    if key == "inputs" or readable == "parameters":
        return ""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        names = [name for name in left if one[key].get(name) != other[key].get(name)] or list(left)
        return ": " + ", ".join(f"{name} {left[name]!r} against {right.get(name)!r}" for name in names)
    return f": {left!r} against {right!r}"
