"""Markdown: fenced code blocks whose info string says Python, in lists and quotations too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ann_migrate.documents.blocks import Block, CodeLine, document_lines, with_prompts_read

LANGUAGES = frozenset({"python", "py", "python3", "py3", "pycon", "python-console", "python-repl", "doctest"})

_OPENING = re.compile(
    r"(?P<quote>(?:[ \t]*>)*)(?P<indent>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)"
    r"(?P<fence>`{3,}(?=[^`]*\Z)|~{3,})(?P<info>.*)"
)
_WORD = re.compile(r"[\w-]+")


def blocks(document: str, start: int = 0, end: int | None = None) -> Iterator[Block]:
    r"""The Python blocks of a Markdown text.

    Example:
        >>> text = "Run\n\n- ~~~python title=a\n  x = 1\n  ~~~\n"
        >>> [block.text(text) for block in blocks(text)]
        ['x = 1\n']
    """
    opened: re.Match[str] | None = None
    lines: list[CodeLine] = []
    for at, behind in document_lines(document, start, end):
        text = document[at:behind]
        if opened is None:
            opened = _OPENING.fullmatch(text.rstrip("\r\n"))
            lines = []
        elif _closes(text, opened) or not _continues(text, opened):
            yield from _block(document, opened, lines)
            opened = None
        else:
            lines.append(CodeLine(at, at + _prefix(text, opened), behind))
    if opened is not None:
        yield from _block(document, opened, lines)


def is_python(info: str) -> bool:
    """Whether an info string says Python: ``python``, ``{.python}``, ``{code-block} python``.

    Example:
        >>> is_python("py title='a'"), is_python("{code-block} python"), is_python("bash"), is_python("")
        (True, True, False, False)
    """
    words = [word.lower() for word in _WORD.findall(info)]
    if words and words[0] in ("code-block", "code", "sourcecode"):
        words = words[1:]
    return bool(words) and words[0] in LANGUAGES


def _block(document: str, opened: re.Match[str], lines: list[CodeLine]) -> Iterator[Block]:
    if lines and is_python(opened["info"]):
        block = with_prompts_read(document, Block(tuple(lines)))
        if block.lines:
            yield block


def _closes(text: str, opened: re.Match[str]) -> bool:
    fence = opened["fence"]
    bare = text.strip().lstrip("> \t") if opened["quote"] else text.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]}


def _continues(text: str, opened: re.Match[str]) -> bool:
    """A quotation ends where the quotation marks end, and the block with it."""
    return not opened["quote"] or text.lstrip(" \t").startswith(">")


def _prefix(text: str, opened: re.Match[str]) -> int:
    """How much of a line stands before its code: quotation marks, and at most the indentation of the fence."""
    quote = re.match(r"(?:[ \t]*>)*", text) if opened["quote"] else None
    at = quote.end() if quote else 0
    width = len(opened["indent"])
    blank = re.match(rf"[ \t]{{0,{width}}}", text[at:])
    return min(at + (blank.end() if blank else 0), len(text.rstrip("\r\n")))
