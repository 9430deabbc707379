"""What hangs on a class that derives from a legacy one: where it is constructed, and where it is derived from again."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ann_migrate.names.resolve import Names
from ann_migrate.project.project import Project


@dataclass(frozen=True)
class ClassUses:
    """Where a class is used, each place as people find it (``app.py:3``).

    Attributes:
        constructed: The calls of it, and of the classes that derive from it.
        derived: The classes that derive from it, at whatever distance.
    """

    constructed: tuple[str, ...] = ()
    derived: tuple[str, ...] = ()


def find_uses(node: ast.ClassDef, names: Names, path: Path, project: Project) -> ClassUses:
    """The uses of a class in its own file and all others of the project, whatever modules hand it on.

    Args:
        node: The class.
        names: The names of its file.
        path: Its file.
        project: The files around it.
    """
    return _Search(node, names, path, project).result()


class _Search:
    """The search for the uses of one class."""

    def __init__(self, node: ast.ClassDef, names: Names, path: Path, project: Project) -> None:
        self.path = path
        self.names = names
        self.project = project
        self.meanings = project.meanings
        self.classes = {self.meanings.of_definition(node, path, names)}
        self.called = {node.name}
        """The names that the classes have anywhere."""
        self.derived: dict[str, tuple[Path, int]] = {}

    def result(self) -> ClassUses:
        while self._grows():
            pass
        calls = [
            (path, call.lineno)
            for path, names in self._files()
            for call in names.tree.all_of(ast.Call)
            if self._is_one(call.func, path, names)
        ]
        return ClassUses(self._shown(calls), self._shown(self.derived.values()))

    def _grows(self) -> bool:
        """Add the classes that derive from the known ones, and the names that these get by imports and assignments."""
        before = len(self.classes), len(self.called)
        for path, names in self._files():
            for node in names.tree.all_of(ast.ClassDef):
                if any(self._is_one(_unsubscripted(base), path, names) for base in node.bases):
                    found = self.meanings.of_definition(node, path, names)
                    if found not in self.classes:
                        self.classes.add(found)
                        self.called.add(node.name)
                        self.derived[found] = (path, node.lineno)
            for variable in names.module.variables.values():
                if variable.name not in self.called and self.meanings.of_variable(variable, path, names) & self.classes:
                    self.called.add(variable.name)
        return before != (len(self.classes), len(self.called))

    def _is_one(self, node: ast.expr, path: Path, names: Names) -> bool:
        return not self.classes.isdisjoint(self.meanings.of(node, path, names))

    def _files(self) -> Iterator[tuple[Path, Names]]:
        """The file of the class, then the others that hold a name of it."""
        yield self.path, self.names
        for path in sorted(self.project.holding_words(self.called)):
            names = self.meanings.names(path) if path != self.path else None
            if names is not None:
                yield path, names

    def _shown(self, places: Iterable[tuple[Path, int]]) -> tuple[str, ...]:
        ordered = sorted(set(places), key=lambda place: (place[0] != self.path, *place))
        return tuple(self.project.shown(*place) for place in ordered)


def _unsubscripted(base: ast.expr) -> ast.expr:
    """``Mine`` of ``Mine[int]``."""
    return base.value if isinstance(base, ast.Subscript) else base
