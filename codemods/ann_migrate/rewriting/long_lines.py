"""Lines of new code that became too long are broken as black breaks them: what stands in a call's brackets goes to a
line of its own, or, where that is too long too, to a line for each argument.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ann_migrate.rewriting.calls import parse_call
from ann_migrate.rules._base import Decline
from ann_migrate.text.edits import Region
from ann_migrate.text.source import Source, SourceError, Span

LONGEST = 120
"""Columns; a longer line is broken, if an edit touched it."""


def break_long_lines(source: Source, data: bytes, regions: list[Region]) -> tuple[bytes, list[Region]]:
    """Break the calls within ``regions`` of the edited text ``data`` that stand on lines which are too long.

    Args:
        source: The file as it was.
        data: The edited UTF-8 text.
        regions: What was edited. Nothing else is touched.

    Returns:
        The text and the regions, with their new ends. Without long lines they are what was given.
    """
    tried: set[str] = set()
    while any(_long_lines(replace(source, data=data), regions)):
        new = replace(source, data=data)
        try:
            tree = new.parse()
        except SourceError:
            break  # the checks will tell
        regions = list(_with_whole_imports(new, tree, regions))
        found = next(_breakable(new, tree, regions, tried), None)
        if found is None:
            break
        span, text = found
        tried.add(new.text(span))
        encoded = text.encode("utf-8")
        data = data[: span.start] + encoded + data[span.end :]
        regions = list(_moved(regions, span, len(encoded) - (span.end - span.start)))
    return data, regions


def _long_lines(source: Source, regions: Iterable[Region]) -> Iterator[int]:
    """The numbers of the lines that are too long and that an edit touched."""
    for region in regions:
        first, last = (source.line_number(at) for at in (region.new.start, region.new.end))
        for number in range(first, last + 1):
            if _length(source, source.line_starts[number - 1]) > LONGEST:
                yield number


def _length(source: Source, start: int) -> int:
    """The columns of the line at ``start``."""
    return len(source.text(Span(start, source.line_end(start))).rstrip())


def _breakable(source: Source, tree: ast.Module, regions: list[Region], tried: set[str]) -> Iterator[tuple[Span, str]]:
    """The calls that can be broken, the outermost first: their arguments stand on one line, which is too long, and not
    in an f-string.
    """
    long = set(_long_lines(source, regions))
    in_strings = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.lineno in long and _is_plain(source, node):
            yield source.span(node), _broken_import(source, node)
        if (
            not isinstance(node, ast.Call)
            or node in in_strings
            or node.end_lineno not in long
            or node.func.end_lineno != node.end_lineno
        ):
            continue
        span = source.span(node)
        if not any(region.new.contains(span) for region in regions) or not (node.args or node.keywords):
            continue
        text = source.text(span)
        if text in tried:
            continue
        broken = _broken(source, span, text)
        if broken is not None and broken != text:
            yield span, broken


def _broken(source: Source, span: Span, text: str) -> str | None:
    try:
        call = parse_call(text)
    except Decline:
        return None
    inside = [str(argument) for argument in call.arguments]
    if call.has_comments or any("\n" in argument or "\r" in argument for argument in inside):
        return None
    indent, newline = source.indentation(span.end), source.newline_at(span.end)
    inner = newline + indent + source.indent_unit
    line = ", ".join(inside)
    if len(indent) + len(source.indent_unit) + len(line) <= LONGEST:
        body = inner + line
    else:
        comma = "," if len(inside) > 1 else ""
        body = "".join(f"{inner}{argument}{comma}" for argument in inside)
    return f"{call.receiver}{call.access}{call.gap}({body}{newline}{indent})"


def _with_whole_imports(source: Source, tree: ast.Module, regions: list[Region]) -> Iterator[Region]:
    """The regions, with those within an import statement that is too long as one that holds the statement."""
    long = set(_long_lines(source, regions))
    left = list(regions)
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.lineno not in long or not _is_plain(source, node):
            continue
        span = source.span(node)
        inside = [region for region in left if span.contains(region.new)]
        if inside:
            before, after = inside[0].new.start - span.start, span.end - inside[-1].new.end
            old = Span(inside[0].old.start - before, inside[-1].old.end + after)
            left = [region for region in left if region not in inside] + [Region(old, span)]
    yield from sorted(left, key=lambda region: (region.new.start, region.new.end))


def _is_plain(source: Source, node: ast.ImportFrom) -> bool:
    """Whether an import stands on one line without brackets, alone."""
    span = source.span(node)
    line = source.text(Span(source.line_start(span.start), source.line_end(span.start))).strip()
    return line == source.text(span) and "(" not in line


def _broken_import(source: Source, node: ast.ImportFrom) -> str:
    span = source.span(node)
    head, _, names = source.text(span).partition(" import ")
    indent, newline = source.indentation(span.start), source.newline_at(span.start)
    inner = newline + indent + source.indent_unit
    return f"{head} import (" + "".join(f"{inner}{name.strip()}," for name in names.split(",")) + f"{newline}{indent})"


def _moved(regions: Iterable[Region], span: Span, by: int) -> Iterator[Region]:
    """The regions, where the text of ``span`` grew."""
    for region in regions:
        start, end = region.new.start, region.new.end
        moved = Span(start + by * (start >= span.end), end + by * (end >= span.end))
        yield replace(region, new=moved)
