"""Replacement fields of f-strings and of ``str.format`` templates, by their places in the source text.

The places that ``ast`` gives for what stands inside an f-string are not to be relied on before Python 3.12; these are
read from the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LITERAL = re.compile(r"(?P<prefix>[A-Za-z]*)(?P<quote>'''|\"\"\"|'|\")")
_QUOTE = re.compile(r"'''|\"\"\"|'|\"")
_SPEC = re.compile(r"(?P<before>>?[+ -]?0?)(?P<width>\d*)(?P<precision>(?:\.\d+)?)f")


@dataclass(frozen=True)
class Field:
    """A field ``{value!r:spec}`` of a text: offsets of its parts, and of what follows the closing bracket.

    ``conversion`` is true where there is one (``!r``), or where the value's own text is shown (``{value=}``).
    """

    value_start: int
    value_end: int
    spec_start: int
    spec_end: int
    conversion: bool

    @property
    def end(self) -> int:
        return self.spec_end + 1


def f_string_fields(text: str) -> list[Field] | None:
    """The fields of an f-string (several adjacent literals too) in order; None if the text is not understood.

    Example:
        >>> text = 'f"{a:.2f}% {{}} {b!r}"'
        >>> [(text[f.value_start : f.value_end], text[f.spec_start : f.spec_end]) for f in f_string_fields(text)]
        [('a', '.2f'), ('b', '')]
    """
    found: list[Field] = []
    at = 0
    while at < len(text):
        if text[at] == "#":
            at = min((place for place in (text.find("\n", at), text.find("\r", at)) if place >= 0), default=len(text))
        literal = _LITERAL.match(text, at)
        if literal is None:
            if text[at : at + 1].strip("\\ \t\r\n\x0c"):
                return None
            at += 1
            continue
        prefix, quote = literal["prefix"].lower(), literal["quote"]
        end = _literal_end(text, literal.end(), quote, fields="f" in prefix)
        if end is None:
            return None
        if "f" in prefix:
            inside = _fields(text, literal.end(), end, raw="r" in prefix)
            if inside is None:
                return None
            found += inside
        at = end + len(quote)
    return found


def template_fields(text: str) -> list[Field] | None:
    """The fields of a ``str.format`` template; None if it is not understood.

    Example:
        >>> [field.spec_start for field in template_fields("{:.2f}% {x}")]
        [2, 10]
    """
    return _fields(text, 0, len(text), raw=True)


def percent_spec(spec: str) -> str | None:
    """The format that shows a fraction as ``spec`` shows its percentage with a ``%`` behind it, or None.

    Example:
        >>> [percent_spec(spec) for spec in (".2f", "6.1f", "f", ".3g", "<8.2f")]
        ['.2%', '7.1%', '%', None, None]
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        return None
    width = str(int(match["width"]) + 1) if match["width"] else ""
    return f"{match['before']}{width}{match['precision']}%"


def _literal_end(text: str, at: int, quote: str, *, fields: bool) -> int | None:
    """Where the closing quotes of a literal stand."""
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if not depth and text.startswith(quote, at):
            return at
        inner = _QUOTE.match(text, at) if depth else None
        if (
            inner is not None
        ):  # a string inside a field, which may hold any bracket (and, from 3.12 on, the same quotes)
            closing = text.find(inner.group(), inner.end())
            if closing < 0:
                return None
            at = closing + len(inner.group())
            continue
        if fields and text[at] == "{":
            if not depth and text.startswith("{{", at):
                at += 2
                continue
            depth += 1
        elif fields and text[at] == "}" and depth:
            depth -= 1
        at += 1
    return None


def _fields(text: str, start: int, end: int, *, raw: bool) -> list[Field] | None:
    found = []
    at = start
    while at < end:
        character = text[at]
        if character == "\\" and not raw:
            at = text.index("}", at) + 1 if text.startswith("\\N{", at) else at + 2
        elif text.startswith(("{{", "}}"), at):
            at += 2
        elif character == "{":
            field = _field(text, at + 1, end)
            if field is None:
                return None
            found.append(field)
            at = field.end
        elif character == "}":
            return None
        else:
            at += 1
    return found


def _field(text: str, start: int, end: int) -> Field | None:
    """The field whose value starts at ``start``."""
    stop = _value_end(text, start, end)
    if stop is None:
        return None
    at, conversion = stop, False
    value_end = stop
    if text[at] == "=":
        conversion = True
        at += 1
        while at < end and text[at].isspace():
            at += 1
    if text[at] == "!":
        conversion = True
        at += 2
    if text[at] == "}":
        return Field(start, value_end, at, at, conversion)
    if text[at] != ":":
        return None
    spec_start = at + 1
    depth = 0
    for at in range(spec_start, end):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            if not depth:
                return Field(start, value_end, spec_start, at, conversion)
            depth -= 1
    return None


def _value_end(text: str, at: int, end: int) -> int | None:
    """Where the value of a field ends: at ``=``, ``!``, ``:`` or the closing bracket."""
    depth = 0
    while at < end:
        quote = _QUOTE.match(text, at)
        if quote is not None:
            closing = text.find(quote.group(), quote.end(), end)
            if closing < 0:
                return None
            at = closing + len(quote.group())
            continue
        character = text[at]
        if not depth and (character in ":}" or _ends_value(text, at)):
            return at
        depth += (character in "([{") - (character in ")]}")
        at += 1
    return None


def _ends_value(text: str, at: int) -> bool:
    """``!r`` but not ``!=``; the ``=`` of ``{value=}`` but not that of a comparison."""
    if text[at] == "!":
        return text[at + 1 : at + 2] != "="
    return text[at] == "=" and text[at - 1] not in "=!<>" and text[at + 1 : at + 2].strip()[:1] in ("", "!", ":", "}")


def printf_specs(template: str) -> Iterator[tuple[str, bool]]:
    """The conversions of a ``%`` template in order, and whether a ``%`` sign follows each.

    Example:
        >>> list(printf_specs("%s: %.2f%% of %d"))
        [('%s', False), ('%.2f', True), ('%d', False)]
    """
    for match in _PRINTF.finditer(template):
        if match.group() != "%%":
            yield match.group(), template.startswith("%%", match.end())


def printf_to_format(template: str, percents: set[int]) -> str | None:
    """The ``str.format`` template for a ``%`` template, with the conversions of these numbers as percentages of a
    fraction; None if there is no such.

    Example:
        >>> printf_to_format("%s: %.2f%%", {1})
        '{}: {:.2%}'
    """
    out, at, number = "", 0, 0
    while match := _PRINTF.search(template, at):
        between = template[at : match.start()]
        if "%" in between:  # a conversion that is not understood
            return None
        out += between.replace("{", "{{").replace("}", "}}")
        at = match.end()
        if match.group() == "%%":
            out += "%"
            continue
        spec = match.group()[1:]
        followed = template.startswith("%%", at)
        if number in percents:
            changed = percent_spec(spec)
            if changed is None or not followed:
                return None
            out += f"{{:{changed}}}"
            at += 2
        elif spec == "s":
            out += "{}"
        elif re.fullmatch(r"(\.\d+)?[efg]", spec) and not followed:
            out += f"{{:{spec}}}"
        else:
            return None
        number += 1
    rest = template[at:]
    return None if "%" in rest else out + rest.replace("{", "{{").replace("}", "}}")


_PRINTF = re.compile(r"%%|%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]")
