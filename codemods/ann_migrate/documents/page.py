"""The code blocks of one text: which of them share names, what becomes of each, and the text put back together.

A page is first read as one program, block after block, as a tutorial is. Where that leaves a site declined, it is read
as a page of examples: only blocks that pass objects to each other stay together, and a block without the import takes
it from a block above; the new imports then go into the block that needs them. A block that is no Python on its own, and
a name that no block above imports, are only mentioned in a note.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ann_migrate.documents.analysis import Analysis
from ann_migrate.documents.blocks import Block, Splice, changed_lines, splices
from ann_migrate.documents.namespaces import (
    Import,
    Unit,
    import_key,
    imported_names,
    legacy_imports,
    linked,
    only,
    parsed,
    unit_of,
)
from ann_migrate.documents.parts import Assembly, Change, Part, Place, Result, apply_changes, migrate_parts, uses
from ann_migrate.legacy_api import QUICK_TRAIN, TRAINING_LOOP
from ann_migrate.project.project import Project
from ann_migrate.result import Hint, Note, Outcome, Position, Site
from ann_migrate.rewriting.selection import Selection
from ann_migrate.text.source import SourceError

_LEGACY_WORD = re.compile(rf"\b(?:{TRAINING_LOOP}|{QUICK_TRAIN})\b")
_WORD = re.compile(r"[A-Za-z_]\w*")
Extract = Callable[[str], list[Block]]
"""Finds the code blocks of a text."""


@dataclass(slots=True)
class PageResult:
    """What becomes of a page.

    Attributes:
        sites: The verdicts.
        notes: What else there is to say.
        splices: The edits, in order.
        relied_on: Names from outside that blocks still use as they were.
        failure: What is wrong with the rewrite; then it must not be used.
        analyses: The programs that the blocks were read as.
        hints: Mentions in comments and strings of the blocks.
    """

    sites: list[Site] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    splices: list[Splice] = field(default_factory=list)
    relied_on: set[str] = field(default_factory=set)
    failure: str | None = None
    analyses: list[Analysis] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)


def migrate_page(
    document: str,
    extract: Extract,
    path: Path,
    project: Project,
    style: str,
    *,
    outside: Sequence[Import] = (),
    bound: Collection[str] = (),
    position: Callable[[int], Position] | None = None,
    selection: Selection | None = None,
) -> PageResult:
    """Migrate the code blocks of a text.

    Args:
        document: The text.
        extract: Finds its blocks.
        path: The file, for questions to ``project``.
        project: What is known of other files.
        style: The style of the new code.
        outside: Imports of the legacy API that have run before each block (those of the module, for a docstring).
        bound: All names that are bound before.
        position: Gives the position of a character; by lines of ``document`` if not given.
        selection: The rules that may act (default: all).
    """
    page = _Page(document, extract(document), path, project, style, position or positions(document), selection)
    result = page.migrate(outside, bound)
    if result.splices and result.failure is None:
        result.failure = page.find_failure(extract)
        after = spliced(document, result.splices)
        second = _Page(after, extract(after), path, project, style, positions(after), selection)
        again = second.migrate(outside, bound)
        if again.splices or again.failure is not None:
            result.failure = result.failure or "a second run would change the document again"
    if result.failure is not None:
        return PageResult(failure=result.failure)
    result.sites.sort(key=lambda site: (site.position.line, site.position.column))
    result.notes.sort(key=lambda note: (note.position.line, note.position.column) if note.position else (0, 0))
    return result


def spliced(document: str, edits: Iterable[Splice]) -> str:
    """The text with the edits made."""
    pieces: list[str] = []
    at = 0
    for start, end, text in edits:
        pieces += [document[at:start], text]
        at = end
    return "".join([*pieces, document[at:]])


class _Page:
    def __init__(
        self,
        document: str,
        blocks: Sequence[Block],
        path: Path,
        project: Project,
        style: str,
        position: Callable[[int], Position],
        selection: Selection | None,
    ) -> None:
        self.document = document
        self.blocks = blocks
        self.path, self.project, self.style = path, project, style
        self.position = position
        self.selection = selection
        self.units: list[Unit] = []
        self.unreadable: list[tuple[int, str]] = []
        self.changes: dict[int, list[Change]] = {}
        for number, block in enumerate(blocks):
            text = block.text(document)
            body = parsed(text)
            if body is None:
                self.unreadable.append((number, text))
            else:
                self.units.append(unit_of(number, block, text, body))

    def migrate(self, outside: Sequence[Import], bound: Collection[str]) -> PageResult:
        result = PageResult()
        if any(_LEGACY_WORD.search(unit.text) for unit in self.units):
            groups = (not outside and self._as_one_program()) or self._as_examples(outside)
            for group in groups:
                self._accept(group, result)
                result.relied_on |= group.relied_on if not group.owners else set()
        self._mention(result, bound)
        result.splices = self._splices()
        for number in sorted(self.changes):
            result.notes += self._stale(self.blocks[number], self.changes[number])
        return result

    def _splices(self) -> list[Splice]:
        changed = [(self.blocks[number], self.changes[number]) for number in sorted(self.changes)]
        # The examples of a docstring are one block that other blocks may stand between.
        return sorted(splice for block, changes in changed for splice in splices(self.document, block, changes))

    def find_failure(self, extract: Extract) -> str | None:
        """What is wrong with the new text, or None: it has the same blocks, with the new code in those that changed."""
        after = spliced(self.document, self._splices())
        expected = [
            apply_changes(block.text(self.document), self.changes.get(number, []))
            for number, block in enumerate(self.blocks)
        ]
        if [block.text(after) for block in extract(after)] != expected:
            return "the new blocks are not the ones that were made"
        return None

    # -- which blocks share names -------------------------------------------------------------------------------------

    def _as_one_program(self) -> list[_Group] | None:
        """The page as one group, if all of it can be rewritten."""
        group = self._group(self.units, [], [])
        first = next((index for index, unit in enumerate(self.units, 1) if unit.imports), len(self.units) + 1)
        if any(item.place.part < first for item in group.result.sites):
            return None  # used before it is imported
        rewritten = all(item.site.outcome is not Outcome.DECLINED for item in group.result.sites)
        return [group] if rewritten and group.result.failure is None else None

    def _as_examples(self, outside: Sequence[Import]) -> list[_Group]:
        """The page as groups of blocks that pass objects to each other.

        Groups that take the import from a block above come first: what they still use must stay imported there.
        """
        together = linked(self.units)
        groups: list[_Group] = []
        needed: dict[int, set[str]] = {}
        for units in sorted(together, key=lambda group: -group[0].number):
            imports, owners = self._imports_above(units, outside)
            kept = sorted(set().union(*(needed.get(unit.number, set()) for unit in units)))
            group = self._group(units, imports, kept)
            group.owners = owners
            for owner in owners:
                needed.setdefault(owner, set()).update(group.relied_on)
            groups.append(group)
        return groups

    def _imports_above(self, units: Sequence[Unit], outside: Sequence[Import]) -> tuple[list[Import], set[int]]:
        """The imports of the legacy API that a group uses and does not have, and the blocks that have them.

        A docstring takes its names from the module rather than from a block above, as doctest does.
        """
        inside = {unit.number for unit in units}
        have: set[str] = set()
        found: dict[str, tuple[Import, int | None]] = {}
        for unit in units:
            for name in unit.read - have:
                above = [(other.imports, other.number) for other in self.units if other.number < unit.number]
                sources: list[tuple[Sequence[Import], int | None]] = [*above, (outside, None)]
                for imports, number in sources:  # the last one counts
                    for node in imports if number not in inside else ():
                        if name in imported_names(node):
                            found[name] = (only(node, name), number)
            have |= {name for node in unit.imports for name in imported_names(node)}
        return [node for node, _ in found.values()], {number for _, number in found.values() if number is not None}

    # -- one group ----------------------------------------------------------------------------------------------------

    def _group(self, units: Sequence[Unit], imports: list[Import], kept: list[str]) -> _Group:
        """Analyse blocks as one program: the imports before it, then the blocks, then uses of what must stay."""
        before = "".join(f"{ast.unparse(node)}\n" for node in imports)
        parts = [Part(before, hidden=True)]
        parts += [Part(unit.text, shows="all" if unit.block.prompts else "nothing") for unit in units]
        inside = {unit.number for unit in units}
        unreadable = {}
        for number, text in self.unreadable:
            names = list(dict.fromkeys(word for word in _WORD.findall(text) if word.isidentifier()))
            known = [name for name in names if self._binder_above(number, name) in inside]
            if known:
                unreadable[len(parts)] = number
                parts.append(Part(uses(known), "a block that is no Python on its own", hidden=True))
        parts.append(Part(uses(kept), hidden=True))
        assembly = Assembly(parts, ordered=True)
        try:
            result = migrate_parts(assembly, self.path, self.project, self.style, self.selection)
        except SourceError as error:
            result = Result((), {}, b"", error.problem.reason)
        return _Group(list(units), imports, before, assembly, result, unreadable)

    def _binder_above(self, number: int, name: str) -> int | None:
        """The last block above one that binds a name: whose object a block that cannot be read may use."""
        return max((unit.number for unit in self.units if unit.number < number and name in unit.bound), default=None)

    def _accept(self, group: _Group, result: PageResult) -> None:
        result.failure = result.failure or group.result.failure

        def located(place: Place | None) -> Position | None:
            if place is None or place.part == 0:
                return None
            if (unreadable := group.unreadable.get(place.part)) is not None:
                return self._mentioned(unreadable, group.assembly.parts[place.part].text, place)
            if place.part > len(group.units):
                return None
            return self._place(group.units[place.part - 1], place.line, place.column)

        verdicts = {}
        for use, item in zip(group.result.uses, group.result.sites, strict=True):
            if (position := located(item.place)) is not None:
                verdicts[use] = replace(item.site, position=position, culprit=located(item.culprit))
        result.sites += verdicts.values()
        if group.result.migration is not None:
            whole = group.assembly
            analysis = Analysis(
                group.result.migration,
                verdicts,
                lambda position: located(whole.place(position)),
                lambda position: whole.parts[whole.place(position).part].stands_for,
            )
            result.analyses.append(analysis)
        for place, note in group.result.unused_skips:
            if (position := located(place)) is not None:
                result.notes.append(replace(note, position=position))
        for place, hint in group.result.hints:
            if (position := located(place)) is not None:
                result.hints.append(replace(hint, position=position))
        for part, changes in group.result.changes.items():
            if 0 < part <= len(group.units):
                self.changes[group.units[part - 1].number] = list(changes)
        if added := group.new_imports():
            users = [part for part in sorted(group.result.changes) if part > 0]
            unit = group.units[users[0] - 1]
            first = min([unit.body[0].lineno, *(item.lineno for item in getattr(unit.body[0], "decorator_list", []))])
            start = sum(len(line) for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", unit.text)[: first - 1])
            newline = found.group() if (found := re.search(r"\r\n|\r|\n", unit.text)) else "\n"
            change = Change(start, start, "".join(f"{line}{newline}" for line in added))
            self.changes[unit.number] = [change, *self.changes[unit.number]]

    def _place(self, unit: Unit, line: int, column: int) -> Position:
        return self.position(unit.block.lines[line - 1].code + column - 1)

    def _mentioned(self, number: int, stand_in: str, place: Place) -> Position:
        """Where a block that cannot be read names what ``stand_in`` uses in its stead."""
        name = _WORD.match(stand_in.splitlines()[place.line - 1], place.column - 1)
        block = self.blocks[number]
        found = re.search(rf"\b{name.group()}\b", block.text(self.document)) if name else None
        return self.position(self._offset(block, found.start() if found else 0))

    # -- notes --------------------------------------------------------------------------------------------------------

    def _mention(self, result: PageResult, bound: Collection[str]) -> None:
        """Say where the legacy API is named in code that was not migrated for want of knowledge."""
        for number, text in self.unreadable:
            if found := _LEGACY_WORD.search(text):
                reason = f"names {found.group()}, but the block is no Python on its own"
                result.notes.append(Note(self.position(self._offset(self.blocks[number], found.start())), reason))
        known = set(bound)
        for unit in self.units:
            known |= unit.bound
            for found in _LEGACY_WORD.finditer(unit.text):
                if found.group() in unit.read and found.group() not in known:
                    reason = f"names {found.group()}, but no block above imports it"
                    result.notes.append(Note(self.position(self._offset(unit.block, found.start())), reason))
                    break

    def _offset(self, block: Block, at: int) -> int:
        for line in block.lines:
            if at < line.next - line.code:
                return line.code + at
            at -= line.next - line.code
        return block.lines[-1].next

    def _stale(self, block: Block, changes: Sequence[Change]) -> list[Note]:
        changed = changed_lines(self.document, block, changes)
        outputs = dict(block.outputs)
        notes = []
        first = 0
        for last in sorted(outputs):
            if changed & set(range(_example_start(block, self.document, last, first), last + 1)):
                notes.append(Note(self.position(outputs[last]), "the expected output is that of the old code"))
            first = last + 1
        return notes


@dataclass(eq=False, slots=True)
class _Group:
    """Blocks that were analysed together."""

    units: list[Unit]
    imports: list[Import]
    before: str
    assembly: Assembly
    result: Result
    unreadable: dict[int, int]
    """The blocks that cannot be read and may use what these bind, by the part that stands for each."""
    owners: set[int] = field(default_factory=set)

    @property
    def relied_on(self) -> set[str]:
        """The names of the imports from above that the blocks still use."""
        after = parsed(apply_changes(self.before, self.result.changes.get(0, []))) or []
        left = {name for node in legacy_imports(after) for name in imported_names(node)}
        return left & {name for node in self.imports for name in imported_names(node)}

    def new_imports(self) -> list[str]:
        """The import statements that the blocks need beside those from above."""
        if 0 not in self.result.changes:
            return []
        old = {import_key(node, alias) for node in self.imports for alias in node.names}
        lines = []
        for node in parsed(apply_changes(self.before, self.result.changes[0])) or []:
            if isinstance(node, Import):
                names = [alias for alias in node.names if import_key(node, alias) not in old]
                if names:
                    bare = ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, 0)
                    lines.append(ast.unparse(bare))
        return lines


def _example_start(block: Block, document: str, last: int, first: int) -> int:
    """The index of the first line of the example that ends at a line."""
    for number in range(last, first, -1):
        line = block.lines[number]
        if document[line.start : line.code].strip().endswith(">>>"):
            return number
    return first


def positions(document: str) -> Callable[[int], Position]:
    """Gives the position of each character of a text."""
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", document))]

    def position(offset: int) -> Position:
        line = bisect(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    return position
