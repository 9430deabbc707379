"""What a name in one file of a project means in the whole of it: its path from the module that defines it, whatever
modules hand it on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ann_migrate.legacy_api import PACKAGE
from ann_migrate.looked_up import module_looked_up
from ann_migrate.reexports import Reexports
from ann_migrate.resolve import Names
from ann_migrate.scopes import Binding
from ann_migrate.tree import Tree, dotted

_DEEPEST = 20
"""A chain of imports is followed so far; longer ones go in circles."""


class Meanings:
    """The names of a project's files, followed through imports.

    Args:
        modules: Path by dotted module name.
        reexports: Knows which file an import means.
        parse: Gives the syntax tree of a file; None if it has none.

    Example:
        >>> from ann_migrate.contents import Contents
        >>> files = {Path("app.py"): b"from jobs import Loop as L", Path("jobs.py"): b"class Loop: ..."}
        >>> modules, parse = {path.stem: path for path in files}, lambda path: ast.parse(files[path])
        >>> reexports = Reexports(modules, Contents(files, files.__getitem__), parse)
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

    def of(self, node: ast.expr, path: Path) -> set[str]:
        """The paths that a name or attribute chain in a file may stand for; none where no import brings it and the
        file's module does not define it.
        """
        names, parts = self.names(path), dotted(node)
        if names is None:
            return set()
        if (looked_up := module_looked_up(node, names)) is not None:
            return {self.of_path(looked_up, path)}
        while isinstance(node, ast.Attribute):
            node = node.value
        if parts is None or not isinstance(node, ast.Name):
            return set()
        return {
            found
            for variable in names.meanings(node)
            for binding in variable.bindings
            if (found := self._of_binding(binding, parts[1:], path, names, _DEEPEST)) is not None
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
        for binding in variable.bindings if variable is not None else ():
            if names is not None and binding.kind in ("import", "from") and depth:
                found = self._of_binding(binding, rest[1:], home, names, depth - 1)
                if found is not None:
                    return found
        return ".".join([self._modules[home], *rest])

    def _of_binding(self, binding: Binding, rest: Sequence[str], path: Path, names: Names, depth: int) -> str | None:
        """What ``rest`` leads to from what a file binds by an import or defines at its top level."""
        statement = names.tree.parent(binding.node)
        if binding.kind == "import" and binding.path is not None:
            return self._of_path([*binding.path.split("."), *rest], path, depth)
        if not (binding.kind == "from" and isinstance(statement, ast.ImportFrom)):
            defined = binding.kind in ("class", "def") and binding.scope is names.module and path in self._modules
            name = getattr(binding.node, "name", "")
            return ".".join([self._modules[path], name, *rest]) if defined else None
        assert isinstance(binding.node, ast.alias)
        name, module = binding.node.name, statement.module or ""
        below, _ = self._reexports.file(path, statement.level, f"{module}.{name}" if module else name)
        if below is not None:
            return self._inside(below, rest, depth)
        home, _ = self._reexports.file(path, statement.level, module)
        if home is not None:
            return self._inside(home, [name, *rest], depth)
        return None if statement.level else ".".join([module, name, *rest])
