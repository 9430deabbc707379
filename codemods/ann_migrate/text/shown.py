"""Expression statements whose value somebody sees: in a notebook and in an interactive example they are displayed."""

from __future__ import annotations

import ast

from ann_migrate.text.source import Source, Span, comments
from ann_migrate.text.tree import Tree


def find_shown(source: Source, tree: Tree) -> set[ast.AST]:
    """The expression statements that :class:`~.source.Parts` says are shown; none in a file of one text."""
    if source.parts is None or set(source.parts.shows) <= {"nothing"}:
        return set()
    shows, separators = source.parts.shows, set(source.separators)
    last: dict[int, ast.stmt] = {}
    for statement in tree.module.body:
        if statement.lineno not in separators:
            last[tree.part(statement)] = statement
    shown: set[ast.AST] = {item for item in tree.all_of(ast.Expr) if shows[tree.part(item)] == "all"}
    for part, statement in last.items():
        if shows[part] == "last" and isinstance(statement, ast.Expr) and not _is_silenced(source, statement):
            shown.add(statement)
    return shown


def _is_silenced(source: Source, statement: ast.stmt) -> bool:
    """Whether a semicolon ends the part behind the statement (``plot();``): the value is not displayed then."""
    behind = source.text(Span(source.span(statement).end, source.line_end(source.span(statement).end)))
    for comment in comments(behind):
        behind = behind.replace(comment, "")
    return behind.strip() == ";"
