"""JSON with the places of its strings, so that a string can be changed without touching any other byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Reader = Callable[[str, int], tuple[Any, int]]
"""Reads the value that starts at a place of a text: gives the value and where it ends."""

_BLANK = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Text:
    """A string value and where its literal stands, quotes included."""

    value: str
    start: int
    end: int


def read_any(text: str, at: int) -> tuple[Any, int]:
    """Read any value, with no places kept.

    Raises:
        json.JSONDecodeError: There is none.
    """
    value, end = _DECODER.raw_decode(text, at)
    return value, end


def read_text(text: str, at: int) -> tuple[Text | None, int]:
    """Read a value that should be a string; None where it is another."""
    if text[at : at + 1] != '"':
        return None, read_any(text, at)[1]
    value, end = read_any(text, at)
    return Text(value, at, end), end


def read_object(text: str, at: int, readers: dict[str, Reader]) -> tuple[dict[str, Any], int]:
    """Read an object, the values of some keys by readers of their own. Of equal keys the last one counts.

    Raises:
        json.JSONDecodeError: It is not one, or not valid.
    """
    at = _expect(text, at, "{")
    values: dict[str, Any] = {}
    if text[at : at + 1] == "}":
        return values, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, at)
        key, end = read_any(text, at)
        at = _expect(text, skip_blanks(text, end), ":")
        values[key], at = readers.get(key, read_any)(text, at)
        at = skip_blanks(text, at)
        if text[at : at + 1] == "}":
            return values, at + 1
        at = _expect(text, at, ",")


def read_array(text: str, at: int, reader: Reader) -> tuple[list[Any], int]:
    """Read an array, each element by the given reader.

    Raises:
        json.JSONDecodeError: It is not one, or not valid.
    """
    at = _expect(text, at, "[")
    values: list[Any] = []
    if text[at : at + 1] == "]":
        return values, at + 1
    while True:
        value, at = reader(text, at)
        values.append(value)
        at = skip_blanks(text, at)
        if text[at : at + 1] == "]":
            return values, at + 1
        at = _expect(text, at, ",")


def skip_blanks(text: str, at: int) -> int:
    """Where the next token starts."""
    match = _BLANK.match(text, at)
    assert match is not None
    return match.end()


def atoms(text: str, string: Text) -> list[str]:
    r"""The literal of a string cut so that each piece stands for one character of its value.

    Example:
        >>> atoms(r'"a\n\u00e9"', Text("a\né", 0, 11))
        ['a', '\\n', '\\u00e9']
    """
    return _ATOM.findall(text, string.start + 1, string.end - 1)


def encode(value: str, *, ascii_only: bool) -> list[str]:
    """A string as pieces of a literal, one for each character."""
    return [json.dumps(character, ensure_ascii=ascii_only)[1:-1] for character in value]


def writes_ascii_only(text: str) -> bool:
    """Whether a JSON text escapes all characters beyond ASCII, as far as one can see."""
    return text.isascii() and re.search(r"\\u(?!00[01])[0-9a-fA-F]{4}", text) is not None


def _expect(text: str, at: int, character: str) -> int:
    if text[at : at + 1] != character:
        raise json.JSONDecodeError(f"Expecting {character!r}", text, at)
    return skip_blanks(text, at + 1)


__all__ = [
    "Text",
    "atoms",
    "encode",
    "read_any",
    "read_array",
    "read_object",
    "read_text",
    "skip_blanks",
    "writes_ascii_only",
]
