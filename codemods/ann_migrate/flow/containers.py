"""Lists, tuples and dicts: which element an expression means, and what calls make of a container's elements.

Everything here is about builtin containers. That a value is one, nobody knows from ``loops.values()`` alone: whoever
asks follows it back to the displays that made it (``[...]``, ``{...}``, a comprehension).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ann_migrate.flow.objects import Element, Kind, Shape
from ann_migrate.names.resolve import Names

ANY_PLACE = Element(Kind.SEQUENCE)
ANY_KEY = Element(Kind.MAPPING)
_SAME = frozenset({"list", "tuple", "reversed", "iter"})
_HARMLESS_METHODS = frozenset({"keys", "clear"})


@dataclass(frozen=True)
class View:
    """A call whose result holds elements of a container: where they are there (``inner``) and here (``outer``)."""

    container: ast.expr
    inner: Shape
    outer: Shape


def views(call: ast.Call, names: Names) -> Iterator[View]:
    """The containers of which a call gives elements: ``loops.items()``, ``zip(names, loops)``, ``list(loops)``."""
    func, arguments = call.func, call.args
    if any(isinstance(item, ast.Starred) for item in arguments):
        return
    if isinstance(func, ast.Attribute):
        yield from _method_views(func, arguments if not call.keywords else None)
    elif (name := builtin(func, names)) is None:
        return
    elif name == "zip":
        for place, item in enumerate(arguments):
            yield View(item, (ANY_PLACE,), (ANY_PLACE, Element(Kind.SEQUENCE, place)))
    elif name == "enumerate" and arguments:
        yield View(arguments[0], (ANY_PLACE,), (ANY_PLACE, Element(Kind.SEQUENCE, 1)))
    elif name in _SAME and len(arguments) == 1 and not call.keywords:
        yield View(arguments[0], (ANY_PLACE,), (ANY_PLACE,))
    elif name == "next" and len(arguments) == 1:
        yield View(arguments[0], (ANY_PLACE,), ())
    elif name == "dict" and len(arguments) == 1 and not call.keywords:
        yield View(arguments[0], (ANY_KEY,), (ANY_KEY,))


def _method_views(func: ast.Attribute, arguments: list[ast.expr] | None) -> Iterator[View]:
    if arguments is None:
        return
    container = func.value
    if func.attr == "items" and not arguments:
        yield View(container, (ANY_KEY,), (ANY_PLACE, Element(Kind.SEQUENCE, 1)))
    elif func.attr == "values" and not arguments:
        yield View(container, (ANY_KEY,), (ANY_PLACE,))
    elif func.attr == "copy" and not arguments:
        yield View(container, (ANY_PLACE,), (ANY_PLACE,))
        yield View(container, (ANY_KEY,), (ANY_KEY,))
    elif func.attr == "pop" and not arguments:
        yield View(container, (ANY_PLACE,), ())
    elif func.attr in ("get", "pop") and len(arguments) == 1:
        key = constant_key(arguments[0])
        if func.attr == "get" or isinstance(key, str):
            yield View(container, (Element(Kind.MAPPING, key),), ())
        elif isinstance(key, int):
            yield View(container, (ANY_PLACE,), ())


@dataclass(frozen=True)
class Addition:
    """A call that puts something into a container: ``value`` has, at ``given``, what the container then has at
    ``kept``.
    """

    container: ast.expr
    value: ast.expr
    kept: Shape
    given: Shape


def additions(call: ast.Call) -> Iterator[Addition]:
    """What a call of a container's method adds to it: ``loops.append(loop)``, ``loops.update({"a": loop})``."""
    func, arguments = call.func, call.args
    if not isinstance(func, ast.Attribute) or call.keywords:
        return
    if any(isinstance(item, ast.Starred) for item in arguments):
        return
    if func.attr == "append" and len(arguments) == 1:
        yield Addition(func.value, arguments[0], (ANY_PLACE,), ())
    elif func.attr == "insert" and len(arguments) == 2:
        yield Addition(func.value, arguments[1], (ANY_PLACE,), ())
    elif func.attr == "extend" and len(arguments) == 1:
        yield Addition(func.value, arguments[0], (ANY_PLACE,), (ANY_PLACE,))
    elif func.attr == "update" and len(arguments) == 1:
        yield Addition(func.value, arguments[0], (ANY_KEY,), (ANY_KEY,))


def is_harmless_call(call: ast.Call, value: ast.expr, names: Names) -> bool:
    """Whether a call does nothing with the elements of the container ``value``: ``len(loops)``, ``loops.keys()``."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.value is value:
        return func.attr in _HARMLESS_METHODS and not call.args and not call.keywords
    return builtin(func, names) in ("len", "bool") and call.args == [value]


def display_elements(display: ast.expr, head: Element, names: Names) -> Iterator[tuple[ast.expr, bool]] | None:
    """The expressions that make the elements that ``head`` means, each with whether it is unpacked (``*others``); None
    where the expression is no display of that kind.
    """
    if head.kind is Kind.SEQUENCE:
        return _sequence_elements(display, head, names)
    return _mapping_elements(display, head, names)


def _sequence_elements(display: ast.expr, head: Element, names: Names) -> Iterator[tuple[ast.expr, bool]] | None:
    if isinstance(display, (ast.List, ast.Tuple)):
        unpacked = any(isinstance(item, ast.Starred) for item in display.elts)
        if unpacked and head.key is not None:
            return None
        wanted = [item for place, item in enumerate(display.elts) if head.key in (None, place)]
        return ((item.value, True) if isinstance(item, ast.Starred) else (item, False) for item in wanted)
    if isinstance(display, ast.ListComp):
        return iter([(display.elt, False)])
    if isinstance(display, ast.BinOp) and isinstance(display.op, ast.Mult) and isinstance(display.left, ast.List):
        return iter([(display.left, True)])
    empty = isinstance(display, ast.Call) and builtin(display.func, names) in ("list", "tuple") and not display.args
    return iter(()) if empty else None


def _mapping_elements(display: ast.expr, head: Element, names: Names) -> Iterator[tuple[ast.expr, bool]] | None:
    if isinstance(display, ast.Dict):
        pairs = zip(display.keys, display.values, strict=True)
        return (
            (value, key is None)
            for key, value in pairs
            if key is None or head.key is None or constant_key(key) in (None, head.key)
        )
    if isinstance(display, ast.DictComp):
        return iter([(display.value, False)])
    if isinstance(display, ast.Call) and builtin(display.func, names) == "dict" and not display.args:
        return (
            (keyword.value, keyword.arg is None)
            for keyword in display.keywords
            if keyword.arg is None or head.key in (None, keyword.arg)
        )
    return None


def constant_key(node: ast.expr) -> int | str | None:
    """The key that a subscript or a dict's key surely is: a string, or a number counted from the front."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, str):
        return node.value if isinstance(node.value, (int, str)) else None
    return None


def builtin(func: ast.expr, names: Names) -> str | None:
    """The name of the builtin that is called; None for anything else."""
    if not isinstance(func, ast.Name):
        return None
    return None if any(variable.bindings for variable in names.meanings(func)) else func.id
