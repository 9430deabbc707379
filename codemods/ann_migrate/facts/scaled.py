"""Percentages written as fractions, in exact decimal arithmetic."""

from __future__ import annotations

import ast
from decimal import Decimal, InvalidOperation


def as_fraction(node: ast.Constant, text: str) -> str | None:
    """The text of a hundredth of a number, which compares with a fraction as the number with its percentage.

    A correctly rounded quotient compares with the literal of a decimal as the true quotient does, so no comparison
    decides otherwise. Zero stays as it is written.

    Args:
        node: The literal.
        text: As it is written.

    Example:
        >>> [as_fraction(ast.parse(text, mode="eval").body, text) for text in ("90.0", "93.35", "100", "0", "1e1")]
        ['0.9', '0.9335', '1.0', '0', '0.1']
    """
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not value:
        return text
    try:
        exact = Decimal(value) if isinstance(value, int) else Decimal(text.replace("_", ""))
    except InvalidOperation:
        return None
    if not exact.is_finite():
        return None
    shown = format((exact / 100).normalize(), "f")
    return shown if "." in shown else f"{shown}.0"
