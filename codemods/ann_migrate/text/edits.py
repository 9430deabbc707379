"""Edits as splices of the source: a span, and what its text becomes. Every byte outside the spans stays by
construction.

Edits may nest (a chain's constructor stands inside its ``train`` call): the inner ones are applied first, and the
outer ones see their result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ann_migrate.text.source import Source, Span


@dataclass(eq=False)
class Edit:
    """Replace the text of ``span`` by ``transform`` of it (with inner edits applied). An empty span inserts."""

    span: Span
    transform: Callable[[str], str]


@dataclass(frozen=True)
class Region:
    """Where an outermost edit was, and where its result is."""

    old: Span
    new: Span


def insert(offset: int, text: str) -> Edit:
    """An edit that puts ``text`` at ``offset``."""
    return Edit(Span(offset, offset), lambda _: text)


def apply_edits(source: Source, edits: Iterable[Edit]) -> tuple[bytes, list[Region]]:
    """The edited UTF-8 text, and the regions that were touched, in order.

    Raises:
        ValueError: two edits overlap without one holding the other.

    Example:
        >>> source = Source.decode(b"a = f(g(x))")
        >>> outer = Edit(Span(4, 11), lambda text: f"[{text}]")
        >>> inner = Edit(Span(6, 10), str.upper)
        >>> apply_edits(source, [outer, inner])[0]
        b'a = [f(G(X))]'
    """
    out: list[bytes] = []
    regions: list[Region] = []
    at = length = 0
    for node in _nest(edits):
        kept = source.data[at : node.edit.span.start]
        text = _render(source, node).encode("utf-8")
        out += [kept, text]
        length += len(kept)
        regions.append(Region(node.edit.span, Span(length, length + len(text))))
        length += len(text)
        at = node.edit.span.end
    out.append(source.data[at:])
    return b"".join(out), regions


@dataclass(eq=False)
class _Nested:
    edit: Edit
    inner: list[_Nested] = field(default_factory=list)


def _nest(edits: Iterable[Edit]) -> list[_Nested]:
    ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end != edit.span.start, -edit.span.end))
    roots: list[_Nested] = []
    open_edits: list[_Nested] = []
    for edit in ordered:
        node = _Nested(edit)
        while open_edits and open_edits[-1].edit.span.end <= edit.span.start:
            open_edits.pop()
        if open_edits and not open_edits[-1].edit.span.contains(edit.span):
            raise ValueError(f"edits overlap at {edit.span.start}")
        (open_edits[-1].inner if open_edits else roots).append(node)
        if edit.span.end > edit.span.start:
            open_edits.append(node)
    return roots


def _render(source: Source, node: _Nested) -> str:
    parts: list[str] = []
    at = node.edit.span.start
    for inner in node.inner:
        parts += [source.text(Span(at, inner.edit.span.start)), _render(source, inner)]
        at = inner.edit.span.end
    parts.append(source.text(Span(at, node.edit.span.end)))
    return node.edit.transform("".join(parts))
