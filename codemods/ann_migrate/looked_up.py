"""Modules that code gets by a string: ``importlib.import_module("pkg.mod")``, ``sys.modules["pkg.mod"]``."""

from __future__ import annotations

import ast

from ann_migrate.resolve import Names
from ann_migrate.tree import dotted

_FUNCTIONS = frozenset({"import_module", "__import__", "reload", "importorskip"})
_DEEPEST = 8
"""How many names and attributes are followed."""


def module_looked_up(node: ast.expr, names: Names, depth: int = _DEEPEST) -> str | None:
    """The dotted path that an expression gets by a string, itself or by a variable that may hold such a module; None if
    it gets none.
    """
    if depth == 0:
        return None
    if isinstance(node, ast.Call) and node.args:
        parts = dotted(node.func)
        return _text(node.args[0]) if parts and parts[-1] in _FUNCTIONS else None
    if isinstance(node, ast.Subscript):
        parts = dotted(node.value)
        return _text(node.slice) if parts and parts[-2:] == ("sys", "modules") else None
    if isinstance(node, ast.NamedExpr):
        return module_looked_up(node.value, names, depth - 1)
    if isinstance(node, ast.Attribute):
        inner = module_looked_up(node.value, names, depth - 1)
        return f"{inner}.{node.attr}" if inner is not None else None
    if isinstance(node, ast.Name):
        for variable in names.meanings(node):
            for binding in variable.bindings:
                parent = names.tree.parent(binding.node)
                if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) and parent.value is not None:
                    found = module_looked_up(parent.value, names, depth - 1)
                    if found is not None:
                        return found
    return None


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
