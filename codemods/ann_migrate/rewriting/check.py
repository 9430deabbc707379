"""What must hold of a rewrite before it is given out. A failure is a defect of the tool: the file is then left as it
is.
"""

from __future__ import annotations

import ast
import bisect
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ann_migrate.files.hint_files import may_mention
from ann_migrate.result import Outcome
from ann_migrate.text.edits import Region
from ann_migrate.text.source import Source, SourceError, Span, comments

if TYPE_CHECKING:
    from ann_migrate.rewriting.migration import Migration

_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


def find_failure(migration: Migration, data: bytes) -> str | None:
    """What is wrong with the new text, or None: it parses, nothing outside the edits changed, every comment is there,
    and a second migration has nothing left to do."""
    old = migration.source
    new = replace(old, data=data)
    try:
        tree = new.parse()
    except SourceError as error:
        return f"the new text does not parse ({error.problem.reason})"
    lost = _comments(old, [region.old for region in migration.regions])
    lost -= _comments(new, [region.new for region in migration.regions])
    if lost:
        return f"a comment is lost: {next(iter(lost))}"
    if not same_outside(old, migration.tree.module, new, tree, migration.regions):
        return "code outside the edits changed"
    return _second_run(migration, new, tree)


def _second_run(migration: Migration, new: Source, tree: ast.Module) -> str | None:
    left = sorted(site.code for site in migration.verdicts.values() if site.outcome is not Outcome.REWRITTEN)
    if not left and not may_mention(new.data) and not migration.project.may_use_reexport(new.data):
        return None  # no legacy name is in the file any more: such a file is not even analysed
    options = migration.style, tree, migration.exports.kept, migration.selection
    again = type(migration)(new, migration.path, migration.project, *options)
    data, edited = again.rewrite()
    if edited or data != new.data:
        return "a second run would change the file again"
    if sorted(site.code for site in again.verdicts.values()) != left:
        return "the sites that were declined are not the ones that remain"
    return None


def _comments(source: Source, spans: list[Span]) -> Counter[str]:
    """The comments inside the regions; those outside stay with their bytes."""
    return sum((comments(source.text(span)) for span in spans if b"#" in source.data[span.start : span.end]), Counter())


def same_outside(old: Source, old_tree: ast.Module, new: Source, new_tree: ast.Module, regions: list[Region]) -> bool:
    """Whether all bytes outside of the edits are the same, and both trees are but for the simple statements and
    headers that an edit touched.

    Each tree is read as the sequence of its statements, with depth, kind and text. A compound statement that touches
    a region is read as its header and the statements of its blocks, and what of these touches one is left out. The
    same text at the same depth, parsed as the same kind of statement, is the same tree.
    """
    if _outside(old, [region.old for region in regions]) != _outside(new, [region.new for region in regions]):
        return False
    before = _units(old, old_tree, [region.old for region in regions])
    after = _units(new, new_tree, [region.new for region in regions])
    return before == after


def _outside(source: Source, spans: list[Span]) -> bytes:
    starts, ends = [0, *(span.end for span in spans)], [*(span.start for span in spans), len(source.data)]
    return b"".join(source.data[start:end] for start, end in zip(starts, ends, strict=True))


def _units(source: Source, tree: ast.Module, touched: list[Span]) -> list[tuple[int, str, bytes]]:
    units: list[tuple[int, str, bytes]] = []
    starts = [region.start for region in touched]
    pending: list[tuple[ast.AST, int]] = [(statement, 0) for statement in reversed(tree.body)]
    while pending:
        node, depth = pending.pop()
        inner = _blocks(node)
        assert isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case))
        whole = _whole(source, node, inner)
        if not _touches(whole, touched, starts):
            units.append((depth, type(node).__name__, source.data[whole.start : whole.end]))
            continue
        span = _header(source, node) if inner else whole
        if inner and not _touches(span, touched, starts):
            units.append((depth, type(node).__name__, source.data[span.start : span.end]))
        pending.extend((item, depth + 1) for block in reversed(inner) for item in reversed(block))
    return units


def _touches(span: Span, regions: list[Span], starts: list[int]) -> bool:
    first = max(0, bisect.bisect_left(starts, span.start) - 1)
    return any(region.start < span.end and span.start < region.end for region in _until(regions, first, span.end))


def _whole(source: Source, node: ast.stmt | ast.excepthandler | ast.match_case, inner: list[list[ast.AST]]) -> Span:
    """What a statement spans, with its decorators and blocks."""
    start = _start(source, node)
    last: Any = inner[-1][-1] if isinstance(node, ast.match_case) else node
    return Span(start, _end(source, last))


def _start(source: Source, node: ast.stmt | ast.excepthandler | ast.match_case) -> int:
    at = node.pattern if isinstance(node, ast.match_case) else node
    decorators = getattr(node, "decorator_list", [])
    first = decorators[0] if decorators else at
    return source.offset(first.lineno, first.col_offset)


def _until(spans: list[Span], first: int, end: int) -> Iterator[Span]:
    """The spans from number ``first`` on that start before ``end``."""
    return itertools.takewhile(lambda span: span.start < end, itertools.islice(spans, first, None))


def _blocks(node: ast.AST) -> list[list[ast.AST]]:
    return [block for name in _BLOCKS if isinstance(block := getattr(node, name, None), list) and block]


def _header(source: Source, node: ast.stmt | ast.excepthandler | ast.match_case) -> Span:
    """What a compound statement spans without its blocks: up to the end of its header's own expressions."""
    at = node.pattern if isinstance(node, ast.match_case) else node
    start = _start(source, node)
    ends = [source.offset(at.lineno, at.col_offset)]
    for name in node._fields:
        if name not in _BLOCKS:
            value = getattr(node, name)
            parts = value if isinstance(value, list) else [value]
            ends += [_end(source, leaf) for part in parts if isinstance(part, ast.AST) for leaf in _placed(part)]
    return Span(start, max(ends))


def _placed(node: ast.AST) -> Iterator[ast.AST]:
    """The node, or the outermost parts of it that have a place (``arguments`` and ``withitem`` have none)."""
    if hasattr(node, "end_lineno"):
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from _placed(child)


def _end(source: Source, node: Any) -> int:
    return source.offset(node.end_lineno, node.end_col_offset)
