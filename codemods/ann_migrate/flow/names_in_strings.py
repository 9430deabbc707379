"""Uses of a name that only a string shows: in ``__all__``, ``globals()["loop"]``, ``eval("loop.train(loader)")``."""

from __future__ import annotations

import ast
import re

from ann_migrate.flow.objects import Escape
from ann_migrate.names.resolve import Names, Variable
from ann_migrate.text.tree import Tree


def check_not_looked_up(tree: Tree, name: str) -> None:
    """Refuse a variable that code looks up by a string.

    Raises:
        Escape: some code does.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    for called in ("eval", "exec", "compile"):
        for call in tree.calls.get(called, []):
            for node in call.args:
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value):
                    raise Escape("by name", node)
    for called in ("globals", "locals", "vars"):
        for call in tree.calls.get(called, []):
            parent = tree.parent(call)
            key = parent.slice if isinstance(parent, ast.Subscript) else None
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and word.search(key.value):
                raise Escape("by name", key)


def is_exported(names: Names, variable: Variable) -> bool:
    """Whether ``__all__`` names a module variable: in its own module, or in one that imports it."""
    return any(
        isinstance(part, ast.Constant) and part.value == each.name
        for each in (variable, *variable.imported_as)
        if (exported := each.scope.top.variables.get("__all__")) is not None
        for binding in exported.bindings
        for part in ast.walk(names.tree.statement(binding.node))
    )
