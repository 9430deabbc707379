"""Several pieces of code analysed as one program: put together for the engine, its edits taken apart again."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ann_migrate.flow.sites import NameUse
from ann_migrate.project.project import Project
from ann_migrate.result import Hint, Note, Outcome, Position, Site
from ann_migrate.rewriting import check
from ann_migrate.rewriting.hints import python_hints
from ann_migrate.rewriting.migration import Migration
from ann_migrate.rewriting.selection import Selection
from ann_migrate.rules import use_not_readable
from ann_migrate.text.source import Parts, Shows, Source

_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of code that parses on its own.

    Attributes:
        text: The code.
        stands_for: Where the code is not the document's but stands for something that cannot be analysed, what that is
            ("cell 4, which is not Python"): an object that it uses is declined with this reason.
        hidden: Whether the code is the tool's own, so that its sites do not count.
        shows: Which expression statements somebody sees the value of.
    """

    text: str
    stands_for: str = ""
    hidden: bool = False
    shows: Shows = "nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """The characters ``start .. end - 1`` of a part become ``text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A position within a part: its index, and line and column in it as editors count."""

    part: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class PlacedSite:
    """A site with the places that its positions stand for."""

    site: Site
    place: Place
    culprit: Place | None = None


class Assembly:
    """Parts as one source.

    Args:
        parts: The pieces.
        ordered: Whether they surely run one after the other.

    Example:
        >>> whole = Assembly([Part("x = 1"), Part("y = 2\\n")])
        >>> whole.source.parse().body[-1].lineno, whole.place(Position(3, 5))
        (3, Place(part=1, line=1, column=5))
    """

    def __init__(self, parts: Sequence[Part], *, ordered: bool = False) -> None:
        self.parts = parts
        found = next((match for part in parts if (match := _NEWLINE.search(part.text))), None)
        newline = found.group() if found else "\n"
        label, texts = "next part", [part.text for part in parts]
        while any(label in text for text in texts):
            label += " of it"
        separator = f"pass  # {label}{newline}".encode()
        pieces: list[bytes] = []
        self.starts: list[int] = []
        at = 0
        for number, text in enumerate(texts):
            if number:
                pieces.append(separator)
                at += len(separator)
            self.starts.append(at)
            closed = text if not text or text.endswith(("\n", "\r")) else text + newline
            pieces.append(closed.encode("utf-8"))
            at += len(pieces[-1])
        self.source = Source(
            b"".join(pieces), "utf-8", parts=Parts(separator, tuple(part.shows for part in parts), ordered)
        )

    def place(self, position: Position) -> Place:
        """Which part a position of the whole lies in, and where in it."""
        part = bisect(self._first_lines, position.line) - 1
        return Place(part, position.line - self._first_lines[part] + 1, position.column)

    @cached_property
    def _first_lines(self) -> list[int]:
        return [1, *(line + 1 for line in self.source.separators)]

    def change(self, start: int, end: int, text: str) -> tuple[int, Change]:
        """An edit of the whole, given in bytes, as a change of one part.

        Raises:
            ValueError: The edit reaches beyond the part that it starts in.
        """
        part = bisect(self.starts, start) - 1
        first = self.starts[part]
        data = self.parts[part].text.encode("utf-8")
        start, end = start - first, end - first
        if end > len(data):  # up to the line end that the part was given
            if end > len(data) + 2 or text:
                raise ValueError(f"an edit of part {part} reaches beyond it")
            end = len(data)
            before = re.search(rb"(?:\r\n|\r|\n)\Z", data[:start])
            start = before.start() if before else start
        characters = [len(data[:offset].decode("utf-8")) for offset in (start, end)]
        return part, Change(characters[0], characters[1], text)


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine says of an assembly.

    Attributes:
        sites: The verdicts, without those on hidden parts.
        changes: The edits by part, in order.
        data: The whole after the edits.
        failure: What is wrong with the rewrite; then it must not be used.
        unused_skips: The skip comments that do nothing, and where they stand.
        migration: The analysis, to explain it; None where it failed.
        uses: What the sites are in the analysis, in their order.
        hints: The mentions in comments and strings that are no sites, with their places.
    """

    sites: tuple[PlacedSite, ...]
    changes: dict[int, list[Change]]
    data: bytes
    failure: str | None = None
    unused_skips: tuple[tuple[Place, Note], ...] = ()
    migration: Migration | None = None
    uses: tuple[NameUse, ...] = ()
    hints: tuple[tuple[Place, Hint], ...] = ()


