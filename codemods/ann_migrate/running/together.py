"""Several files analysed as one program, so that objects are followed from one to another and rewritten in all of them
or in none.

Each file stays a module of its own; :mod:`ann_migrate.project.links` ties the imports between them to what they mean.
Which files to take together shows in the analysis itself: an object that escapes to another file names that file
(:attr:`Together.concerned`), and whoever drives the analysis takes it in, until nothing new is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ann_migrate.documents.analysis import Analysis
from ann_migrate.documents.docstrings import find_failure, migrate_docstrings
from ann_migrate.documents.page import PageResult
from ann_migrate.documents.parts import Assembly, Change, Part, PlacedSite, Result, apply_changes, migrate_parts
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Note, Outcome, Position, Problem, Site
from ann_migrate.rewriting.migration import Migration
from ann_migrate.rules import not_ours
from ann_migrate.running.crossing import Group, analyse_crossing
from ann_migrate.running.engine import Options, migrate_bytes
from ann_migrate.text.source import Source, SourceError


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be analysed with others.

    Attributes:
        path: Its path, as the project has it.
        raw: Its bytes.
        locked: Why it must not be edited ("which is outside the given paths"); empty where it may.
    """

    path: Path
    raw: bytes
    locked: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """What becomes of files that were analysed together.

    Attributes:
        results: The verdict on each, in the order in which they were given.
        concerned: Other files to which an object still escapes.
        migration: The analysis, to explain it.
        assembly: The files as one text.
    """

    results: tuple[FileResult, ...]
    concerned: frozenset[Path]
    migration: Migration
    assembly: Assembly


def migrate_together(members: Sequence[Member], project: Project, options: Options) -> Together:
    """Analyse files as one program.

    Args:
        members: The files, two or more.
        project: What is known of all files.
        options: How to rewrite.

    Returns:
        The verdicts and the new content of each file. One that cannot be read as Python stays apart, with a problem.
    """
    readable: dict[Path, Source] = {}
    apart: dict[Path, FileResult] = {}
    for member in members:
        try:
            source = Source.decode(member.raw)
            source.parse()
            readable[member.path] = source
        except SourceError as error:
            apart[member.path] = FileResult(member.path, member.raw, member.raw, problem=error.problem)
    together = _migrate(
        [member for member in members if member.path in readable], [*readable.values()], project, options
    )
    results = {**apart, **{result.path: result for result in together.results}}
    return replace(
        together,
        results=tuple(results[member.path] for member in members),
        concerned=together.concerned - results.keys(),
    )


def together_around(path: Path, project: Project, options: Options) -> Together | None:
    """What becomes of the files between which objects go and of which ``path`` is one; None where it stands alone.

    Args:
        path: A file, as the project has it.
        project: The project; all of its files that name the legacy API are analysed.
        options: How to rewrite.
    """

    def analyse(groups: Sequence[Group]) -> list[tuple[Together, Group]]:
        found = [
            migrate_together([Member(each, project.content(each)) for each in sorted(group)], project, options)
            for group in groups
        ]
        return [(together, together.concerned) for together in found]

    concerned = {
        each: migrate_bytes(project.content(each), path=each, project=project, options=options).concerned
        for each in project.naming_legacy()
        if each.suffix == ".py"
    }
    return next((found for group, found in analyse_crossing(concerned, analyse).items() if path in group), None)


def analysis_from(together: Together, path: Path) -> Analysis:
    """The analysis of several files, as seen from one of them."""
    migration, assembly = together.migration, together.assembly
    assert assembly.source.parts is not None
    paths = assembly.source.parts.files

    def position(at: Position) -> Position | None:
        place = assembly.place(at)
        return Position(place.line, place.column) if paths[place.part] == path else None

    def elsewhere(at: Position) -> str:
        place = assembly.place(at)
        return f"{paths[place.part].as_posix()}:{place.line}:{place.column}"

    placed = {use: paths[assembly.place(site.position).part] for use, site in migration.verdicts.items()}
    by_place = {(result.path, site.position): site for result in together.results for site in result.sites}
    verdicts = {}
    for use, site in migration.verdicts.items():
        place = assembly.place(site.position)
        verdicts[use] = by_place[placed[use], Position(place.line, place.column)]
    homes = {use: home for use, home in placed.items() if home != path}
    return Analysis(migration, verdicts, position, elsewhere=elsewhere, homes=homes)


