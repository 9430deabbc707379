"""People's own models, loaders and configs, run through both paths: ``[tool.ann-equiv] cases`` of a project."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from adaptiveneuralnetwork.api import AdaptiveConfig
from ann_compat.equivalence.build import Setup
from ann_compat.equivalence.compare import EXACT, Comparison, Mode
from ann_compat.equivalence.harness import NotDeterministicError
from ann_compat.equivalence.paths import LegacyPath, MigratedPath, perform
from ann_compat.equivalence.trace import Recorder, Step, Trace, record

Factory = Callable[[], tuple[Any, ...]]
"""Makes, anew each time, ``(model, config, train_loader)``; then, as far as wanted, validation loader, optimizer and
criterion, each of which may be ``None``."""


def load_cases(entry: str, folder: Path) -> dict[str, Factory]:
    """The factories by name that ``entry`` leads to.

    Args:
        entry: ``package.module:name``, of a mapping from names to factories or a function that returns one.
        folder: Where the module is looked for first.

    Raises:
        ValueError: It leads to nothing, or to something else.
    """
    module_name, colon, name = entry.partition(":")
    if not colon or not name:
        raise ValueError(f"cases must be of the form 'package.module:name', got {entry!r}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"cases: {entry!r} leads to nothing: {error}") from error
    cases = found() if callable(found) else found
    if not isinstance(cases, Mapping) or not cases or not all(callable(factory) for factory in cases.values()):
        raise ValueError(f"cases: {entry!r} must be a mapping from names to factories, or return one; got {cases!r}")
    return {str(key): factory for key, factory in cases.items()}


def compare_case(factory: Factory, seed: int = 0, mode: Mode = EXACT) -> tuple[Comparison, Trace, Trace]:
    """Train what ``factory`` makes with ``TrainingLoop`` and with ``Trainer``, for ``config.num_epochs`` epochs.

    Returns:
        The comparison and the traces of the old and the new run.

    Raises:
        NotDeterministicError: Two runs of the old path differ: the factory does not make the same each time.
        TypeError, ValueError: The factory gives something else than a setup.
    """
    old, again = _run(factory, LegacyPath, seed), _run(factory, LegacyPath, seed)
    control = mode.compare(old, again)
    if not control.equal:
        raise NotDeterministicError(f"the factory does not make the same each time: {control.first}")
    new = _run(factory, MigratedPath, seed)
    return mode.compare(old, new), old, new


def trained(trace: Trace) -> bool:
    """Whether an optimizer step was made, without which equality says nothing."""
    return any(isinstance(event, Step) for event in trace.events)


def _run(factory: Factory, make_path: type[LegacyPath] | type[MigratedPath], seed: int) -> Trace:
    wrong: list[Exception] = []

    def run(recorder: Recorder) -> None:
        try:
            setup = _setup(factory)
        except (TypeError, ValueError) as error:
            wrong.append(error)
            raise
        recorder.watch(setup.model)
        perform("train", make_path(setup, "trainer"), recorder, None)

    trace = record(run, seed)
    if wrong:
        raise wrong[0]
    return trace


def _setup(factory: Factory) -> Setup:
    made = factory()
    if not isinstance(made, tuple) or not 3 <= len(made) <= 6:
        raise TypeError(f"a case must be a tuple (model, config, train_loader, ...) of 3 to 6 parts, got {made!r}")
    model, config, train_loader, validation_loader, optimizer, criterion = (*made, None, None, None)[:6]
    if not isinstance(model, nn.Module) or not isinstance(config, AdaptiveConfig):
        kinds = f"{type(model).__name__} and {type(config).__name__}"
        raise TypeError(f"a case must begin with a model and an AdaptiveConfig, got {kinds}")
    return Setup(model, config, train_loader, validation_loader, optimizer, criterion)
