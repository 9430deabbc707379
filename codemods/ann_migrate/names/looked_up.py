"""Modules that code gets by a string: ``importlib.import_module("pkg.mod")``, ``sys.modules["pkg.mod"]``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from ann_migrate.names.resolve import Names
from ann_migrate.text.tree import dotted

GETTERS = (b"import_module", b"__import__", b"importorskip", b"modules", b"run_", b"resolve_name", b"_file_location")
"""One of these stands in each file of which :func:`lookups` may find anything."""

_FUNCTIONS = frozenset({"import_module", "__import__", "reload", "importorskip"})
_BY_NAME = _FUNCTIONS - {"reload"} | {"run_module"}
_BY_FILE = frozenset({"run_path", "resolve_name", "spec_from_file_location"})
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


def lookups(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.expr, str | None]]:
    """The expressions that get a module by a string, each with the string; None for one that is put together or names a
    file: it may be any. ``sys.modules[__name__]`` comes with ``__name__``.

    Example:
        >>> [text for _, text in lookups(ast.walk(ast.parse("import_module('pkg.jobs'); import_module(name)")))]
        ['pkg.jobs', None]
    """
    for node in nodes:
        if isinstance(node, ast.Subscript) and _is_sys_modules(node.value):
            yield node, _module_name(node.slice)
        elif isinstance(node, ast.Call):
            func = node.func
            name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
            if name in _BY_FILE:
                yield node, None
            elif name in _BY_NAME or (isinstance(func, ast.Attribute) and _is_sys_modules(func.value)):
                yield node, _module_name(node.args[0]) if node.args else None


def may_mean(text: str | None, module: str, reader: str | None) -> bool:
    """Whether what :func:`lookups` found in ``reader`` may be a module, or a package by which it is reached.

    Example:
        >>> may_mean("pkg", "pkg.jobs", None), may_mean(".jobs", "pkg.jobs", None), may_mean("state", "pkg.jobs", None)
        (True, True, False)
    """
    if text == "__name__":
        return reader == module
    return text is None or text.rpartition(".")[2] in ("", *module.split("."))


def _is_sys_modules(node: ast.expr) -> bool:
    return dotted(node) in (("sys", "modules"), ("modules",))


def _module_name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) and node.id == "__name__" else _text(node)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