def migrate_parts(
    assembly: Assembly,
    path: Path,
    project: Project,
    style: str,
    selection: Selection | None = None,
    kept: frozenset[str] = frozenset(),
) -> Result:
    """Analyse parts as one program.

    Args:
        assembly: The parts.
        path: The file that they are of.
        project: What is known of other files.
        style: The style of the new code.
        selection: The rules that may act (default: all).
        kept: Imported names that stay by wish.

    Raises:
        SourceError: The whole cannot be analysed.
    """
    migration = Migration(assembly.source, path, project, style, kept=kept, selection=selection)
    data, edited = migration.rewrite()
    placed = [(_placed(assembly, migration.verdicts[use]), use) for use in migration.sites]
    placed = [(site, use) for site, use in placed if not assembly.parts[site.place.part].hidden]
    hints = [
        (assembly.place(hint.position), hint)
        for hint in python_hints(path, assembly.source, migration.tree, migration.sites)
    ]
    whole = Result(
        tuple(site for site, _ in placed),
        {},
        data,
        unused_skips=tuple((assembly.place(note.position), note) for note in migration.skips.unused() if note.position),
        migration=migration,
        uses=tuple(use for _, use in placed),
        hints=tuple((place, hint) for place, hint in hints if not assembly.parts[place.part].hidden),
    )
    if not edited:
        return whole
    failure = check.find_failure(migration, data)
    changes: dict[int, list[Change]] = {}
    try:
        for region in migration.regions:
            text = data[region.new.start : region.new.end].decode("utf-8")
            part, change = assembly.change(region.old.start, region.old.end, text)
            changes.setdefault(part, []).append(change)
    except ValueError as error:
        failure = failure or str(error)
    if any(assembly.parts[part].stands_for for part in changes):
        failure = failure or "code that stands for something else would be edited"
    return replace(whole, changes=changes, failure=failure)


def apply_changes(text: str, changes: Sequence[Change]) -> str:
    """A part's text with its changes made.

    Example:
        >>> apply_changes("a = b", [Change(0, 1, "x"), Change(5, 5, "!")])
        'x = b!'
    """
    pieces: list[str] = []
    at = 0
    for change in changes:
        pieces += [text[at : change.start], change.text]
        at = change.end
    return "".join([*pieces, text[at:]])


def uses(names: Sequence[str], assigned: Sequence[str] = ()) -> str:
    """Code that stands for an unknown use of names, and for an unknown assignment to some: the engine follows neither.

    Example:
        >>> uses(["loop", "config"], ["config"])
        '0(loop, config)\\nconfig = 0()\\n'
    """
    lines = [f"0({', '.join(names)})", *(f"{name} = 0()" for name in assigned)] if names else []
    return "".join(f"{line}\n" for line in lines)


def _placed(assembly: Assembly, site: Site) -> PlacedSite:
    place = assembly.place(site.position)
    culprit = assembly.place(site.culprit) if site.culprit is not None else None
    cause = assembly.parts[(culprit or place).part].stands_for
    if cause and site.outcome is Outcome.DECLINED:
        rule = use_not_readable
        site = replace(site, code=rule.CODE, reason=rule.reason(cause), advice=rule.ADVICE)
    # What a style drops is told of the site: the uses that show it may lie in several parts.
    dropped = tuple(dict.fromkeys(replace(item, position=None) for item in site.dropped))
    return PlacedSite(replace(site, dropped=dropped), place, culprit)


__all__ = [
    "Assembly",
    "Change",
    "Part",
    "Place",
    "PlacedSite",
    "Result",
    "apply_changes",
    "migrate_parts",
    "uses",
]