def _migrate(members: Sequence[Member], sources: Sequence[Source], project: Project, options: Options) -> Together:
    assembly = _assembled(members, sources, project)
    paths = [member.path for member in members]
    pages = [
        migrate_docstrings(source, source.parse(), member.path, project, options.style, options.selection)
        if options.docs and not member.locked
        else PageResult()
        for member, source in zip(members, sources, strict=True)
    ]
    kept = frozenset(name for page in pages for name in page.relied_on)
    result = migrate_parts(assembly, paths[0], project.without(paths), options.style, options.selection, kept)
    assert result.migration is not None
    files = [_File(*each) for each in zip(members, sources, pages, strict=True)]
    results = tuple(_results(files, assembly, result))
    return Together(results, result.migration.concerned, result.migration, assembly)


@dataclass(frozen=True, slots=True)
class _File:
    """A file, its text, and what becomes of the examples in its docstrings."""

    member: Member
    source: Source
    page: PageResult

    def content(self, changes: Sequence[Change]) -> bytes:
        """The new bytes, given the changes of the code.

        Raises:
            ValueError: They cannot be made.
        """
        if not changes and not self.page.splices:
            return self.member.raw
        text = self.source.data.decode("utf-8")
        code = apply_changes(text, changes)
        splices = [Change(*splice) for splice in self.page.splices]
        new = apply_changes(text, sorted([*changes, *splices], key=lambda change: (change.start, change.end)))
        failure = self.page.failure or (find_failure(new, code.encode("utf-8")) if splices else None)
        if failure is not None:
            raise ValueError(failure)
        try:
            return self.source.encode(new.encode("utf-8"))
        except UnicodeError as error:
            raise ValueError(f"the new text of {self.member.path} does not fit its encoding: {error}") from error


def _assembled(members: Sequence[Member], sources: Sequence[Source], project: Project) -> Assembly:
    assembly = Assembly([Part(source.data.decode("utf-8")) for source in sources])
    locked = []
    for member, source in zip(members, sources, strict=True):
        reason = not_ours.explain_file(source.data, project.module(member.path))
        locked.append(member.locked or (f"of which {reason}" if reason is not None else ""))
    assert assembly.source.parts is not None
    parts = replace(assembly.source.parts, files=tuple(member.path for member in members), locked=tuple(locked))
    assembly.source = replace(assembly.source, parts=parts)
    return assembly


def _results(files: Sequence[_File], assembly: Assembly, result: Result) -> list[FileResult]:
    paths = [file.member.path for file in files]
    failure = result.failure
    contents: list[bytes] = []
    try:
        contents = [file.content(result.changes.get(number, [])) for number, file in enumerate(files)]
    except ValueError as error:
        failure = failure or str(error)
    if failure is not None:
        problem = Problem("ANN990", f"internal check failed, the file is left as it is: {failure}", internal=True)
        return [FileResult(file.member.path, file.member.raw, file.member.raw, problem=problem) for file in files]
    changed = [path for number, path in enumerate(paths) if number in result.changes]
    return [_result(number, file, contents[number], paths, changed, result) for number, file in enumerate(files)]


def _result(
    number: int, file: _File, content: bytes, paths: Sequence[Path], changed: Sequence[Path], result: Result
) -> FileResult:
    path = file.member.path
    sites = [_site(item, paths, changed) for item in result.sites if item.place.part == number]
    notes = [
        Note(Position(place.line, place.column), note.text, note.code)
        for place, note in result.unused_skips
        if place.part == number
    ]
    every = sorted([*sites, *file.page.sites], key=lambda site: (site.position.line, site.position.column))
    together = frozenset(changed) if path in changed and len(changed) > 1 else frozenset()
    return FileResult(path, file.member.raw, content, tuple(every), notes=(*file.page.notes, *notes), together=together)


def _site(placed: PlacedSite, paths: Sequence[Path], changed: Sequence[Path]) -> Site:
    """A site with positions in its own file; what lies in another one is said in words."""
    place, culprit = placed.place, placed.culprit
    site = replace(placed.site, position=Position(place.line, place.column))
    if culprit is not None and culprit.part != place.part:
        where = f"{paths[culprit.part].as_posix()}:{culprit.line}:{culprit.column}"
        site = replace(site, culprit=None, reason=f"{site.reason} ({where})")
    elif culprit is not None:
        site = replace(site, culprit=Position(culprit.line, culprit.column))
    if site.outcome is Outcome.REWRITTEN:
        others = [path.as_posix() for path in changed if path != paths[place.part]]
        note = f"goes together with {', '.join(others)}"
        site = replace(site, notes=(*site.notes, note) if others else site.notes)
    return site
