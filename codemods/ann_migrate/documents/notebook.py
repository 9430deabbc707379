"""Jupyter notebooks (``.ipynb``, format 4).

The code cells are analysed as one program, since they share a namespace; but nobody knows in which order they were or
will be run, so nothing is concluded from the order of two cells. Each edit is made within its cell. All other bytes of
the file stay: layout, order of keys, ids, metadata, outputs, and whatever lies outside the edited strings.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ann_migrate.documents import json_text
from ann_migrate.documents.analysis import Analysis
from ann_migrate.documents.json_text import Text
from ann_migrate.documents.magics import Cell, read_cell
from ann_migrate.documents.parts import Assembly, Change, Part, Place, Result, apply_changes, migrate_parts, uses
from ann_migrate.files.hint_files import text_hints
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Hint, Note, Position, Problem, Site
from ann_migrate.rewriting.selection import Selection
from ann_migrate.text.source import SourceError

BROKEN = "ANN921"
OLD_FORMAT = "ANN922"
FAILED_CHECK = "ANN990"
_RUNNING = ".".join(map(str, sys.version_info[:2]))
"""The Python whose grammar counts."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell: its number among all cells from 1, the strings of its source, and where the list of them stands.

    ``span`` is None where the source is one string.
    """

    number: int
    strings: tuple[Text, ...]
    span: tuple[int, int] | None
    has_output: bool

    @property
    def source(self) -> str:
        return "".join(string.value for string in self.strings)


class NotebookError(Exception):
    """The file cannot be analysed; :attr:`problem` says why."""

    def __init__(self, code: str, reason: str, position: Position | None = None) -> None:
        super().__init__(reason)
        self.problem = Problem(code, reason, position)


def migrate_notebook(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> FileResult:
    """Migrate one notebook.

    Args:
        raw: The file's bytes.
        path: Its path, for the report and to find it in ``project``.
        project: What is known of other files.
        style: The style of the new code.
        selection: The rules that may act (default: all).

    Returns:
        The verdicts, with positions in cells, and the new bytes. A notebook that is not valid JSON, or of a format
        before 4, has a problem.

    Raises:
        SourceError: The code of the cells cannot be analysed.

    Example:
        >>> cells = ["from adaptiveneuralnetwork.training import TrainingLoop\\n", "%time TrainingLoop(m, c).train(x);"]
        >>> notebook = {"cells": [{"cell_type": "code", "source": source} for source in cells], "nbformat": 4}
        >>> result = migrate_notebook(json.dumps(notebook).encode(), Path("a.ipynb"), Project.single(), "faithful")
        >>> print(result.sites[0].position, result.sites[0].outcome.value)
        cell 2:1:7 rewritten
        >>> json.loads(result.after)["cells"][0]["source"].splitlines()[0]
        'from adaptiveneuralnetwork.training import Trainer'
    """
    try:
        text, cells, prose = _read(raw)
    except NotebookError as error:
        return FileResult(path, raw, raw, problem=error.problem)
    book = _Book(cells)
    assembly = Assembly(book.parts)
    result = migrate_parts(assembly, path, project, style, selection)
    hints = _hints(path, book, prose, result)
    unused = [replace(note, position=book.position(place)) for place, note in result.unused_skips]
    sites = tuple(book.located(item.site, item.place, item.culprit) for item in result.sites)
    if not result.changes and result.failure is None:
        return FileResult(path, raw, raw, sites, notes=(*book.skipped, *unused), hints=hints)
    failure, after = result.failure, raw
    if failure is None:
        after = _spliced(raw, text, book, result.changes)
        failure = _find_failure(after, cells, book, result.changes, result.data)
    if failure is not None:
        problem = Problem(FAILED_CHECK, f"internal check failed, the file is left as it is: {failure}", internal=True)
        return FileResult(path, raw, raw, problem=problem)
    notes = [*book.skipped, *unused, *_stale(book.cells_of(result.changes))]
    return FileResult(path, raw, after, sites, notes=tuple(notes), hints=hints)


def analyse_notebook(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> list[Analysis]:
    """The program that the cells are read as.

    Raises:
        SourceError: The file is no notebook, or the code of its cells cannot be analysed.
    """
    try:
        book = _Book(read_notebook(raw)[1])
    except NotebookError as error:
        raise SourceError(error.problem) from error
    whole = Assembly(book.parts)
    result = migrate_parts(whole, path, project, style, selection)
    assert result.migration is not None
    verdicts = {
        use: book.located(item.site, item.place, item.culprit)
        for use, item in zip(result.uses, result.sites, strict=True)
    }
    return [
        Analysis(
            result.migration,
            verdicts,
            lambda position: book.position(whole.place(position)),
            lambda position: whole.parts[whole.place(position).part].stands_for,
        )
    ]


def python_text(raw: bytes) -> bytes:
    """The Python of a notebook as one module, for questions about what it imports and uses; empty if there is none."""
    try:
        return Assembly(_Book(read_notebook(raw)[1]).parts).source.data
    except NotebookError:
        return b""


def python_position(raw: bytes, line: int) -> Position:
    """Where in the notebook a line of its :func:`python_text` stands.

    Raises:
        NotebookError: It is none that has a text.
    """
    book = _Book(read_notebook(raw)[1])
    return book.position(Assembly(book.parts).place(Position(line, 1)))


def read_notebook(raw: bytes) -> tuple[str, list[CodeCell]]:
    """The text of a notebook and its code cells; none where its language is not Python.

    Raises:
        NotebookError: Not valid JSON, not a notebook, or an old format.
    """
    text, cells, _ = _read(raw)
    return text, cells


def _read(raw: bytes) -> tuple[str, list[CodeCell], list[CodeCell]]:
    """As :func:`read_notebook`, with the cells that are no Python code too."""
    bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    try:
        text = raw[len(bom) :].decode("utf-8")
        at = json_text.skip_blanks(text, 0)
        content, end = json_text.read_object(text, at, {"cells": _read_cells})
        if json_text.skip_blanks(text, end) != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
    except json.JSONDecodeError as error:
        reason = f"not a valid notebook: {error.msg}"
        raise NotebookError(BROKEN, reason, Position(error.lineno, error.colno)) from error
    except (UnicodeError, RecursionError) as error:
        raise NotebookError(BROKEN, f"not a valid notebook: {error}") from error
    version = content.get("nbformat")
    if isinstance(version, int) and version < 4:
        reason = f"a notebook of format {version}: convert it (jupyter nbconvert --to notebook --inplace) and run again"
        raise NotebookError(OLD_FORMAT, reason)
    cells = content.get("cells")
    if not isinstance(version, int) or not isinstance(cells, list):
        raise NotebookError(BROKEN, "not a valid notebook: it has no nbformat or no list of cells")
    is_python = _language(content.get("metadata")) in ("python", "ipython", "")
    code: list[CodeCell] = []
    other: list[CodeCell] = []
    for number, values in enumerate(cells, 1):
        if isinstance(cell := values.get("source"), _SourceText):
            kind = code if is_python and values.get("cell_type") == "code" else other
            kind.append(CodeCell(number, cell.strings, cell.span, bool(values.get("outputs"))))
    return text, code, other


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SourceText:
    strings: tuple[Text, ...]
    span: tuple[int, int] | None


def _read_cells(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] != "[":
        return json_text.read_any(text, at)
    return json_text.read_array(text, at, _read_cell)


def _read_cell(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] != "{":
        return {}, json_text.read_any(text, at)[1]
    return json_text.read_object(text, at, {"source": _read_source})


def _read_source(text: str, at: int) -> tuple[Any, int]:
    if text[at : at + 1] != "[":
        string, end = json_text.read_text(text, at)
        return (None if string is None else _SourceText((string,), None)), end
    strings, end = json_text.read_array(text, at, json_text.read_text)
    return (None if None in strings else _SourceText(tuple(strings), (at, end))), end


def _language(metadata: object) -> str:
    if isinstance(metadata, dict):
        for key, name in (("kernelspec", "language"), ("language_info", "name")):
            value = metadata.get(key)
            if isinstance(value, dict) and isinstance(value.get(name), str):
                return str(value[name]).lower()
    return ""


class _Book:
    """The cells as parts for the engine, and the way back."""

    def __init__(self, cells: Sequence[CodeCell]) -> None:
        self.parts: list[Part] = []
        self.skipped: list[Note] = []
        self.other: list[CodeCell] = []
        """Cells of another language."""
        self._of_part: list[tuple[CodeCell, Cell]] = []
        for cell in cells:
            content = read_cell(cell.source)
            if content.is_other:
                self.other.append(cell)
                continue
            if content.code is None:
                reason = f"this cell is not plain Python {_RUNNING}; it was skipped"
                self.skipped.append(Note(Position(1, 1, cell.number), reason))
                stands_for = f"cell {cell.number}, which is not plain Python {_RUNNING}"
            else:
                self._add(Part(content.code, shows="last"), cell, content)
                stands_for = f"a magic in cell {cell.number}"
            if content.names:
                text = "".join(f"{line}\n" for line in content.imports) + uses(content.names, content.assigned)
                self._add(Part(text, stands_for), cell, content)

    def _add(self, part: Part, cell: CodeCell, content: Cell) -> None:
        self.parts.append(part)
        self._of_part.append((cell, content))

    def cell(self, part: int) -> tuple[CodeCell, Cell]:
        return self._of_part[part]

    def cells_of(self, parts: dict[int, list[Change]]) -> list[CodeCell]:
        return [self._of_part[part][0] for part in sorted(parts)]

    def located(self, site: Site, place: Place, culprit: Place | None) -> Site:
        """A site with positions in its cells."""
        at = self.position(place) if culprit is None else self.position(culprit)
        return replace(site, position=self.position(place), culprit=at if culprit is not None else None)

    def position(self, place: Place) -> Position:
        part, (cell, content) = self.parts[place.part], self._of_part[place.part]
        if not part.stands_for:
            return Position(place.line, place.column, cell.number)
        word = re.match(r"\w*", part.text.splitlines()[place.line - 1][place.column - 1 :])
        name = word.group() if word else ""
        found = [match.start() for match in re.finditer(rf"\b{name}\b", cell.source)] if name else []
        if content.code is not None:  # in one of its magics
            found = [at for at in found if any(start <= at < end for start, end in content.masked)]
        before = cell.source[: found[0]] if found else ""
        line_start = max(before.rfind("\n"), before.rfind("\r")) + 1
        lines = len(re.findall(r"\r\n|\r|\n", before))
        return Position(lines + 1, len(before) - line_start + 1, cell.number)


# -- writing ----------------------------------------------------------------------------------------------------------


def _spliced(raw: bytes, text: str, book: _Book, changes: dict[int, list[Change]]) -> bytes:
    """The file's bytes with the changes made in the strings of their cells."""
    bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    ascii_only = json_text.writes_ascii_only(text)
    comma = _comma(text, [book.cell(part)[0] for part in range(len(book.parts))])
    pieces: list[str] = []
    at = 0
    for part in sorted(changes):
        cell, _ = book.cell(part)
        for start, end, new in _edited_strings(text, cell, changes[part], comma, ascii_only):
            pieces += [text[at:start], new]
            at = end
    return bom + "".join([*pieces, text[at:]]).encode("utf-8")


