"""Uses of a name that only a string shows: in ``__all__``, ``globals()["loop"]``, ``eval("loop.train(loader)")``."""

from __future__ import annotations

import ast
import re

from ann_migrate.objects import Escape
from ann_migrate.resolve import Names
from ann_migrate.tree import Tree


def check_not_looked_up(tree: Tree, name: str) -> None:
    """Refuse a variable that code looks up by a string.

    Raises:
        Escape: some code does.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    for node in tree.all_of(ast.Constant):
        if not (isinstance(node.value, str) and name in node.value and word.search(node.value)):
            continue
        parent = tree.parent(node)
        looked_up = isinstance(parent, ast.Subscript) and _is_call_of(parent.value, {"globals", "locals", "vars"})
        if looked_up or (isinstance(parent, ast.Call) and _is_call_of(parent, {"eval", "exec", "compile"})):
            raise Escape("by name", node)


def is_exported(names: Names, name: str) -> bool:
    """Whether ``__all__`` names a module variable."""
    variable = names.module.variables.get("__all__")
    if variable is None:
        return False
    return any(
        isinstance(part, ast.Constant) and part.value == name
        for binding in variable.bindings
        for part in ast.walk(names.tree.statement(binding.node))
    )


def _is_call_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
