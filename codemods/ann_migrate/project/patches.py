"""Attributes of modules that some file of the project replaces while the program runs:
``mock.patch("app.TrainingLoop")``, ``monkeypatch.setattr(training, "TrainingLoop", Fake)``,
``training.TrainingLoop = Fake``.

Which attribute is meant is found as Python finds it: ``"app.training.TrainingLoop"`` is the attribute of the module
``adaptiveneuralnetwork.training`` where ``app`` imports that module under this name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ann_migrate.names.resolve import Names
from ann_migrate.project.contents import Contents
from ann_migrate.project.meanings import Meanings
from ann_migrate.text.tree import dotted

Place = tuple[Path, int]
"""A file and a line in it."""

_WORDS = (b"patch", b"setattr", b"delattr", b"spy")
_PATCHING = re.compile(rb"\b(?:patch|setattr|delattr|spy)\b")
_ON_OBJECT = frozenset({"setattr", "delattr", "spy", "patch.object"})
"""Functions that take an object and the name of its attribute."""
_BY_PATH = frozenset({"setattr", "delattr", "patch"})
"""Functions that take the dotted path of an attribute (the first two as methods of ``monkeypatch``)."""
_MULTIPLE = "patch.multiple"
"""Takes an object, or the path of a module, and what replaces its attributes, by keyword."""
_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_DEEPEST = 8
"""How many parts of a text are put together."""


class Patches:
    """What the files of a project replace.

    Args:
        contents: The bytes of the files.
        meanings: What the names in them mean.
    """

    def __init__(self, contents: Contents, meanings: Meanings) -> None:
        self._contents = contents
        self._meanings = meanings
        self._by_name: dict[str, dict[str, Place]] = {}
        self._in_file: dict[Path, list[tuple[str, int]]] = {}

    def place(self, attribute: str) -> Place | None:
        """The first place that replaces an attribute of a module, given with the module's dotted name."""
        name = attribute.rpartition(".")[2]
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = {}
            for path in self._patching(name.encode()):
                for written, line in self._replaced_in(path):
                    if written.endswith(f".{name}"):
                        found.setdefault(written, (path, line))
        return found.get(attribute)

    def _patching(self, name: bytes) -> Iterator[Path]:
        """The files that may replace an attribute of this name."""
        assigned = re.compile(rb"\." + name + rb"(?![\w\x80-\xff])[^\n(]*=(?!=)")
        for path in self._contents.holding(name):
            data = self._contents.of(path)
            by_call = any(word in data for word in _WORDS) and _PATCHING.search(data) is not None
            if by_call or assigned.search(data) is not None:
                yield path

    def _replaced_in(self, path: Path) -> list[tuple[str, int]]:
        """The attributes that a file replaces, with the lines that do."""
        if path not in self._in_file:
            names = self._meanings.names(path)
            found = _Patching(path, names, self._meanings).found() if names is not None else ()
            self._in_file[path] = sorted(found, key=lambda item: item[1])
        return self._in_file[path]


class _Patching:
    """The patches of one file."""

    def __init__(self, path: Path, names: Names, meanings: Meanings) -> None:
        self.path = path
        self.names = names
        self.meanings = meanings
        self.strings = names.tree.strings

    def found(self) -> Iterator[tuple[str, int]]:
        for node in self.names.tree.all_of(ast.Attribute):
            if not isinstance(node.ctx, ast.Load):
                for module in self.meanings.of(node.value, self.path):
                    yield f"{module}.{node.attr}", node.lineno
        for call in self.names.tree.all_of(ast.Call):
            yield from self._by_call(call)

    def _by_call(self, call: ast.Call) -> Iterator[tuple[str, int]]:
        function = self._function(call)
        target = _argument(call, 0, "target", "obj")
        attribute = _argument(call, 1, "attribute", "name")
        if target is None:
            return
        modules = self.meanings.of(target, self.path)
        if modules and function in _ON_OBJECT and attribute is not None:
            for module in modules:
                yield from ((f"{module}.{name}", line) for name, line in self._texts(attribute, str.isidentifier))
        elif function == _MULTIPLE:
            texts = (self.meanings.of_path(text, self.path) for text, _ in self._texts(target, _is_path))
            for module in modules or set(texts):
                yield from ((f"{module}.{each.arg}", each.lineno) for each in call.keywords if each.arg)
        elif function in _BY_PATH and not modules and len(call.args) < 3:
            for text, line in self._texts(target, _is_path):
                module, _, name = text.rpartition(".")
                yield f"{self.meanings.of_path(module, self.path)}.{name}", line

    def _function(self, call: ast.Call) -> str:
        """The name of a function that replaces attributes, as the sets above have it; else the function's last name."""
        parts = dotted(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "",)
        path = (self.names.path(call.func) or "").split(".")
        for known in (path, parts):
            if list(known[-2:-1]) == ["patch"]:
                return ".".join(known[-2:])
        return path[-1] or parts[-1]

    def _texts(self, node: ast.expr, accepted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
        """The texts that an argument may be, with their lines. Where it cannot be told (a parameter, an element of a
        list), each string of the file may be it.
        """
        text = self._text(node, _DEEPEST)
        if text is not None:
            yield from [(text, node.lineno)] if accepted(text) else []
        elif isinstance(node, ast.Name):
            for each, nodes in self.strings.items():
                if accepted(each):
                    yield each, nodes[0].lineno

    def _text(self, node: ast.expr, depth: int) -> str | None:
        """The text of a string expression: a literal, a name that one is assigned to, a sum or f-string of them."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node.left, node.right]
            texts = [self._text(part, depth - 1) if depth else None for part in parts]
            known = [text for text in texts if text is not None]
            return "".join(known) if len(known) == len(texts) else ""
        if isinstance(node, ast.FormattedValue):
            return self._text(node.value, depth)
        if isinstance(node, ast.Name) and depth:
            bindings = [binding for variable in self.names.meanings(node) for binding in variable.bindings]
            parent = self.names.tree.parent(bindings[0].node) if len(bindings) == 1 else None
            if isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr) and parent.value is not None:
                return self._text(parent.value, depth - 1)
        return None


def _argument(call: ast.Call, index: int, *keywords: str) -> ast.expr | None:
    if len(call.args) > index:
        return call.args[index]
    return next((keyword.value for keyword in call.keywords if keyword.arg in keywords), None)


def _is_path(text: str) -> bool:
    return _PATH.fullmatch(text) is not None
