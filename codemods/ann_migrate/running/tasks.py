"""The work on one file, or on files that are analysed together, as it travels to the process that does it.

Should the engine fail, that is said of the files concerned (and where), and the others go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ann_migrate.result import FileResult, Outcome, Problem
from ann_migrate.running.locate import project_at

if TYPE_CHECKING:
    from ann_migrate.running.engine import Options

PROCESS_DIED = "ANN998"
INTERNAL_ERROR = "ANN999"


@dataclass(frozen=True, slots=True)
class Task:
    """One file to analyse.

    Attributes:
        raw: Its bytes.
        shown: Its path as the user gave it.
        path: Its path as the project has it.
        root: The folder of the project; None for a file on its own.
        options: How to rewrite.
        named: Whether it holds a legacy name itself.
        locked: Why it must not be edited; empty where it may.
    """

    raw: bytes
    shown: Path
    path: Path
    root: str | None
    options: Options
    named: bool = True
    locked: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task, or of several at once.

    Attributes:
        results: The verdict on each file, in order, under the path that the user gave.
        concerned: Other files of the project to which an object escapes, as the project has them.
        trace: Where the tool itself failed, if it did.
    """

    results: tuple[FileResult, ...]
    concerned: frozenset[Path] = frozenset()
    trace: str | None = None


def analyse(task: Task) -> Done:
    """Analyse a file on its own."""
    from ann_migrate.running.engine import migrate_bytes

    def work() -> Done:
        result = migrate_bytes(task.raw, path=task.path, project=project_at(task.root), options=task.options)
        return Done((result,), result.concerned)

    return _audited([task], work)


def analyse_together(tasks: tuple[Task, ...]) -> Done:
    """Analyse files of one project as one program."""
    from ann_migrate.running.together import Member, migrate_together

    def work() -> Done:
        members = [Member(task.path, task.raw, task.locked) for task in tasks]
        first = tasks[0]
        together = migrate_together(members, project_at(first.root), first.options)
        return Done(together.results, together.concerned)

    return _audited(tasks, work)


def died(tasks: Iterable[Task]) -> Done:
    """What is said of files whose process died."""
    reason = "the process that analysed it died; the file is left as it was"
    return _failed(tasks, Problem(PROCESS_DIED, reason, internal=True))


def _audited(tasks: Iterable[Task], work: Callable[[], Done]) -> Done:
    tasks = tuple(tasks)
    shown = {task.path: task.shown for task in tasks}
    try:
        done = work()
        for task, result in zip(tasks, done.results, strict=True):
            _audit(task.raw, result)
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = f"internal error, the file is left as it was: {type(error).__name__}{': ' + lines[0] if lines else ''}"
        problem = Problem(INTERNAL_ERROR, reason, internal=True)
        return replace(_failed(tasks, problem), trace=traceback.format_exc())
    return replace(done, results=tuple(_shown(result, shown) for result in done.results))


def _failed(tasks: Iterable[Task], problem: Problem) -> Done:
    return Done(tuple(FileResult(task.shown, task.raw, task.raw, problem=problem) for task in tasks))


def _shown(result: FileResult, shown: Mapping[Path, Path]) -> FileResult:
    """A result under the paths that the user gave."""
    path = shown[result.path]
    hints = tuple(replace(hint, path=path) for hint in result.hints)
    return replace(result, path=path, hints=hints, together=frozenset(shown[each] for each in result.together))


def _audit(raw: bytes, result: FileResult) -> None:
    """Hold the engine to what the report will say of its result."""
    positions = [site.position for site in result.sites]
    rewritten = any(site.outcome is Outcome.REWRITTEN for site in result.sites)
    for fault, what in (
        (result.before != raw, "another content was analysed than was read"),
        (len(set(positions)) != len(positions), "a site is counted twice"),
        (rewritten and not result.changed, "a site is called rewritten, but nothing changed"),
        (result.changed and result.problem is not None, "a file with a problem was changed"),
    ):
        if fault:
            raise AssertionError(what)
