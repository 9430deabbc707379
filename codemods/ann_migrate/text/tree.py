"""A syntax tree with parent links: which statement and block a node stands in, and what runs between two places."""

from __future__ import annotations

import ast
from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar, cast

LOOPS = (ast.For, ast.AsyncFor)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
_BLOCKS = ("body", "orelse", "finalbody")

Node = TypeVar("Node", bound=ast.AST)


class Tree:
    """A module's tree with a parent for each node (built without recursion: depth is no matter here).

    Args:
        module: The tree.
        separators: The lines between parts: cells of a notebook, code blocks of a page, files of a project.
        ordered: Whether the parts surely run one after the other; else nothing is concluded from their order.
        files: Whether the parts are files: then each is a module of its own.
    """

    def __init__(
        self, module: ast.Module, separators: Sequence[int] = (), *, ordered: bool = False, files: bool = False
    ) -> None:
        self.module = module
        self.modules = _split(module, separators) if files else [module]
        """One module, or where the parts are files those of each; they share the statements of the whole."""
        self.separators = separators
        self.ordered = ordered
        self.shown: set[ast.AST] = set()
        """Expression statements whose value somebody sees: the last one of a cell, an interactive example."""
        self.parents: dict[ast.AST, ast.AST] = {}
        self._by_type: dict[type[ast.AST], list[ast.AST]] = {}
        self._sorted: set[type[ast.AST]] = set()
        pending: list[ast.AST] = list(reversed(self.modules))
        while pending:
            node = pending.pop()
            self._by_type.setdefault(type(node), []).append(node)
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    children = value
                elif isinstance(value, ast.AST):
                    children = [value]
                else:
                    continue
                for child in children:
                    # Operators and contexts are shared singletons: they have no one parent and nobody asks for it.
                    if isinstance(child, ast.AST) and not isinstance(child, _SHARED):
                        self.parents[child] = node
                        pending.append(child)

    def all_of(self, kind: type[Node]) -> list[Node]:
        """Every node of one type, in the order of the file where the nodes have places."""
        found = cast(list[Node], self._by_type.get(kind, []))
        if kind not in self._sorted:
            self._sorted.add(kind)
            if found and hasattr(found[0], "lineno"):
                found.sort(key=_place)
        return found

    # What is asked again and again, for each object of a file, is collected once.

    @cached_property
    def strings(self) -> dict[str, list[ast.Constant]]:
        """The string constants, by what they say."""
        found: dict[str, list[ast.Constant]] = {}
        for node in self.all_of(ast.Constant):
            if isinstance(node.value, str):
                found.setdefault(node.value, []).append(node)
        return found

    @cached_property
    def last_words(self) -> frozenset[str]:
        """What strings say behind their last dot: ``forward`` of ``"model.forward"``."""
        return frozenset(text.rpartition(".")[2] for text in self.strings)

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """The calls of plain names, by name."""
        found: dict[str, list[ast.Call]] = {}
        for node in self.all_of(ast.Call):
            if isinstance(node.func, ast.Name):
                found.setdefault(node.func.id, []).append(node)
        return found

    @cached_property
    def assigned_chains(self) -> dict[tuple[str, ...], list[ast.Assign]]:
        """The assignments of names and attribute chains (``x = a.b``), by what is assigned."""
        found: dict[tuple[str, ...], list[ast.Assign]] = {}
        for node in self.all_of(ast.Assign):
            parts = dotted(node.value)
            if parts is not None:
                found.setdefault(parts, []).append(node)
        return found

    def part(self, node: ast.AST) -> int:
        """The number of the part that a node stands in, from 0; always 0 in a file that is one text."""
        return bisect(self.separators, self.statement(node).lineno) if self.separators else 0

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around ``node``, innermost first, itself not included."""
        at = self.parents.get(node)
        while at is not None:
            yield at
            at = self.parents.get(at)

    def module_of(self, node: ast.AST) -> ast.Module:
        """The module that a node stands in."""
        *_, top = (node, *self.ancestors(node))
        assert isinstance(top, ast.Module)
        return top

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that is or holds ``node``."""
        if isinstance(node, ast.stmt):
            return node
        return next(at for at in self.ancestors(node) if isinstance(at, ast.stmt))

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The list of statements that ``statement`` is one of."""
        parent = self.parents[statement]
        for name in _BLOCKS:
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(item is statement for item in block):
                return block
        raise AssertionError(f"{type(parent).__name__} holds no block with this statement")

    def function(self, node: ast.AST) -> ast.AST | None:
        """The function, lambda or comprehension whose body runs ``node``'s code, or None for module and class level."""
        child: ast.AST = node
        for at in self.ancestors(node):
            if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(item is child for item in at.body):
                return at
            if isinstance(at, ast.Lambda) and at.body is child:
                return at
            child = at
        return None

    def inside_loop(self, node: ast.AST) -> bool:
        """Whether ``node`` may run more than once in one run of its function (or module): in a loop or a
        comprehension.
        """
        child: ast.AST = node
        for at in self.ancestors(node):
            if isinstance(at, FUNCTIONS):
                return False
            if isinstance(at, COMPREHENSIONS):
                return True
            if isinstance(at, ast.While):
                return True
            if isinstance(at, LOOPS) and (at.target is child or any(item is child for item in at.body)):
                return True
            child = at
        return False

    def path_after(self, first: ast.stmt, later: ast.AST) -> list[ast.stmt] | None:
        """The statements that can run after ``first`` up to and with ``later``, where ``first`` surely ran before it.

        ``first`` must stand in the block of ``later`` or in a block around it, in the same function and, of parts that
        may run in any order, the same one; otherwise None: then nothing is known about what runs between.
        """
        if not self.ordered and self.part(first) != self.part(later):
            return None
        block = self.block(first)
        start = next(index for index, item in enumerate(block) if item is first)
        chain = {id(later), *(id(at) for at in self.ancestors(later))}
        for end in range(start, len(block)):
            if id(block[end]) in chain:
                if self.function(later) is not self.function(first) or self._class_of(later) is not self._class_of(
                    first
                ):
                    return None
                return block[start + 1 : end + 1]
        return None

    def _class_of(self, node: ast.AST) -> ast.AST | None:
        for at in self.ancestors(node):
            if isinstance(at, (ast.ClassDef, *FUNCTIONS)):
                return at
        return None


def _split(module: ast.Module, separators: Sequence[int]) -> list[ast.Module]:
    """A module for each part, with the statements of that part (and the separator before it)."""
    modules = [ast.Module(body=[], type_ignores=[]) for _ in range(len(separators) + 1)]
    for statement in module.body:
        modules[bisect(separators, statement.lineno)].body.append(statement)
    return modules


def _place(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def dotted(node: ast.AST) -> tuple[str, ...] | None:
    """The parts of a name or an attribute chain of a name (``a.b.c``); None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
        return tuple(reversed(parts))
    return None


def root_name(node: ast.expr) -> ast.Name | None:
    """The name that an attribute chain starts from."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def depth(node: ast.AST) -> int:
    """How deeply an expression is nested, counted without recursion."""
    deepest = 0
    pending: list[tuple[ast.AST, int]] = [(node, 1)]
    while pending:
        at, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((child, level + 1) for child in ast.iter_child_nodes(at))
    return deepest
