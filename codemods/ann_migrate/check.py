"""What must hold of a rewrite before it is given out. A failure is a defect of the tool: the file is then left as it
is.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ann_migrate.edits import Region
from ann_migrate.result import Outcome
from ann_migrate.source import Source, SourceError, Span, comments

if TYPE_CHECKING:
    from ann_migrate.migration import Migration


def find_failure(migration: Migration, data: bytes) -> str | None:
    """What is wrong with the new text, or None: it parses, nothing outside the edits changed, every comment is there,
    and a second migration has nothing left to do."""
    old = migration.source
    new = Source(data, old.encoding, old.bom)
    try:
        tree = new.parse()
    except SourceError as error:
        return f"the new text does not parse ({error.problem.reason})"
    lost = comments(old.data.decode("utf-8")) - comments(data.decode("utf-8"))
    if lost:
        return f"a comment is lost: {next(iter(lost))}"
    if not same_outside(old, migration.tree.module, new, tree, migration.regions):
        return "code outside the edits changed"
    return _second_run(migration, new)


def _second_run(migration: Migration, new: Source) -> str | None:
    again = type(migration)(new, migration.path, migration.project, migration.style)
    data, edited = again.rewrite()
    if edited or data != new.data:
        return "a second run would change the file again"
    left = sorted(site.code for site in migration.verdicts.values() if site.outcome is not Outcome.REWRITTEN)
    if sorted(site.code for site in again.verdicts.values()) != left:
        return "the sites that were declined are not the ones that remain"
    return None


def same_outside(old: Source, old_tree: ast.Module, new: Source, new_tree: ast.Module, regions: list[Region]) -> bool:
    """Whether both trees are the same but for the simple statements and headers that an edit touched.

    Each tree is read as the sequence of its simple statements and compound headers with their depth; those that touch
    a region are left out.
    """
    before = _units(old, old_tree, [region.old for region in regions])
    after = _units(new, new_tree, [region.new for region in regions])
    return before == after


def _units(source: Source, tree: ast.Module, touched: list[Span]) -> list[tuple[int, str]]:
    units: list[tuple[int, str]] = []
    pending: list[tuple[ast.AST, int]] = [(statement, 0) for statement in reversed(tree.body)]
    while pending:
        node, depth = pending.pop()
        inner = _blocks(node)
        assert isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case))
        span = _header(source, node, inner)
        if not any(region.start < span.end and span.start < region.end for region in touched):
            units.append((depth, _dump_header(node)))
        pending.extend((item, depth + 1) for block in reversed(inner) for item in reversed(block))
    return units


def _blocks(node: ast.AST) -> list[list[ast.AST]]:
    names = ("body", "handlers", "orelse", "finalbody", "cases")
    return [block for name in names if isinstance(block := getattr(node, name, None), list) and block]


def _header(source: Source, node: ast.stmt | ast.excepthandler | ast.match_case, inner: list[list[ast.AST]]) -> Span:
    """What a statement spans without its blocks."""
    if isinstance(node, ast.match_case):
        start = source.offset(node.pattern.lineno, node.pattern.col_offset)
    else:
        decorators = getattr(node, "decorator_list", [])
        first = min([node, *decorators], key=lambda item: (item.lineno, item.col_offset))
        start = source.offset(first.lineno, first.col_offset)
    if not inner:
        assert not isinstance(node, ast.match_case)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(start, source.offset(node.end_lineno, node.end_col_offset))
    first_inner = inner[0][0]
    at = first_inner.pattern if isinstance(first_inner, ast.match_case) else first_inner
    assert isinstance(at, (ast.stmt, ast.excepthandler, ast.pattern))
    # Up to the end of the header's own expressions: an insertion before the first statement of the block is not in
    # the header.
    ends = [start]
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr) and part.end_lineno is not None and part.end_col_offset is not None:
            ends.append(source.offset(part.end_lineno, part.end_col_offset))
        for expression in (
            ast.walk(part) if isinstance(part, (ast.arguments, ast.withitem, ast.keyword, ast.pattern)) else ()
        ):
            if (
                isinstance(expression, (ast.expr, ast.arg))
                and expression.end_lineno
                and expression.end_col_offset is not None
            ):
                ends.append(source.offset(expression.end_lineno, expression.end_col_offset))
    return Span(start, max(ends))


def _dump_header(node: ast.AST) -> str:
    """A statement's dump without its blocks."""
    hidden = {
        name: getattr(node, name)
        for name in ("body", "handlers", "orelse", "finalbody", "cases")
        if isinstance(getattr(node, name, None), list)
    }
    try:
        for name in hidden:
            setattr(node, name, [])
        return ast.dump(node)
    finally:
        for name, block in hidden.items():
            setattr(node, name, block)
