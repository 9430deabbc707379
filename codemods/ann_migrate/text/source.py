"""A source file as text and as the UTF-8 that ``ast`` counts in, with everything needed to put it back unchanged.

``ast`` gives positions as a line and a byte offset in that line's UTF-8. So the file is decoded by its cookie, its
byte order mark cut off, and the text encoded as UTF-8: edits are splices of that. Lines end where Python's tokenizer
ends them (``\\n``, ``\\r\\n``, ``\\r``), not where :meth:`str.splitlines` does.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from ann_migrate.result import Position, Problem

_LINE_END = re.compile(rb"\r\n|\r|\n")
INVALID_SYNTAX = "ANN901"
UNKEEPABLE_ENCODING = "ANN902"
TOO_DEEP = "ANN903"
_TOO_DEEP = "nested too deeply for Python's parser"
NEWER_SYNTAX = "ANN904"


class SourceError(Exception):
    """The file cannot be analysed; :attr:`problem` says why, in the form that the report prints."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


@dataclass(frozen=True)
class Span:
    """A half-open range of UTF-8 offsets."""

    start: int
    end: int

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


Shows = Literal["nothing", "last", "all"]
"""No value is displayed, that of a part's last expression unless a semicolon follows (notebooks), or that of every
expression statement (interactive examples)."""


