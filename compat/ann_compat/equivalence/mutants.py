"""Planted defects: each changes the real Trainer, bridge or codemod while its context is active.

A defect is planted by rewriting a line of the real source and compiling it again, so a mutant can only be made from
code that is really there: when that code has changed, planting it fails instead of planting nothing.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ann_compat.equivalence.harness import RunResult, run_cases

MAX_EXAMPLES = 60
"""Cases within which each mutant must be caught."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect that the harness must catch.

    Attributes:
        name: Short and distinct.
        defect: What is wrong.
        edits: ``(place, old, new)``: in the source of ``module:qualified.name``, ``old`` becomes ``new``.
    """

    name: str
    defect: str
    edits: tuple[tuple[str, str, str], ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The defect is in force while the context is active."""
        with ExitStack() as stack:
            for place, old, new in self.edits:
                stack.enter_context(edited(place, old, new))
            yield


def hunt(mutant: Mutant, seed: int = 0, max_examples: int = MAX_EXAMPLES) -> RunResult:
    """Run generated cases with the mutant planted; ``failure`` of the result tells whether it was caught."""
    with mutant.planted():
        return run_cases(max_examples, seed, shrink=False)


@contextmanager
def edited(place: str, old: str, new: str) -> Iterator[None]:
    """Put an edited copy in the place of a function or method.

    Args:
        place: ``module:function`` or ``module:Class.method``.
        old: A part of its source, which must occur exactly once.
        new: What stands there instead.

    Raises:
        LookupError: ``old`` does not occur exactly once: the source has changed since the mutant was written.
    """
    module_name, _, qualified = place.partition(":")
    module = import_module(module_name)
    owner: Any = module
    *owners, name = qualified.split(".")
    for part in owners:
        owner = getattr(owner, part)
    original = inspect.getattr_static(owner, name)
    function = getattr(original, "fget", original)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise LookupError(f"{place}: expected {old!r} once in its source, found it {source.count(old)} times")
    namespace: dict[str, Any] = {}
    code = compile(source.replace(old, new), f"<mutant of {place}>", "exec", _ANNOTATIONS)
    exec(code, vars(module), namespace)
    holders = [owner] if owner is not module else _holders(name, original)
    for holder in holders:
        setattr(holder, name, namespace[name])
    try:
        yield
    finally:
        for holder in holders:
            setattr(holder, name, original)


def _holders(name: str, function: Any) -> list[Any]:
    """The project's modules that have the function under its name, those that import it included."""
    modules = [module for key, module in sys.modules.items() if key.split(".")[0] in _PACKAGES]
    return [module for module in modules if vars(module).get(name) is function]


_ANNOTATIONS = __future__.annotations.compiler_flag
_PACKAGES = ("adaptiveneuralnetwork", "ann_compat", "ann_migrate")
_TRAINING = "adaptiveneuralnetwork.training"

MUTANTS = (
    Mutant(
        name="no-clipping",
        defect="Gradients are not clipped.",
        edits=((f"{_TRAINING}.stepping:Stepping.step", "if self.max_grad_norm is not None:", "if False:"),),
    ),
    Mutant(
        name="sample-mean-loss",
        defect="Losses are averaged over samples instead of batches.",
        edits=(
            (
                f"{_TRAINING}.metrics:EpochTally.update",
                "self.loss.add(loss)",
                "self.loss.add(loss * len(targets)); self.loss.batches += len(targets) - 1",
            ),
        ),
    ),
    Mutant(
        name="no-zero-grad",
        defect="Gradients are never cleared, so they add up over steps.",
        edits=((f"{_TRAINING}.stepping:Stepping.begin_batch", "self.optimizer.zero_grad()", "pass"),),
    ),
    Mutant(
        name="evaluation-in-training-mode",
        defect="The model is evaluated in training mode.",
        edits=((f"{_TRAINING}.run:evaluation_mode", "model.eval()", "model.train()"),),
    ),
    Mutant(
        name="extra-iterator",
        defect="The loader is asked for one more iterator, which draws from the global generator.",
        edits=(
            (f"{_TRAINING}.trainer:Trainer._train_batches", "self.model.train()", "self.model.train(); iter(loader)"),
        ),
    ),
)
"""The catalogue."""
