"""One run over files and folders: what is found there, each file analysed, then those together that objects cross
between.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ann_migrate.files.discover import Candidate, Discovery, discover
from ann_migrate.result import FileResult
from ann_migrate.running.crossing import Group, analyse_crossing
from ann_migrate.running.locate import far, near, project_at, root_around
from ann_migrate.running.parallel import in_processes
from ann_migrate.running.tasks import Done, Task, analyse, analyse_together, died

if TYPE_CHECKING:
    from ann_migrate.running.engine import Options

_OUTSIDE = "which is outside the given paths"


@dataclass(slots=True)
class Run:
    """A run.

    Args:
        paths: Files and folders.
        options: How to rewrite.
        exclude: Patterns of what to leave out, relative to the current folder.
        exclude_beneath: Such patterns, for each folder that they are relative to.
        jobs: How many processes to use at most.
        progress: Called after each file with how many of how many are analysed.
    """

    paths: Sequence[Path]
    options: Options
    exclude: Iterable[str] = ()
    exclude_beneath: Mapping[str, Iterable[str]] | None = None
    jobs: int = 1
    progress: Callable[[int, int], object] | None = None
    tracebacks: dict[Path, str] = field(default_factory=dict)
    """For each file on which the tool itself failed, where it did."""

    def found(self) -> Discovery:
        """The files at and beneath the paths that name the legacy API."""
        from ann_migrate.running.engine import may_matter

        self.exclude = tuple(self.exclude)
        return self._discovered(may_matter)

    def analysed(self, discovery: Discovery) -> list[FileResult]:
        """The verdicts on the files that were found, and on those that objects of theirs go to."""
        project_at.cache_clear()
        named = {each.real for each in discovery.candidates}
        candidates = [*discovery.candidates, *self._by_other_names(discovery, named)]
        tasks = {
            near(each.real): self._task(each, named=each.real in named)
            for each in sorted(candidates, key=lambda candidate: candidate.path)
        }
        count = itertools.count(1)
        outcomes = in_processes(
            analyse,
            list(tasks.values()),
            jobs=self.jobs,
            died=lambda task: died([task]),
            done=lambda: self.progress(next(count), len(tasks)) if self.progress is not None else None,
        )
        alone = dict(zip(tasks, outcomes, strict=True))
        results = {path: self._noted(done).results[0] for path, done in alone.items()}
        results |= self._crossing(tasks, alone, results)
        project_at.cache_clear()
        return [
            result
            for path, result in results.items()
            if (path in tasks and tasks[path].named) or result.sites or result.changed or _is_internal(result)
        ]

    # -- files --------------------------------------------------------------------------------------------------------

    def _discovered(self, wanted: Callable[[bytes], bool]) -> Discovery:
        return discover(
            self.paths,
            may_be_candidate=wanted,
            exclude=self.exclude,
            exclude_beneath=self.exclude_beneath,
            docs=self.options.docs,
        )

    @property
    def _folders(self) -> list[str]:
        return [os.path.realpath(path) for path in self.paths if path.is_dir()]

    def _task(self, candidate: Candidate, *, named: bool, locked: str = "") -> Task:
        root = root_around(candidate.real, self._folders)
        return Task(candidate.raw, candidate.path, near(candidate.real), root, self.options, named, locked)

    def _by_other_names(self, discovery: Discovery, named: set[str]) -> list[Candidate]:
        """Files that name the legacy API only as some module of the project calls it."""
        roots = {root_around(each.real, self._folders) for each in discovery.candidates}
        for path in self.paths:
            inside = os.path.realpath(path)
            roots.add(root_around(inside if path.is_file() else os.path.join(inside, "module.py"), self._folders))
        projects = [project for root in roots if (project := project_at(root)).reexports.aliases]
        if not projects:
            return []
        more = self._discovered(lambda raw: any(project.may_use_reexport(raw) for project in projects))
        return [each for each in more.candidates if each.real not in named]

    # -- files together -----------------------------------------------------------------------------------------------

    def _crossing(
        self, tasks: Mapping[Path, Task], alone: Mapping[Path, Done], results: Mapping[Path, FileResult]
    ) -> dict[Path, FileResult]:
        """The verdicts on files that are analysed together with others."""
        known = dict(tasks)

        def analysed(groups: Sequence[Group]) -> list[tuple[Done, Group]]:
            self._take_in(known, {path for group in groups for path in group})
            members = [tuple(known[path] for path in sorted(group)) for group in groups]
            done = in_processes(analyse_together, members, jobs=self.jobs, died=died, serial_below=4)
            return [(each, each.concerned) for each in done]

        joined: dict[Path, FileResult] = {}
        concerned = {path: done.concerned for path, done in alone.items()}
        for group, done in analyse_crossing(concerned, analysed).items():
            for path, result in zip(sorted(group), self._noted(done).results, strict=True):
                if result.problem is not None and not result.problem.internal:
                    continue  # it cannot be read: what was said of it alone holds
                if path in results:
                    joined[path] = replace(result, hints=results[path].hints)
                elif not known[path].locked:
                    joined[path] = result
        return joined

    def _take_in(self, known: dict[Path, Task], wanted: set[Path]) -> None:
        """Make tasks of files that do not name the legacy API: such as lie at or beneath the paths may be edited."""
        missing = wanted - known.keys()
        if not missing:
            return
        some = next(iter(known.values()))
        project = project_at(some.root)
        contents = {path: project.content(path) for path in missing}
        raws = set(contents.values())
        within = {each.real: each for each in self._discovered(raws.__contains__).candidates}
        for path, raw in contents.items():
            candidate = within.get(far(path))
            if candidate is not None:
                known[path] = self._task(candidate, named=False)
            else:
                known[path] = self._task(Candidate(path, far(path), raw), named=False, locked=_OUTSIDE)

    def _noted(self, done: Done) -> Done:
        if done.trace is not None:
            self.tracebacks |= {result.path: done.trace for result in done.results}
        return done


def _is_internal(result: FileResult) -> bool:
    return result.problem is not None and result.problem.internal