@dataclass(frozen=True)
class Parts:
    """How a text is put together from parts: the cells of a notebook, the code blocks of a page, or files.

    Attributes:
        separator: The line between two parts, with its line end; it occurs nowhere else in the text. It is a statement,
            so that nothing grows together over it.
        shows: For each part, which expression statements somebody sees the value of.
        ordered: Whether the parts surely run one after the other.
        files: Where the parts are files, and so modules with names of their own: their paths.
        locked: Of such, why each must not be edited; empty where it may.
    """

    separator: bytes
    shows: tuple[Shows, ...]
    ordered: bool = False
    files: tuple[Path, ...] = ()
    locked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Decoded source: ``data`` is its text in UTF-8 without a byte order mark.

    A text that was put together from parts says so in ``parts``.

    Example:
        >>> source = Source.decode(b"x = 1\\r\\ny = 2\\r\\n")
        >>> source.newline, source.position(source.offset(2, 4))
        ('\\r\\n', Position(line=2, column=5, cell=None))
        >>> source.encode(source.data) == b"x = 1\\r\\ny = 2\\r\\n"
        True
    """

    data: bytes
    encoding: str
    bom: bytes = field(default=b"")
    parts: Parts | None = None

    @classmethod
    def decode(cls, raw: bytes) -> Source:
        """Decode by byte order mark and cookie, as Python does.

        Raises:
            SourceError: the encoding is unknown, the bytes do not fit it, or encoding back does not give the same
            bytes.
        """
        bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
        try:
            encoding = declared_encoding(raw)
            text = raw[len(bom) :].decode(encoding)
            kept = text.encode(encoding) == raw[len(bom) :]
            data = text.encode("utf-8")
        except (SyntaxError, UnicodeError, LookupError) as error:
            what: object = error.msg if isinstance(error, SyntaxError) else error
            if bom and isinstance(error, SyntaxError):
                what = "a byte order mark says UTF-8, and an encoding cookie says something else"
            reason = f"not valid Python: {what}"
            raise SourceError(Problem(INVALID_SYNTAX, reason)) from error
        if not kept:
            reason = (
                f"the file's encoding ({encoding}) does not give the same bytes back, so it cannot be edited safely"
            )
            raise SourceError(Problem(UNKEEPABLE_ENCODING, reason))
        return cls(data, encoding, bom)

    def encode(self, data: bytes) -> bytes:
        """The file's bytes for edited UTF-8 ``data``: same encoding, same byte order mark."""
        return self.bom + data.decode("utf-8").encode(self.encoding)

    def parse(self) -> ast.Module:
        """The syntax tree.

        Raises:
            SourceError: invalid syntax, null bytes, or nesting that Python's own parser gives up on.
        """
        try:
            return ast.parse(self.data.decode("utf-8"))
        except SyntaxError as error:
            position = Position(error.lineno, error.offset or 1) if error.lineno else None
            if error.msg.startswith("too many "):  # nested parentheses, levels of indentation: limits of the parser
                raise SourceError(Problem(TOO_DEEP, f"{_TOO_DEEP}: {error.msg}", position)) from error
            raise SourceError(Problem(INVALID_SYNTAX, f"not valid Python: {error.msg}", position)) from error
        except ValueError as error:
            raise SourceError(Problem(INVALID_SYNTAX, f"not valid Python: {error}")) from error
        except (RecursionError, MemoryError) as error:
            raise SourceError(Problem(TOO_DEEP, _TOO_DEEP)) from error

    # -- places -------------------------------------------------------------------------------------------------------

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.data))]

    @cached_property
    def separators(self) -> list[int]:
        """The numbers of the lines that separate two parts; none in a file that is one text."""
        if self.parts is None:
            return []
        line, ends = self.parts.separator, [*self.line_starts[1:], len(self.data)]
        lines = zip(self.line_starts, ends, strict=True)
        return [number for number, (start, end) in enumerate(lines, 1) if self.data[start:end] == line]

    def part(self, offset: int) -> int:
        """The number of the part in which an offset lies."""
        return bisect_right(self.separators, self.line_number(offset))

    def text_of_part(self, number: int) -> bytes:
        """The text of one part, in UTF-8."""
        starts = [0, *(self.line_starts[line] for line in self.separators)]
        ends = [*(self.line_starts[line - 1] for line in self.separators), len(self.data)]
        return self.data[starts[number] : ends[number]]

    def offset(self, line: int, column: int) -> int:
        """The UTF-8 offset of a position as ``ast`` gives it: line from 1, column in bytes from 0."""
        return self.line_starts[line - 1] + column

    def span(self, node: ast.expr | ast.stmt | ast.alias | ast.arg | ast.keyword) -> Span:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset))

    def position(self, offset: int) -> Position:
        """Where an offset is, as editors count."""
        line = self.line_number(offset)
        start = self.line_starts[line - 1]
        return Position(line, len(self.data[start:offset].decode("utf-8", "replace")) + 1)

    def line_number(self, offset: int) -> int:
        low, high = 0, len(self.line_starts)
        while high - low > 1:
            middle = (low + high) // 2
            if self.line_starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1

    def line_start(self, offset: int) -> int:
        return self.line_starts[self.line_number(offset) - 1]

    def line_end(self, offset: int) -> int:
        """The offset just behind the line end of the line that holds ``offset`` (end of file for a last line without
        one).
        """
        line = self.line_number(offset)
        return self.line_starts[line] if line < len(self.line_starts) else len(self.data)

    # -- texts --------------------------------------------------------------------------------------------------------

    def text(self, span: Span) -> str:
        return self.data[span.start : span.end].decode("utf-8")

    def node_text(self, node: ast.expr | ast.stmt | ast.alias | ast.keyword) -> str:
        return self.text(self.span(node))

    def indentation(self, offset: int) -> str:
        """The white space at the start of the line of ``offset``, from the last form feed on (where columns start)."""
        match = re.match(rb"[ \t\x0c]*", self.data[self.line_start(offset) :])
        assert match is not None
        return match.group().decode("ascii").rpartition("\x0c")[2]

    def newline_at(self, offset: int) -> str:
        """The line end in use at ``offset``: that of its line, else that of the line before, else the file's first."""
        for place in (self.line_end(offset), self.line_start(offset)):
            match = re.search(rb"(\r\n|\r|\n)\Z", self.data[max(0, place - 2) : place])
            if match:
                return match.group().decode("ascii")
        return self.newline

    @cached_property
    def newline(self) -> str:
        match = _LINE_END.search(self.data)
        return match.group().decode("ascii") if match else "\n"

    @cached_property
    def indent_unit(self) -> str:
        """One step of indentation, as the file's first indented block has it, or its first line within brackets; four
        spaces where there is neither.
        """
        after = rb"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)+([ \t]+)\S"
        match = re.search(b":" + after, self.data) or re.search(rb"[(\[{]" + after, self.data)
        unit = match.group(1).decode("ascii") if match else "    "
        return unit if unit == "\t" or (set(unit) == {" "} and len(unit) <= 8) else "    "


def declared_encoding(raw: bytes) -> str:
    """The encoding that a byte order mark or a cookie names, as Python reads it: UTF-8 without either.

    Raises:
        SyntaxError: the encoding is unknown, or the two contradict each other.

    Example:
        >>> declared_encoding(b"#!/usr/bin/python\\r# coding: latin-1\\rx = 1\\r")
        'iso-8859-1'
    """
    # tokenize knows no lines that end with a lone carriage return; Python does.
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw
    encoding, _ = tokenize.detect_encoding(io.BytesIO(lines).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def comments(text: str) -> Counter[str]:
    """How often each comment occurs in ``text``, which need not be whole statements (brackets balanced).

    Example:
        >>> comments("f(a,  # first\\n  '# not one')")
        Counter({'# first': 1})
    """
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    found: Counter[str] = Counter()
    try:
        for token in tokenize.generate_tokens(lines.readline):
            if token.type == tokenize.COMMENT:
                found[token.string.rstrip()] += 1
    except (tokenize.TokenError, IndentationError, SyntaxError):
        pass  # the end of a fragment: what was found until there counts
    return found
