"""A legacy source file migrated, and the old run of it compared with the new one."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptiveneuralnetwork.training import History
from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import EXACT, Comparison, Mode, compare
from ann_compat.equivalence.harness import NotDeterministicError
from ann_compat.equivalence.trace import Recorder, Step, Trace, frozen, record
from ann_compat.equivalence.values import is_comparable, mismatch

if TYPE_CHECKING:
    from ann_migrate.result import FileResult

_GLOBAL = "global "


@dataclass(slots=True)
class SourceResult:
    """What became of one file.

    Attributes:
        migration: The codemod's verdict on each site.
        comparison: Of the old run with the new one; ``None`` where nothing in the file changed.
        compared: What was compared: the two traces without what nobody reads or what differs in each run.
        old, new: Their traces.
        unsteady: What was not compared, since it differs between two runs of the old file.
    """

    path: Path
    migration: FileResult
    comparison: Comparison | None = None
    compared: tuple[Trace, Trace] | None = None
    old: Trace | None = None
    new: Trace | None = None
    unsteady: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Optimizer steps of the old run; with none, nothing was trained and equality says little."""
        return 0 if self.old is None else sum(isinstance(event, Step) for event in self.old.events)


def compare_source(path: Path, seed: int = 0, mode: Mode = EXACT) -> SourceResult:
    """Migrate a program in memory, run it as it was and as it is now, and compare.

    Both run as ``__main__`` with the same seeds, each in an empty working folder; the file's own folder can be imported
    from. What is compared: every forward pass, the gradients at every step, the end state of models, optimizers and
    generators, files, what the program printed, how it ended, and the values of its global names.

    Args:
        path: A Python file. **It is executed**, three times.
        seed: Of the generators.
        mode: What is compared, and how strictly.

    Raises:
        OSError: The file cannot be read.
        NotDeterministicError: Two runs of the old file compute different numbers.
    """
    from ann_migrate.running.engine import migrate_bytes

    raw = path.read_bytes()
    migration = migrate_bytes(raw, path=path)
    result = SourceResult(path, migration)
    if not migration.changed:
        return result
    old, again, new = (run_source(code, path, seed) for code in (raw, raw, migration.after))
    result.old, result.new = old, new
    # The library's own lines may be worded otherwise in migrated code.
    ignore = frozenset({"console"}) | (frozenset(CHANNELS) - frozenset(mode.channels))
    steadiness = compare(old, again, mode.tolerance, ignore=ignore | {"state", "files", "output"})
    if not steadiness.equal:
        raise NotDeterministicError(f"two runs of {path} differ: {steadiness.first}")
    result.unsteady = _unsteady(old, again)
    if "output" in result.unsteady:
        ignore |= {"output"}
    names = _compared_names(old, new)
    result.compared = _narrowed(old, names, result.unsteady), _narrowed(new, names, result.unsteady)
    result.comparison = compare(*result.compared, mode.tolerance, ignore)
    return result


def run_source(code: bytes, path: Path, seed: int) -> Trace:
    """Run a program as ``__main__``, seeded, in an empty working folder; its global names are part of the trace."""
    path = path.resolve()

    def run(recorder: Recorder) -> None:
        main = types.ModuleType("__main__")
        main.__file__ = str(path)
        try:
            with as_script(main, path):
                exec(compile(code, str(path), "exec", dont_inherit=True), vars(main))
        finally:
            for name, value in vars(main).items():
                if not name.startswith("__") and is_comparable(value):
                    recorder.trace.state[_GLOBAL + name] = frozen(value)

    return record(run, seed)


@contextmanager
def as_script(main: types.ModuleType, path: Path) -> Iterator[None]:
    """As if the interpreter had been started with the file; modules from its folder are forgotten afterwards."""
    argv, search_path, modules = sys.argv, sys.path, dict(sys.modules)
    sys.argv, sys.path = [str(path)], [str(path.parent), *sys.path]
    sys.modules["__main__"] = main
    try:
        yield
    finally:
        sys.argv, sys.path = argv, search_path
        sys.modules["__main__"] = modules["__main__"]
        for name in sys.modules.keys() - modules.keys():
            file = getattr(sys.modules[name], "__file__", None)
            if file and path.parent in Path(file).parents:
                del sys.modules[name]


def _unsteady(old: Trace, again: Trace) -> list[str]:
    """What differs between two runs of the same file, apart from the numbers of the training: times and the like.

    Raises:
        NotDeterministicError: The end state of a model or an optimizer differs.
    """
    found = []
    for name in old.state.keys() | again.state.keys():
        if mismatch(old.state.get(name), again.state.get(name)):
            if not name.startswith(_GLOBAL):
                raise NotDeterministicError(f"two runs of the program differ in {name}")
            found.append(name)
    found += [
        name for name in old.files.keys() | again.files.keys() if mismatch(old.files.get(name), again.files.get(name))
    ]
    if old.output != again.output:
        found.append("output")
    return sorted(found)


def _compared_names(old: Trace, new: Trace) -> set[str]:
    """The old run's global names, without histories that nobody reads: those the codemod leaves to ``Trainer``."""
    return {name for name in old.state if name.startswith(_GLOBAL) and not _holds_history(new.state.get(name))}


def _holds_history(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_history(item) for item in value.values())
    if isinstance(value, list | tuple):
        return isinstance(value, History) or any(_holds_history(item) for item in value)
    return False


def _narrowed(trace: Trace, names: set[str], unsteady: list[str]) -> Trace:
    state = {
        name: value
        for name, value in sorted(trace.state.items())
        if (name in names or not name.startswith(_GLOBAL)) and name not in unsteady
    }
    return replace(trace, state=state, files={name: file for name, file in trace.files.items() if name not in unsteady})