def _comma(text: str, cells: Sequence[CodeCell]) -> str:
    """What stands between two strings of a source in this file."""
    for cell in cells:
        if cell.span is not None and len(cell.strings) > 1:
            return text[cell.strings[0].end : cell.strings[1].start]
    for cell in cells:
        if cell.span is not None and cell.strings:
            blank = text[cell.span[0] + 1 : cell.strings[0].start]
            return f",{blank}" if blank else ", "
    return ", "


def _edited_strings(
    text: str, cell: CodeCell, changes: Sequence[Change], comma: str, ascii_only: bool
) -> list[tuple[int, int, str]]:
    """Replacements in the file's text, in order: as few strings of the source as hold the changes."""
    if cell.span is None:
        string = cell.strings[0]
        pieces = _changed_atoms(json_text.atoms(text, string), changes, 0, ascii_only)
        return [(string.start, string.end, f'"{"".join(pieces)}"')]
    if not cell.strings:
        raise AssertionError("a cell without text cannot have changes")
    starts = [0]
    for string in cell.strings:
        starts.append(starts[-1] + len(string.value))
    out: list[tuple[int, int, str]] = []
    for first, last, own in _runs(cell, starts, changes):
        atoms = [atom for string in cell.strings[first : last + 1] for atom in json_text.atoms(text, string)]
        lines = _lines(_changed_atoms(atoms, own, starts[first], ascii_only))
        start, end = cell.strings[first].start, cell.strings[last].end
        new = comma.join(f'"{line}"' for line in lines)
        if not lines and last + 1 < len(cell.strings):
            end = cell.strings[last + 1].start
        elif not lines and first:
            start = cell.strings[first - 1].end
        elif not lines:
            start, end, new = *cell.span, "[]"
        out.append((start, end, new))
    return out


