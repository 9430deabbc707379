"""Other mentions of the legacy names in Python files: in comments and strings.

Nothing rewrites them, and they never count as something left to do; they are where an author looks last.

Not a mention is a string that names the very binding of a site (``mock.patch("pkg.mod.TrainingLoop")``): that is a site
itself.
"""

from __future__ import annotations

import ast
import io
import tokenize
from bisect import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path

from ann_migrate.files.hint_files import WORD, shown_line
from ann_migrate.flow.sites import NameUse
from ann_migrate.legacy_api import NEEDLES, PACKAGE
from ann_migrate.result import Hint
from ann_migrate.text.source import Source, Span
from ann_migrate.text.tree import Tree

Holder = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def python_hints(path: Path, source: Source, tree: Tree, sites: Iterable[NameUse]) -> tuple[Hint, ...]:
    """The mentions in the strings and comments of a Python file that are no sites, in order; one a line."""
    nodes = {site.node for site in sites}
    if not nodes and PACKAGE not in source.data and _is_of_another(tree):
        return ()
    lines = sorted({source.line_number(match.start()) for match in WORD.finditer(source.data)})
    offsets: dict[int, str] = {}
    spans: list[Span] = []
    docstrings = _docstrings(tree)
    for node in [*tree.all_of(ast.JoinedStr), *tree.all_of(ast.Constant)]:
        if isinstance(node, ast.Constant) and not isinstance(node.value, (str, bytes)):
            continue
        if bisect(lines, node.end_lineno or 0) == bisect(lines, node.lineno - 1):
            continue  # no mention on its lines
        span = source.span(node)
        spans.append(span)
        if node not in nodes and not any(part in nodes for part in ast.walk(node)):
            kind = "docstring" if node in docstrings else "string"
            for match in WORD.finditer(source.data, span.start, span.end):
                offsets.setdefault(match.start(), kind)
    offsets.update((offset, "comment") for offset in _in_comments(source, spans))
    return tuple(_one_a_line(path, source, sorted(offsets.items())))


def _is_of_another(tree: Tree) -> bool:
    """Whether the file's own code has the name from elsewhere: other libraries have classes called so too."""
    names = {needle.decode() for needle in NEEDLES}
    return any(
        (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.alias) and (node.asname or node.name).rpartition(".")[2] in names)
        or (isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in names)
        for node in ast.walk(tree.module)
    )


def _docstrings(tree: Tree) -> set[ast.AST]:
    holders: tuple[type[Holder], ...] = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.body[0].value
        for kind in holders
        for node in tree.all_of(kind)
        if node.body and isinstance(node.body[0], ast.Expr)
    }


def _in_comments(source: Source, strings: list[Span]) -> Iterator[int]:
    """The offsets of the words that stand in comments. The file is tokenized only if there may be one."""
    suspects = {}
    for match in WORD.finditer(source.data):
        line = source.line_start(match.start())
        within = any(span.start <= match.start() < span.end for span in strings)
        if not within and b"#" in source.data[line : match.start()]:
            suspects[match.start()] = source.line_number(match.start())
    if not suspects:
        return
    text = source.data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    starts: dict[int, int] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                starts[row] = source.line_starts[row - 1] + len(token.line[:column].encode("utf-8"))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass  # Python's own parser took the file: what was found until here counts
    yield from (offset for offset, row in suspects.items() if starts.get(row, offset + 1) <= offset)


def _one_a_line(path: Path, source: Source, found: list[tuple[int, str]]) -> Iterator[Hint]:
    last = None
    for offset, kind in found:
        if (line := source.line_number(offset)) != last:
            last = line
            start = source.line_starts[line - 1]
            yield Hint(path, source.position(offset), kind, shown_line(source.data[start : source.line_end(offset)]))
