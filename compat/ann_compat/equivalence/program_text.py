"""From a ``ProgramSpec`` to the text of a legacy program: imports, objects, decoys, layout and encoding.

What is migrated stands in :mod:`~ann_compat.equivalence.program_site`. A program leaves what it saw in ``RESULTS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ann_compat.equivalence.program_site import MARK, indented, site_lines
from ann_compat.equivalence.programs import ProgramSpec

HANDS_ON = "names_in_use"
"""The module of the program's project that hands the legacy names on, where ``imports`` is ``reexport``."""

_HOME = "adaptiveneuralnetwork.training"
_CRLF_HERE = "\x01"


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it lies on a disk.

    Attributes:
        source: The file.
        modules: Other files of its project: name of the module, and source.
        places: Line and column of the name that makes the loop; of several, each.
    """

    source: bytes
    modules: Mapping[str, str]
    places: frozenset[tuple[int, int]]


def render(spec: ProgramSpec) -> Program:
    """The program.

    Example:
        >>> from ann_compat.equivalence.programs import ProgramSpec
        >>> print(render(ProgramSpec()).source.decode().partition("setup = ")[0].strip())
        from ann_compat.equivalence.build import build
        from ann_compat.equivalence.cases import CaseSpec
        from adaptiveneuralnetwork.training import TrainingLoop
        <BLANKLINE>
        READY = True
        RESULTS = []
    """
    name = "quick_train" if spec.binding.startswith("quick") else "TrainingLoop"
    legacy = _Legacy.of(spec, name)
    inner = legacy.lines if spec.imports == "local" else []
    before, after = _decoy(spec, legacy)
    lines = [
        *_imports(spec),
        *(legacy.lines if not inner else []),
        "",
        "READY = True",
        "RESULTS = []",
        "",
        *_objects(spec),
        *_HELPERS[spec.arguments in ("effects", "effects_permuted") or spec.constructor.startswith("built")],
        *before,
        *site_lines(spec, legacy.name, inner),
        *after,
    ]
    text = _with_head(spec, "\n".join(lines) + "\n")
    places = frozenset(
        (number, match.start() - before + 1)
        for number, line in enumerate(text.split("\n"), 1)
        for before, match in enumerate(re.finditer(MARK, line))
    )
    modules = {HANDS_ON: f"from {_HOME} import TrainingLoop, quick_train\n"} if spec.imports == "reexport" else {}
    return Program(_encoded(spec, text.replace(MARK, "")), modules, places)


@dataclass(frozen=True, slots=True)
class _Legacy:
    """How the legacy name is imported, and written (with :data:`MARK` before the name itself)."""

    lines: list[str]
    name: str

    @classmethod
    def of(cls, spec: ProgramSpec, name: str) -> _Legacy:
        plain = f"from {_HOME} import {name}"
        skip = "  # ann-migrate: skip" if spec.decoy == "skip_comment" else ""
        forms: dict[str, tuple[list[str], str]] = {
            "alias": ([f"from {_HOME} import {name} as TL{skip}"], f"{MARK}TL"),
            "module": ([f"import {_HOME} as training{skip}"], f"training.{MARK}{name}"),
            "dotted": ([f"import {_HOME}{skip}"], f"{_HOME}.{MARK}{name}"),
            "package": ([f"from adaptiveneuralnetwork import training{skip}"], f"training.{MARK}{name}"),
            "loops": ([f"from {_HOME}.loops import {name}{skip}"], f"{MARK}{name}"),
            "lines": (
                [
                    f"from {_HOME} import (  # what trains",
                    "    LoggingCallback,  # for the console",
                    f"    {name},{skip or '  # the loop'}",
                    ")",
                ],
                f"{MARK}{name}",
            ),
            "star": ([f"from {_HOME} import *{skip}"], f"{MARK}{name}"),
            "reraised": (
                ["try:", f"    {plain}{skip}", "except ImportError:", '    raise SystemExit("no library")'],
                f"{MARK}{name}",
            ),
            "reexport": ([f"from {HANDS_ON} import {name}{skip}"], f"{MARK}{name}"),
            "fallback": (["try:", f"    {plain}{skip}", "except ImportError:", f"    {name} = None"], f"{MARK}{name}"),
            "typing": (
                ["from typing import TYPE_CHECKING", "if TYPE_CHECKING:", f"    {plain}{skip}"],
                f"{MARK}{name}",
            ),
        }
        lines, written = forms.get(spec.imports, ([plain + skip], f"{MARK}{name}"))
        return cls(lines, written)

    @property
    def unmarked(self) -> str:
        return self.name.replace(MARK, "")


def _imports(spec: ProgramSpec) -> list[str]:
    """What the program imports beside the legacy name, as far as it needs it."""
    uses_torch = (
        spec.constructor in ("optimizer", "criterion", "both", "built_optimizer") or spec.other_use == "criterion"
    )
    needed = {
        "import asyncio": spec.place == "coroutine",
        "import contextlib": spec.place == "block",
        "import json": spec.result == "dumped",
        "import pathlib": spec.result == "dumped",
        "import torch": uses_torch,
        "from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel": spec.model == "written",
        "from adaptiveneuralnetwork.api.config import AdaptiveConfig": spec.decoy == "other_config"
        and spec.model != "written",
        "from ann_compat.equivalence.build import build": True,
        "from ann_compat.equivalence.cases import CaseSpec": True,
    }
    return [line for line, is_needed in needed.items() if is_needed]


def _objects(spec: ProgramSpec) -> list[str]:
    """Loaders, model and config; all from a case, or the latter two written out."""
    case = spec.case
    lines = [
        f"setup = build({case})",
        "train_loader, test_loader = setup.train_loader, setup.validation_loader",
    ]
    if spec.model == "written":
        width = case.features * (2 if case.input_form == "image" else 1)
        lines += [
            "config = AdaptiveConfig(",
            f"    input_dim={width}, output_dim={case.classes}, num_nodes={case.hidden}, hidden_dim={case.hidden + 1},",
            f"    circadian_period=4, learning_rate={case.learning_rate}, num_epochs={case.config_epochs},",
            f'    batch_size={case.batch_size}, save_checkpoint={case.files}, checkpoint_dir="saved/checkpoints",',
            f"    metrics_file={'metrics.json' if case.files else None!r},",
            ")",
            "model = AdaptiveModel(config)",
        ]
    else:
        lines.append("model, config = setup.model, setup.config")
    if spec.placement == "late_lambda":
        lines.append(f"other_model = build({case}).model")
    if spec.constructor == "maybe_optimizer":
        lines.append("given = None")
    if spec.arguments == "name":
        lines.append("epochs = 1")
    return [*lines, ""]


_HELPERS = {
    True: ["def noted(value):", "    RESULTS.append(type(value).__name__)", "    return value", ""],
    False: [],
}


def _decoy(spec: ProgramSpec, legacy: _Legacy) -> tuple[list[str], list[str]]:
    """What stands before and behind the code that is migrated."""
    name = legacy.unmarked
    double = [
        "    class TrainingLoop:",
        "        def __init__(self, model, config):",
        "            self.kept = config",
        "        def train(self, loader):",
        '            return "of its own"',
        "",
    ]
    own = ["class Other:", *double]
    decoys: dict[str, tuple[list[str], list[str]]] = {
        "none": ([], []),
        "mentions": (
            ['NOTE = "TrainingLoop(model, config).train(train_loader)"', "# TrainingLoop(model, config): as it was"],
            ["RESULTS.append(NOTE)"],
        ),
        "own_class": (own, ["RESULTS.append(Other.TrainingLoop(model, config).train(train_loader))"]),
        "shadow": (
            [*own, f"def shadowed({name}):", f"    return {name}(model, config).train(train_loader)", ""],
            ["RESULTS.append(shadowed(Other.TrainingLoop))"],
        ),
        "names_taken": (
            ['nn = optim = optimizer = criterion = Trainer = "mine"'],
            ["RESULTS.append((nn, optim, optimizer, criterion, Trainer))"],
        ),
        "other_config": (["other_config = AdaptiveConfig(learning_rate=0.5)"], ["RESULTS.append(other_config.seed)"]),
        "second_loop": ([], [f"second = {name}(model, config)", "second.train(train_loader, num_epochs=1)"]),
        "model_modes": (["model.train()", "model.eval()"], []),
        "subclass": ([f"class Mine({name}):", "    pass", ""], ["RESULTS.append(len(Mine.__mro__))"]),
        "isinstance": ([], [f"RESULTS.append(isinstance(model, {name}))"]),
        "exported": ([f'__all__ = ["{name}"]'], ["RESULTS.append(__all__)"]),
        "looked_up": (
            [f"import {_HOME} as looked"],
            ['RESULTS.append(getattr(looked, "TrainingLoop").__name__)'],
        ),
        "skip_comment": ([], []),
    }
    return decoys[spec.decoy]


# -- layout and encoding ----------------------------------------------------------------------------------------------


def _with_head(spec: ProgramSpec, text: str) -> str:
    if spec.trivia == "future":
        return f'"""A program\nwith a docstring."""\n\nfrom __future__ import annotations\n{text}'
    if spec.trivia == "cookie":
        return f"# -*- coding: latin-1 -*-\n# é\n{text}"
    if spec.trivia == "tabs":
        return "\n".join(_tabbed(line) for line in text.split("\n"))
    return text


def _tabbed(line: str) -> str:
    bare = line.lstrip(" ")
    return "\t" * ((len(line) - len(bare)) // 4) + bare


def _encoded(spec: ProgramSpec, text: str) -> bytes:
    if spec.trivia == "crlf":
        text = text.replace("\n", "\r\n")
    text = text.replace(_CRLF_HERE, "\r")
    if spec.trivia == "bom":
        return b"\xef\xbb\xbf" + text.rstrip("\n").encode()
    return text.encode("latin-1" if spec.trivia == "cookie" else "utf-8")


__all__ = ["HANDS_ON", "Program", "indented", "render"]
