"""The imports by which files that are analysed together reach each other's variables.

``from factory import make`` makes another name of what ``factory`` binds; ``factory.make`` reads it from the module.
Where that is sure, both become reads of the one variable, and whoever follows it follows it through all files. What is
not sure (a name that is bound again, a star import, a module that is handed on) is noted with the variable as a stray:
then nobody relies on knowing all its uses.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ann_migrate.project import Project
from ann_migrate.reexports import Export
from ann_migrate.resolve import Names, marks_of
from ann_migrate.scopes import Binding, Scope, Variable
from ann_migrate.tree import Tree

FindFile = Callable[[Path, int, str], tuple[Path | None, bool]]
"""The file that an import in a file means, by the number of its dots and its dotted name, and whether that is sure."""


def names_of(tree: Tree, files: Sequence[Path], project: Project) -> Names:
    """The names of a file, or of several that are analysed together.

    Args:
        tree: The file's, or that of all.
        files: Their paths; one for each module of the tree.
        project: What is known of other files.
    """
    marks = marks_of(tree)
    seen: dict[str, Export] = {}
    for path, module, mark in zip(files, tree.modules, marks, strict=True):
        for name, export in project.reexports.seen_from(path, _imports(tree, module), mark).items():
            # Two files may mean two modules by one name.
            seen[name] = replace(export, sure=False) if seen.get(name, export) != export else export
    names = Names(tree, seen, [(path, project.module(path)) for path in files])
    if len(files) > 1:
        link_modules(names, project.imported_file)
    return names


def _imports(tree: Tree, module: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    every: list[ast.Import | ast.ImportFrom] = [*tree.all_of(ast.ImportFrom), *tree.all_of(ast.Import)]
    return every if len(tree.modules) == 1 else [node for node in every if tree.module_of(node) is module]


def link_modules(names: Names, find_file: FindFile) -> None:
    """Make one variable of what the modules import from each other.

    Args:
        names: The names of several modules; each has its path.
        find_file: Says which file an import means.
    """
    _Links(names, find_file).link()


@dataclass(frozen=True, slots=True)
class _Module:
    """What a name or attribute chain stands for: a module of the analysis, or the beginning of a dotted name."""

    dotted: str
    level: int
    scope: Scope | None
    sure: bool


class _Links:
    def __init__(self, names: Names, find_file: FindFile) -> None:
        self._names = names
        self._tree: Tree = names.tree
        self._find_file = find_file
        self._by_path = {scope.path: scope for scope in names.modules if scope.path is not None}
        self._wanted: dict[Variable, tuple[Scope, str]] = {}

    def link(self) -> None:
        for variable in list(self._names.variables()):
            for binding in variable.bindings:
                if binding.kind == "from" and isinstance(binding.node, ast.alias):
                    self._imported(variable, binding, binding.node)
        for module in self._names.modules:
            for star in module.star_imports:
                self._starred(module, star)
        for variable in list(self._wanted):
            self._unify(variable)
        for variable in list(self._names.variables()):
            self._modules_read(variable)

    # -- from module import name --------------------------------------------------------------------------------------

    def _imported(self, variable: Variable, binding: Binding, alias: ast.alias) -> None:
        statement = self._tree.parent(alias)
        assert isinstance(statement, ast.ImportFrom)
        home, sure = self._home(binding.scope.top, statement.level, statement.module or "")
        if home is None or home is binding.scope.top or alias.name not in home.variables:
            return
        alone = len(variable.bindings) == 1 and variable.scope.kind in ("module", "function")
        starred = variable.scope.kind == "module" and bool(variable.scope.star_imports)
        if sure and alone and not starred:
            self._wanted[variable] = home, alias.name
        else:
            home.variables[alias.name].strays.append(alias)

    def _starred(self, module: Scope, star: ast.ImportFrom) -> None:
        home, _ = self._home(module, star.level, star.module or "")
        for variable in home.variables.values() if home is not None else ():
            variable.strays.append(star)

    def _unify(self, variable: Variable) -> None:
        origin = self._origin(variable)
        if origin is None:
            home, name = self._wanted[variable]
            home.variables[name].strays += [binding.node for binding in variable.bindings]
            return
        self._names.unify(variable, origin)

    def _origin(self, variable: Variable) -> Variable | None:
        """The variable at the end of a chain of imports; None where it goes in circles or ends nowhere."""
        seen = {variable}
        while variable in self._wanted:
            home, name = self._wanted[variable]
            variable = home.variables[name]
            if variable in seen:
                return None
            seen.add(variable)
        imported = {"import", "from", "star"}  # of what is not analysed here: names of libraries, and legacy ones
        own = all(item.kind not in imported and item.scope.top is variable.scope for item in variable.bindings)
        return variable if variable.bindings and own else None

    # -- module.name --------------------------------------------------------------------------------------------------

    def _modules_read(self, variable: Variable) -> None:
        """The attributes of modules that are read by way of a name."""
        meant = [self._module_bound(binding) for binding in variable.bindings]
        modules = [module for module in meant if module is not None]
        if not modules:
            return
        sure = len({(module.dotted, module.level) for module in modules}) == 1 and len(modules) == len(meant)
        for read in list(variable.reads):
            self._along(read, variable.scope.top, modules, sure=sure and len(self._names.meanings(read)) == 1)

    def _along(self, read: ast.Name | ast.Attribute, reader: Scope, modules: list[_Module], *, sure: bool) -> None:
        at: ast.expr = read
        while modules:
            parent = self._tree.parent(at)
            attribute = parent if isinstance(parent, ast.Attribute) else None
            for module in modules:
                for variable in self._read_of(module, attribute):
                    plain = sure and module.sure and attribute is not None and isinstance(attribute.ctx, ast.Load)
                    if plain and attribute is not None:
                        self._names.read_from_module(attribute, variable, self._names.scope_at(read))
                    else:
                        variable.strays.append(attribute or at)
            if attribute is None:
                return
            modules = [inner for module in modules if (inner := self._inside(reader, module, attribute.attr))]
            at = attribute

    def _read_of(self, module: _Module, attribute: ast.Attribute | None) -> Iterator[Variable]:
        """The variables that an attribute of a module means; without an attribute the module is handed on as a value,
        and all of them can be reached.
        """
        if module.scope is None:
            return
        if attribute is None:
            yield from module.scope.variables.values()
        elif attribute.attr in module.scope.variables:
            yield module.scope.variables[attribute.attr]

    def _inside(self, reader: Scope, module: _Module, name: str) -> _Module | None:
        return self._module(reader, module.level, f"{module.dotted}.{name}" if module.dotted else name)

    def _module_bound(self, binding: Binding) -> _Module | None:
        """The module that an import binds."""
        if not isinstance(binding.node, ast.alias):
            return None
        statement, alias = self._tree.parent(binding.node), binding.node
        if isinstance(statement, ast.ImportFrom):
            home, _ = self._home(binding.scope.top, statement.level, statement.module or "")
            if home is not None and alias.name in home.variables:
                return None  # a variable of the package goes before a module of that name
            dotted = f"{statement.module}.{alias.name}" if statement.module else alias.name
            return self._module(binding.scope.top, statement.level, dotted)
        return self._module(binding.scope.top, 0, alias.name if alias.asname else alias.name.partition(".")[0])

    def _module(self, reader: Scope, level: int, dotted: str) -> _Module | None:
        home, sure = self._home(reader, level, dotted)
        return _Module(dotted, level, home, sure) if home is not None or self._leads_on(dotted) else None

    def _leads_on(self, dotted: str) -> bool:
        """Whether a dotted name may be the beginning of a module's: that of a package that is not analysed too."""
        last = dotted.rpartition(".")[2]
        return any(last in (scope.module_name or "").split(".")[:-1] for scope in self._names.modules)

    def _home(self, reader: Scope, level: int, module: str) -> tuple[Scope | None, bool]:
        if reader.path is None:
            return None, False
        found, sure = self._find_file(reader.path, level, module)
        return (self._by_path.get(found), sure) if found is not None else (None, False)