def _runs(cell: CodeCell, starts: list[int], changes: Sequence[Change]) -> list[tuple[int, int, list[Change]]]:
    """The ranges of strings that hold changes, each with its changes."""
    runs: list[tuple[int, int, list[Change]]] = []
    count = len(cell.strings)
    for change in changes:
        first = next((number for number in range(count) if starts[number + 1] > change.start), count - 1)
        last = next((number for number in range(first, count) if starts[number + 1] >= change.end), count - 1)
        if change.start == change.end == starts[first] and first and not change.text.endswith("\n"):
            first -= 1  # behind the last character of a string that has no line end
        ends_line = change.text.endswith(("\n", "\r")) or change.end < starts[last + 1]
        if not ends_line and last + 1 < count and cell.strings[last].value.endswith(("\n", "\r")):
            last += 1
        if runs and runs[-1][1] >= first:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]), [*runs[-1][2], change])
        else:
            runs.append((first, last, [change]))
    return runs


def _changed_atoms(atoms: list[str], changes: Sequence[Change], offset: int, ascii_only: bool) -> list[str]:
    out: list[str] = []
    at = 0
    for change in changes:
        out += atoms[at : change.start - offset] + json_text.encode(change.text, ascii_only=ascii_only)
        at = change.end - offset
    return out + atoms[at:]


