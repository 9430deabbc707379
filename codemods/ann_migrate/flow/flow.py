"""What becomes of constructed objects: where they are held, and every use of them.

A :class:`~ann_migrate.flow.trace.Trace` finds it. What it does not understand raises :class:`Escape` with the node
that did it; the rules of the ``ANN3xx`` range turn that into a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from ann_migrate.flow.attributes import Attributes
from ann_migrate.flow.functions import Functions
from ann_migrate.flow.names_in_strings import is_exported
from ann_migrate.flow.objects import Escape, LoopObject, SelfAttribute, Use
from ann_migrate.flow.trace import Trace
from ann_migrate.names.resolve import Binding, Names
from ann_migrate.project.project import Project
from ann_migrate.text.tree import Tree

__all__ = ["Escape", "Flow", "LoopObject", "SelfAttribute", "Use", "is_exported"]


class Flow:
    """Follows objects through one file."""

    def __init__(self, names: Names, project: Project, *, unsafe: bool = False) -> None:
        self.names = names
        self.tree: Tree = names.tree
        self.project = project
        self.in_class = Attributes(names, project, unsafe=unsafe)
        self.functions = Functions(names, project, self.in_class)
        self._followed: dict[ast.Call, LoopObject | Escape] = {}
        self._concerned: set[Path] = set()

    def attributes(self, name: str) -> list[ast.Attribute]:
        """All places of the file that mention an attribute of this name."""
        return self.in_class.named(name)

    def attribute_names(self) -> Iterable[str]:
        """The names of all attributes that the file mentions."""
        return self.in_class.all_names()

    def method_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class whose instance ``self`` is in ``self.attribute``."""
        return self.in_class.method_owner(node)

    def follow(self, constructor: ast.Call) -> LoopObject:
        """All uses of the object that ``constructor`` makes, and of the objects that go the same ways.

        Raises:
            Escape: some use cannot be followed.
        """
        if constructor not in self._followed:
            self._trace(constructor)
        known = self._followed[constructor]
        if isinstance(known, Escape):
            raise known
        return known

    @property
    def concerned(self) -> frozenset[Path]:
        """The other files that have to do with objects and results which escape: analysed together with them, some may
        not.
        """
        escapes = [known for known in self._followed.values() if isinstance(known, Escape)]
        named = [self._named_in(_place(each.node, self.tree)) for each in escapes if each.node in self.tree.parents]
        return frozenset(self._concerned).union(*(escape.files for escape in escapes), *named)

    def concern(self, *, files: Iterable[Path] = (), node: ast.AST | None = None) -> None:
        """Note that a result escapes to other files, or to those from which the names in a node come."""
        self._concerned.update(files, self._named_in(node) if node is not None else ())

    def _named_in(self, part: ast.AST) -> set[Path]:
        """The files from which the names in a part of the text come."""
        module = self.names.module_at(part)
        return {
            file
            for node in ast.walk(part)
            if isinstance(node, ast.Name)
            for variable in self.names.meanings(node)
            for binding in variable.bindings
            for file in self._files_of(module.path, binding)
        }

    def _files_of(self, path: Path | None, binding: Binding) -> Iterator[Path]:
        """The files of the project that an import binding may take its name from."""
        statement = self.tree.parent(binding.node)
        if path is None or not isinstance(binding.node, ast.alias):
            return
        level, names = 0, [binding.node.name]
        if isinstance(statement, ast.ImportFrom):
            level, home = statement.level, statement.module or ""
            names = [home, f"{home}.{binding.node.name}" if home else binding.node.name]
        for name in names:
            file, _ = self.project.imported_file(path, level, name)
            if file is not None and file != path:
                yield file

    def settle(self, calls: Iterable[ast.AST]) -> None:
        """Follow what all these calls make. An object that meets one which escapes, from whichever of the two ends
        that shows, escapes with it.
        """
        made = [call for call in calls if isinstance(call, ast.Call)]
        size = -1
        while size != sum(isinstance(known, Escape) for known in self._followed.values()):
            size = sum(isinstance(known, Escape) for known in self._followed.values())
            for call in made:
                if call not in self._followed:
                    self._trace(call)
                known = self._followed[call]
                found = known if isinstance(known, LoopObject) else known.found
                ends = [self._followed.get(other) for other in found.constructors] if found is not None else []
                escape = next((end for end in ends if isinstance(end, Escape)), None)
                if found is not None and escape is not None:
                    self._followed.update(
                        {
                            other: escape
                            for other, end in zip(found.constructors, ends, strict=True)
                            if not isinstance(end, Escape)
                        }
                    )

    def _trace(self, constructor: ast.Call) -> None:
        trace = Trace(self, constructor)
        try:
            trace.run()
            self._followed.update(dict.fromkeys(trace.found.constructors, trace.found))
        except Escape as escape:
            escape.found = trace.found
            self._followed[constructor] = escape


def _place(node: ast.AST, tree: Tree) -> ast.AST:
    """The part of a file that an escape is about: a simple statement, else the expression in the header of a block."""
    at = node
    for around in tree.ancestors(node):
        if isinstance(
            around, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.With)
        ):
            break
        at = around
    return at
