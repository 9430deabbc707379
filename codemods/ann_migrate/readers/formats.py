"""Percentages in formatted text: f-strings, ``str.format`` and ``%`` templates."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ann_migrate.readers.base import Walk
from ann_migrate.readers.literals import is_atom
from ann_migrate.rewriting import dropped
from ann_migrate.text.format_fields import (
    f_string_fields,
    percent_spec,
    printf_specs,
    printf_to_format,
    template_fields,
)
from ann_migrate.text.source import Span


class Formats(Walk):
    """Readers that show a percentage."""

    def _formatted(self, value: ast.FormattedValue, node: ast.expr) -> None:
        """``{accuracy:.2f}%`` becomes ``{accuracy:.2%}``; any other format gets 100 times the fraction."""
        string = self.tree.parents[value]
        if not isinstance(string, ast.JoinedStr) or any(
            isinstance(at, ast.JoinedStr) for at in self.tree.ancestors(string)
        ):
            raise self._unknown(node)
        values = [item for item in string.values if isinstance(item, ast.FormattedValue)]
        text = self.source.node_text(string)
        fields = f_string_fields(text)
        if fields is None or len(fields) != len(values):
            raise self._unknown(node)
        found = fields[values.index(value)]
        if text[found.value_start : found.value_end].rstrip().endswith("=") or text[found.value_end] == "=":
            raise self._unknown(node)
        spec = text[found.spec_start : found.spec_end]
        changed = None if found.conversion else percent_spec(spec)
        base = self.source.span(string).start
        if changed is not None and text[found.end : found.end + 1] == "%":
            self._edit(_part(base, text, found.spec_start, found.spec_end), lambda _: changed)
            self._edit(_part(base, text, found.end, found.end + 1), lambda _: "")
            return
        if spec.rstrip("}").endswith("d") or spec.endswith("%") or node in self.maybe_none:
            raise self._unknown(node)
        start = (
            found.value_start
            + len(text[found.value_start : found.value_end])
            - len(text[found.value_start : found.value_end].lstrip())
        )
        self._edit(_part(base, text, start, start), lambda _: "100 * " if is_atom(node) else "100 * (")
        if not is_atom(node):
            self._edit(_part(base, text, found.value_end, found.value_end), lambda _: ")")
        self.left.append((dropped.LAST_DIGIT, string))

    def _template_argument(self, call: ast.Call, node: ast.expr, key: int | str) -> None:
        """``"{:.2f}%".format(accuracy)``."""
        assert isinstance(call.func, ast.Attribute)
        template = call.func.value
        assert isinstance(template, ast.Constant)
        text = self.source.node_text(template)
        start = _plain_body(text, str(template.value))
        fields = template_fields(str(template.value)) if start is not None else None
        if start is None or fields is None or any(isinstance(item, ast.Starred) for item in call.args):
            self._keep(node)
            return
        edits, number = [], 0
        for each in fields:
            name = text[start + each.value_start : start + each.value_end]
            if name:
                means: int | str = int(name) if name.isdigit() else name
            else:
                means, number = number, number + 1
            if means != key:
                continue
            changed = percent_spec(text[start + each.spec_start : start + each.spec_end])
            if changed is None or each.conversion or text[start + each.end : start + each.end + 1] != "%":
                self._keep(node)
                return
            edits.append((each, changed))
        if not edits:
            self._keep(node)
            return
        base = self._span(template).start
        for each, changed in edits:
            self._edit(_part(base, text, start + each.spec_start, start + each.spec_end), _always(changed))
            self._edit(_part(base, text, start + each.end, start + each.end + 1), _always(""))

    def _apply_template(self, operation: ast.BinOp, numbers: set[int]) -> bool:
        """``"%.2f%%" % accuracy`` becomes ``"{:.2%}".format(accuracy)``, if all its percentages are turned."""
        template = operation.left
        assert isinstance(template, ast.Constant)
        text = self.source.node_text(template)
        value = str(template.value)
        start = _plain_body(text, value)
        if start is None:
            return False
        specs = list(printf_specs(value))
        new = printf_to_format(value, numbers)
        several = isinstance(operation.right, ast.Tuple)
        if new is None or (not several and len(specs) != 1):
            return False
        whole, left = self._span(operation), self._span(template)
        between = self.source.text(Span(left.end, self._span(operation.right).start))
        if "#" in between or between.count("%") != 1:
            return False
        at = len(between[: between.index("%") + 1].encode())
        quoted = text[:start] + new + text[start + len(value) :]
        gap = len(between[between.index("%") + 1 :]) - len(between[between.index("%") + 1 :].lstrip(" \t"))
        self._edit(Span(left.start, left.end + at + gap), lambda _: f"{quoted}.format" + ("" if several else "("))
        if not several:
            self._edit(Span(whole.end, whole.end), lambda _: ")")
        return True


def _always(text: str) -> Callable[[str], str]:
    return lambda _: text


def _part(base: int, text: str, start: int, end: int) -> Span:
    """The span of a part of a text that starts at ``base``, in bytes."""
    return Span(base + len(text[:start].encode()), base + len(text[:end].encode()))


def _plain_body(text: str, value: str) -> int | None:
    """Where the value of a string literal stands in its text, if it is one literal without escapes."""
    stripped = text.lstrip("rRuU")
    quote = stripped[:3] if stripped[:3] in ('"""', "'''") else stripped[:1]
    start = len(text) - len(stripped) + len(quote)
    return start if text == f"{text[:start]}{value}{quote}" and "\\" not in value else None
