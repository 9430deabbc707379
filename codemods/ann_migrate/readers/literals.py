"""Small facts about expressions in readers."""

from __future__ import annotations

import ast


def is_number(node: ast.expr, value: float) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, bool) and node.value == value


def is_zero(node: ast.expr) -> bool:
    """``0``, ``0.0``, and ``None``, which is no number at all."""
    return isinstance(node, ast.Constant) and not isinstance(node.value, str) and not node.value


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def are_constants(items: list[ast.expr]) -> bool:
    return all(isinstance(item, ast.Constant) for item in items)


def is_nothing(node: ast.expr) -> bool:
    """``None``, ``[]``, ``{}``."""
    if isinstance(node, ast.Constant):
        return node.value is None
    return (isinstance(node, (ast.List, ast.Tuple)) and not node.elts) or (isinstance(node, ast.Dict) and not node.keys)


def is_infinite(node: ast.expr, path: str) -> bool:
    """``float("-inf")``, ``math.inf``: the same in percent and as a fraction."""
    if path in ("math.inf", "numpy.inf", "torch.inf", "math.nan", "numpy.nan"):
        return True
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    return call and isinstance(node, ast.Call) and len(node.args) == 1 and is_text(node.args[0])


def is_atom(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