def _lines(atoms: list[str]) -> list[str]:
    """Literals of the lines, as notebooks keep them: one string a line, each with its line end."""
    values = [json.loads(f'"{atom}"') for atom in atoms]
    lines: list[str] = []
    at = 0
    for line in "".join(values).splitlines(keepends=True):
        lines.append("".join(atoms[at : at + len(line)]))
        at += len(line)
    return lines


# -- checks -----------------------------------------------------------------------------------------------------------


def _find_failure(
    after: bytes, old: Sequence[CodeCell], book: _Book, changes: dict[int, list[Change]], data: bytes
) -> str | None:
    """What is wrong with the new file, or None: the cells that were edited have their new source, the others their
    old one, and the whole is what the engine made, so that a second run has nothing left to do."""
    expected = {cell.number: cell.source for cell in old}
    for part, own in changes.items():
        cell, content = book.cell(part)
        if any(start < change.end and change.start < end for start, end in content.masked for change in own):
            return "a magic would be edited"
        expected[cell.number] = apply_changes(cell.source, own)
    try:
        cells = read_notebook(after)[1]
    except NotebookError as error:
        return f"the new file is broken ({error})"
    if {cell.number: cell.source for cell in cells} != expected:
        return "a cell has another source than it should have"
    if Assembly(_Book(cells).parts).source.data != data:
        return "the new cells do not make up the new program"
    return None


def _hints(path: Path, book: _Book, prose: Sequence[CodeCell], result: Result) -> tuple[Hint, ...]:
    """The mentions in comments and strings of the code, and in cells that are no Python; one a line."""
    found = [replace(hint, position=book.position(place)) for place, hint in result.hints]
    for cell in (*prose, *book.other):
        for hint in text_hints(path, cell.source.encode("utf-8", "replace")):
            found.append(replace(hint, kind="document", position=replace(hint.position, cell=cell.number)))
    return tuple(sorted(found, key=lambda hint: (hint.position.cell or 0, hint.position.line)))


def _stale(cells: Sequence[CodeCell]) -> list[Note]:
    return [
        Note(Position(1, 1, cell.number), "its outputs are those of the old code; run the notebook again")
        for cell in cells
        if cell.has_output
    ]
