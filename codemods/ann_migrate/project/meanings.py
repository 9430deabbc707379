"""What a name in one file of a project means in the whole of it: its path from the module that defines it, whatever
modules hand it on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ann_migrate.legacy_api import PACKAGE
from ann_migrate.names.looked_up import module_looked_up
from ann_migrate.names.resolve import Names
from ann_migrate.names.scopes import Binding, Variable
from ann_migrate.project.reexports import Reexports
from ann_migrate.text.tree import Tree, dotted

_DEEPEST = 20
"""A chain of imports is followed so far; longer ones go in circles."""


class Meanings:
    """The names of a project's files, followed through imports.

    Args:
        modules: Path by dotted module name.
        reexports: Knows which file an import means.
        parse: Gives the syntax tree of a file; None if it has none.

    Example:
        >>> from ann_migrate.project.contents import Contents
        >>> from ann_migrate.project.import_paths import ImportPaths
        >>> files = {Path("app.py"): b"from jobs import Loop as L", Path("jobs.py"): b"class Loop: ..."}
        >>> modules, parse = {path.stem: path for path in files}, lambda path: ast.parse(files[path])
        >>> reexports = Reexports(modules, ImportPaths(modules), Contents(files, files.__getitem__), parse)
        >>> Meanings(modules, reexports, parse).of_path("app.L", Path("main.py"))
        'jobs.Loop'
    """

    def __init__(
        self, modules: Mapping[str, Path], reexports: Reexports, parse: Callable[[Path], ast.Module | None]
    ) -> None:
        self._modules = {path: name for name, path in modules.items()}
        self._reexports = reexports
        self._parse = parse
        self._names: dict[Path, Names | None] = {}

    def names(self, path: Path) -> Names | None:
        """The names of a file, resolved within it; None if it cannot be parsed."""
        if path not in self._names:
            module = self._parse(path)
            try:
                self._names[path] = Names(Tree(module)) if module is not None else None
            except RecursionError:  # that file's trouble, and not of the one that asks
                self._names[path] = None
        return self._names[path]

    def of(self, node: ast.expr, path: Path, names: Names | None = None) -> set[str]:
        """The paths that a name or attribute chain in a file may stand for; none where neither an import brings it nor
        the file defines it.

        Args:
            node: The name or chain.
            path: The file.
            names: Its names, where ``node`` is not of the tree that the project has of it.
        """
        names = names or self.names(path)
        return self._of(node, path, names, _DEEPEST) if names is not None else set()

    def of_variable(self, variable: Variable, path: Path, names: Names) -> set[str]:
        """The paths that a variable of a file may stand for, as :meth:`of` has them."""
        bindings = variable.bindings
        return {found for each in bindings for found in self._of_binding(each, (), path, names, _DEEPEST)}

    def of_definition(self, node: ast.ClassDef, path: Path, names: Names | None = None) -> str:
        """The path that :meth:`of` gives for a class which a file defines."""
        names = names or self.names(path)
        scope = names.scope_at(node) if names is not None else None
        inner = f"<line {node.lineno}>." if names is not None and scope is not names.module else ""
        return f"{self._modules.get(path, path)}.{inner}{node.name}"

    def _of(self, node: ast.expr, path: Path, names: Names, depth: int) -> set[str]:
        if (looked_up := module_looked_up(node, names)) is not None:
            return {self.of_path(looked_up, path)}
        parts = dotted(node)
        while isinstance(node, ast.Attribute):
            node = node.value
        if parts is None or not isinstance(node, ast.Name):
            return set()
        return {
            found
            for variable in names.meanings(node)
            for binding in variable.bindings
            for found in self._of_binding(binding, parts[1:], path, names, depth)
        }

    def of_path(self, written: str, path: Path) -> str:
        """The path that a dotted path leads to when it is imported in a file."""
        return self._of_path(written.split("."), path, _DEEPEST)

    def _of_path(self, parts: Sequence[str], path: Path, depth: int) -> str:
        if parts[0] != PACKAGE.decode() and depth:
            for end in range(len(parts), 0, -1):
                home, _ = self._reexports.file(path, 0, ".".join(parts[:end]))
                if home is not None:
                    return self._inside(home, parts[end:], depth)
        return ".".join(parts)

    def _inside(self, home: Path, rest: Sequence[str], depth: int) -> str:
        """What ``rest`` leads to in a module."""
        names = self.names(home) if rest else None
        variable = names.module.variables.get(rest[0]) if names is not None else None
        for binding in variable.bindings if variable is not None and depth else ():
            if names is not None and binding.kind in ("import", "from", "name"):
                for found in sorted(self._of_binding(binding, rest[1:], home, names, depth - 1)):
                    return found
        return ".".join([self._modules[home], *rest])

    def _of_binding(self, binding: Binding, rest: Sequence[str], path: Path, names: Names, depth: int) -> set[str]:
        """What ``rest`` leads to from what a binding binds: an import, a class or function, another name for such."""
        node, statement = binding.node, names.tree.parent(binding.node)
        if binding.kind == "import" and binding.path is not None:
            return {self._of_path([*binding.path.split("."), *rest], path, depth)}
        if binding.kind == "from" and isinstance(statement, ast.ImportFrom) and isinstance(node, ast.alias):
            found = self._of_import(statement, node.name, rest, path, depth)
            return {found} if found is not None else set()
        if isinstance(node, ast.ClassDef):
            return {".".join([self.of_definition(node, path, names), *rest])}
        if binding.kind == "name" and isinstance(statement, ast.Assign) and depth and dotted(statement.value):
            meant = self._of(statement.value, path, names, depth - 1) if node in statement.targets else set()
            return {".".join([each, *rest]) for each in meant}
        return set()

    def _of_import(
        self, statement: ast.ImportFrom, name: str, rest: Sequence[str], path: Path, depth: int
    ) -> str | None:
        module = statement.module or ""
        below, _ = self._reexports.file(path, statement.level, f"{module}.{name}" if module else name)
        if below is not None:
            return self._inside(below, rest, depth)
        home, _ = self._reexports.file(path, statement.level, module)
        if home is not None:
            return self._inside(home, [name, *rest], depth)
        return None if statement.level else ".".join([module, name, *rest])
