"""Python files with the examples in their docstrings: doctests, ``.. code-block::`` and fenced blocks.

Each docstring is a page of its own that runs after the imports of its module, as doctest runs it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ann_migrate.documents import markdown, rst
from ann_migrate.documents.analysis import Analysis
from ann_migrate.documents.blocks import Block, Splice
from ann_migrate.documents.namespaces import bound_names, legacy_imports
from ann_migrate.documents.page import PageResult, migrate_page, spliced
from ann_migrate.legacy_api import NEEDLES
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Position, Problem
from ann_migrate.rewriting import check
from ann_migrate.rewriting.hints import python_hints
from ann_migrate.rewriting.migration import Migration
from ann_migrate.rewriting.selection import Selection
from ann_migrate.rules import not_ours
from ann_migrate.text.source import Source

FAILED_CHECK = "ANN990"
_TRIPLE = re.compile(r"(?P<prefix>[rRuU]?)(?P<quote>\"\"\"|''')")


def migrate_module(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> FileResult:
    r"""Migrate a Python file and the examples in its docstrings.

    Args:
        raw: The file's bytes.
        path: Its path.
        project: What is known of other files.
        style: The style of the new code.
        selection: The rules that may act (default: all).

    Raises:
        SourceError: The file cannot be analysed.

    Example:
        >>> quotes = '"' * 3
        >>> code = f"{quotes}\n>>> from adaptiveneuralnetwork.training import TrainingLoop\n>>> TrainingLoop\n{quotes}"
        >>> result = migrate_module(code.encode(), Path("a.py"), Project.single(), "faithful")
        >>> print(result.sites[0].position, result.sites[0].outcome.value)
        3:5 declined
    """
    source = Source.decode(raw)
    module = source.parse()
    text = source.data.decode("utf-8")
    page = migrate_docstrings(source, module, path, project, style, selection)
    migration = Migration(source, path, project, style, module, frozenset(page.relied_on), selection)
    data, edited = migration.rewrite()
    failure = page.failure or (check.find_failure(migration, data) if edited else None)
    sites = [migration.verdicts[use] for use in migration.sites]
    edits: list[Splice] = list(page.splices)
    for region in migration.regions if edited else ():
        start, end = (len(source.data[:at].decode("utf-8")) for at in (region.old.start, region.old.end))
        edits.append((start, end, data[region.new.start : region.new.end].decode("utf-8")))
    edits.sort(key=lambda edit: edit[:2])
    new = spliced(text, edits)
    failure = failure or find_failure(new, data)
    try:
        after = source.encode(new.encode("utf-8"))
    except UnicodeError as error:
        failure = failure or f"the new text does not fit the file's encoding: {error}"
    if failure is not None:
        reason = f"internal check failed, the file is left as it is: {failure}"
        return FileResult(path, raw, raw, problem=Problem(FAILED_CHECK, reason, internal=True))
    every = sorted([*sites, *page.sites], key=lambda site: (site.position.line, site.position.column))
    notes = (*page.notes, *migration.skips.unused())
    hints = python_hints(path, source, migration.tree, migration.sites)
    places = {site.position.line for site in page.sites}
    hints = tuple(hint for hint in hints if hint.kind != "docstring" or hint.position.line not in places)
    return FileResult(path, raw, after, tuple(every), notes=notes, hints=hints, concerned=migration.concerned)


def analyse_docstrings(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> list[Analysis]:
    """The programs that the examples in the docstrings of a module are read as.

    Raises:
        SourceError: The file cannot be analysed.
    """
    source = Source.decode(raw)
    return migrate_docstrings(source, source.parse(), path, project, style, selection).analyses


def migrate_docstrings(
    source: Source,
    module: ast.Module,
    path: Path,
    project: Project,
    style: str,
    selection: Selection | None,
) -> PageResult:
    """What becomes of the examples in all docstrings of a module."""
    text = source.data.decode("utf-8")
    outside = legacy_imports(module.body)
    bound = {name for statement in module.body for name in bound_names(statement)}
    whole = PageResult()
    if not_ours.explain_file(source.data, project.module(path)) is not None:
        return whole

    def position(offset: int) -> Position:
        return source.position(len(text[:offset].encode("utf-8")))

    for start, end, is_raw in _spans(source, module):
        if not any(needle in source.data[start:end] for needle in NEEDLES):
            continue
        first, last = (len(source.data[:at].decode("utf-8")) for at in (start, end))
        tail = text[last:]

        def extract(document: str, first: int = first, tail: str = tail, is_raw: bool = is_raw) -> list[Block]:
            found = _blocks(document, first, len(document) - len(tail))
            # In a string that is not raw, a backslash is not what the code has.
            return [block for block in found if is_raw or "\\" not in block.text(document)]

        page = migrate_page(
            text,
            extract,
            path,
            project,
            style,
            outside=outside,
            bound=bound,
            position=position,
            selection=selection,
        )
        whole.sites += page.sites
        whole.analyses += page.analyses
        whole.notes += page.notes
        whole.splices += page.splices
        whole.relied_on |= page.relied_on
        whole.failure = whole.failure or page.failure
    return whole


def _spans(source: Source, module: ast.Module) -> Iterator[tuple[int, int, bool]]:
    """Where the text of each docstring stands that may span lines, in UTF-8 offsets, and whether it is raw."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            span = source.span(first.value)
            literal = source.text(span)
            opening = _TRIPLE.match(literal)
            if opening and literal.find(opening["quote"], opening.end()) == len(literal) - 3:
                yield span.start + opening.end(), span.end - 3, opening["prefix"].lower() == "r"


def _blocks(document: str, start: int, end: int) -> list[Block]:
    """The blocks of a docstring: its examples run in one session; fenced and indented blocks stand beside it."""
    found = [*rst.blocks(document, start, end, one_session=True), *markdown.blocks(document, start, end)]
    found.sort(key=lambda block: (block.lines[0].start, -block.lines[-1].next))
    kept: list[Block] = []
    taken: set[int] = set()
    for block in found:
        starts = {line.start for line in block.lines}
        if not starts & taken:
            kept.append(block)
            taken |= starts
    return kept


def find_failure(new: str, data: bytes) -> str | None:
    """What is wrong with the new text, or None: but for docstrings it is what the engine made."""
    try:
        tree, expected = ast.parse(new), ast.parse(data.decode("utf-8"))
    except (SyntaxError, ValueError) as error:
        return f"the new text does not parse ({error})"
    for root in (tree, expected):
        for node in ast.walk(root):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
                first = node.body[0]
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    first.value.value = "" if isinstance(first.value.value, str) else first.value.value
    return None if ast.dump(tree) == ast.dump(expected) else "code outside of the docstrings changed"
