"""A place to run random projects cheaply: stand-ins for the classes note which use met which object."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Log = list[tuple[object, ...]]


class _Files(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from texts."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        at = name.replace(".", "/")
        for file, is_package in ((f"{at}/__init__.py", True), (f"{at}.py", False)):
            if file in self.files:
                return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=is_package)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__ is not None
        file = str(module.__spec__.origin)
        exec(compile(self.files[file], file, "exec"), module.__dict__)  # the programs are those written above


def run(files: Mapping[str, str], seed: int, turns: int = 3) -> Log:
    """Execute a project several times, each with other branches taken; return which object each use met."""
    log: Log = []
    for turn in range(turns):
        with _stand_ins(log, random.Random(seed * 31 + turn)):
            finder = _Files(files)
            sys.meta_path.insert(0, finder)
            spec = finder.find_spec("main", None)
            assert spec is not None
            main = importlib.util.module_from_spec(spec)
            try:
                finder.exec_module(main)
            except Exception as error:  # what ran until here counts, and what ended it
                log.append((type(error).__name__,))
            finally:
                sys.meta_path.remove(finder)
    return log


@contextmanager
def _stand_ins(log: Log, chance: random.Random) -> Iterator[None]:
    before = dict(sys.modules)
    for name in [name for name in sys.modules if name.partition(".")[0] in _REPLACED]:
        del sys.modules[name]
    for name, members in _modules(log, chance).items():
        module = types.ModuleType(name)
        module.__dict__.update(members, __path__=[])
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    try:
        yield
    finally:
        sys.modules.clear()
        sys.modules.update(before)


_REPLACED = {"support", "torch", "adaptiveneuralnetwork", "ann_compat", "jobs", "state", "work", "pkg", "main"}


def _modules(log: Log, chance: random.Random) -> dict[str, dict[str, Any]]:
    class Model:
        def __init__(self, tag: int) -> None:
            self.tag = tag

        def parameters(self) -> list[object]:
            return []

    class TrainingLoop:
        def __init__(self, model: Model, config: object) -> None:
            self.tag = model.tag

        def train(self, use: int) -> None:
            log.append(("train", use, self.tag))

        def evaluate(self, use: int) -> None:
            log.append(("evaluate", use, self.tag))

        @property
        def metrics_history(self) -> tuple[str, int]:
            return "history", self.tag

    class Other(TrainingLoop):
        def __init__(self, tag: int) -> None:
            self.tag = -tag

    class Trainer:
        def __init__(self, model: Model, optimizer: object, criterion: object, **_: object) -> None:
            self.tag = model.tag

        def fit(self, use: int, num_epochs: int) -> None:
            log.append(("train", use, self.tag))

    def of(trainer: object) -> int:
        if trainer is None:
            raise AttributeError("None")
        assert isinstance(trainer, Trainer), "the new form of a use met something else"
        return trainer.tag

    config = types.SimpleNamespace(learning_rate=0.1, device="cpu", num_epochs=1)
    return {
        "support": {
            "CONFIG": config,
            "Model": Model,
            "Other": Other,
            "flag": lambda: chance.random() < 0.5,
            "key": lambda: chance.choice(["k", "m"]),
            "note": lambda use, what: log.append(("note", use, getattr(what, "tag", type(what).__name__))),
        },
        "torch": {},
        "torch.nn": {"CrossEntropyLoss": lambda: None},
        "torch.optim": {"Adam": lambda parameters, lr: None},
        "adaptiveneuralnetwork": {},
        "adaptiveneuralnetwork.training": {"TrainingLoop": TrainingLoop, "Trainer": Trainer},
        "adaptiveneuralnetwork.training.trainer": {"Trainer": Trainer},
        "ann_compat": {
            "flatten_images": None,
            "legacy_callbacks": lambda config: None,
            "legacy_trainer": lambda model, config: Trainer(model, None, None),
            "legacy_train": lambda trainer, use: log.append(("train", use, of(trainer))),
            "legacy_evaluate": lambda trainer, use: log.append(("evaluate", use, of(trainer))),
            "legacy_history": lambda trainer: ("history", of(trainer)),
        },
    }
