"""The imports by which files that are analysed together reach each other's variables.

``from factory import make`` makes another name of what ``factory`` binds; ``factory.make`` reads it from the module.
Where that is sure, both become reads of the one variable, and whoever follows it follows it through all files. What is
not sure (a name that is bound again, a star import, a module that is handed on) is noted with the variable as a stray:
then nobody relies on knowing all its uses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ann_migrate.names.looked_up import lookups, may_mean
from ann_migrate.names.resolve import Export, Names, marks_of
from ann_migrate.names.scopes import Binding, Scope, Variable
from ann_migrate.project.import_paths import place_of
from ann_migrate.project.project import Project
from ann_migrate.text.tree import Tree


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
        link_modules(names, project)
    _note_lookups(names)
    return names


def _imports(tree: Tree, module: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    every: list[ast.Import | ast.ImportFrom] = [*tree.all_of(ast.ImportFrom), *tree.all_of(ast.Import)]
    return every if len(tree.modules) == 1 else [node for node in every if tree.module_of(node) is module]


def _note_lookups(names: Names) -> None:
    """Note where a module's variable may be reached by way of a string: ``sys.modules["jobs"].make``."""
    got = [(node, text) for kind in (ast.Call, ast.Subscript) for node, text in lookups(names.tree.all_of(kind))]
    for node, text in got:
        reader = names.module_at(node)
        attributes = [each for each in names.tree.all_of(ast.Attribute) if names.read_by(each) is None]
        mentioned = {each.attr for each in attributes if names.module_at(each) is reader}
        mentioned |= {word for word, nodes in names.tree.strings.items() if reader in map(names.module_at, nodes)}
        for module in names.modules:
            if module.module_name is not None and may_mean(text, module.module_name, reader.module_name):
                for name in module.variables.keys() & mentioned:
                    module.variables[name].strays.append(node)


def link_modules(names: Names, project: Project) -> None:
    """Make one variable of what the modules import from each other.

    Args:
        names: The names of several modules; each has its path.
        project: Says which file an import means.
    """
    _Links(names, project).link()


@dataclass(frozen=True, slots=True)
class _Module:
    """What a name or attribute chain stands for: a module of the analysis, or the beginning of a dotted name, as an
    import in the ``reader`` writes it.
    """

    reader: Scope
    dotted: str
    level: int
    scope: Scope | None
    sure: bool


class _Links:
    def __init__(self, names: Names, project: Project) -> None:
        self._names = names
        self._tree: Tree = names.tree
        self._project = project
        self._find_file = project.imported_file
        self._by_path = {scope.path: scope for scope in names.modules if scope.path is not None}
        self._wanted: dict[Variable, tuple[Scope, str]] = {}
        self._modules: dict[Variable, list[_Module]] = {}

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
        reader = binding.scope.top
        for other in self._others(reader, statement.level, statement.module or ""):
            if alias.name in other.variables:
                other.variables[alias.name].strays.append(alias)
        home, sure = self._home(reader, statement.level, statement.module or "")
        if home is None or alias.name not in home.variables:
            return
        alone = len(variable.bindings) == 1 and variable.scope.kind in ("module", "function")
        starred = variable.scope.kind == "module" and bool(variable.scope.star_imports)
        if sure and alone and not starred and not self._is_shadowed(home, alias.name):
            self._wanted[variable] = home, alias.name
        else:
            home.variables[alias.name].strays.append(alias)

    def _is_shadowed(self, home: Scope, name: str) -> bool:
        """Whether a package has a module of a variable's name, which takes its place once it is imported; but not if
        that import is what binds the variable: ``from .train import train``.
        """
        beneath = self._beneath(home, name)
        return beneath is not None and any(
            not isinstance(statement := self._tree.parent(binding.node), ast.ImportFrom)
            or self._find_file(home.path, statement.level, statement.module or "")[0] != beneath
            for binding in home.variables[name].bindings
            if home.path is not None
        )

    def _beneath(self, home: Scope, name: str) -> Path | None:
        is_package = home.path is not None and home.path.stem == "__init__"
        return self._find_file(home.path, 1, name)[0] if is_package and home.path is not None else None

    def _starred(self, module: Scope, star: ast.ImportFrom) -> None:
        home, _ = self._home(module, star.level, star.module or "")
        homes = [*([home] if home is not None else []), *self._others(module, star.level, star.module or "")]
        for variable in [variable for each in homes for variable in each.variables.values()]:
            variable.strays.append(star)
            for inner in self._modules_of(variable):  # what it imports is reached too
                for each in inner.scope.variables.values() if inner.scope is not None else ():
                    each.strays.append(star)

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
        own = not _is_imported(variable) and all(item.scope.top is variable.scope for item in variable.bindings)
        return variable if variable.bindings and own else None

    # -- module.name --------------------------------------------------------------------------------------------------

    def _modules_read(self, variable: Variable) -> None:
        """The attributes of modules that are read by way of a name."""
        modules = self._modules_of(variable)
        if not modules:
            return
        one = len({(module.reader, module.dotted, module.level) for module in modules}) == 1
        sure = one and len(modules) == len(variable.bindings)
        for read in variable.reads:
            self._along(read, modules, sure=sure and len(self._names.meanings(read)) == 1)

    def _along(self, read: ast.Name | ast.Attribute, modules: list[_Module], *, sure: bool) -> None:
        at: ast.expr = read
        while modules:
            parent = self._tree.parent(at)
            attribute = parent if isinstance(parent, ast.Attribute) else None
            for module in modules:
                for variable in self._read_of(module, attribute):
                    plain = sure and module.sure and attribute is not None and isinstance(attribute.ctx, ast.Load)
                    clear = (
                        module.scope is None or attribute is None or not self._is_shadowed(module.scope, attribute.attr)
                    )
                    if plain and clear and attribute is not None and not _is_imported(variable):
                        self._names.read_from_module(attribute, variable, self._names.scope_at(read))
                    else:
                        variable.strays.append(attribute or at)
            if attribute is None:
                return
            modules = [inner for module in modules for inner in self._inside(module, attribute.attr)]
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

    def _inside(self, module: _Module, name: str) -> Iterator[_Module]:
        """What an attribute of a module is, if a module: one that it imports, or one beneath it."""
        own = module.scope.variables.get(name) if module.scope is not None else None
        if own is not None:
            yield from self._modules_of(own)
        beneath = self._module(module.reader, module.level, f"{module.dotted}.{name}" if module.dotted else name)
        if beneath is not None:
            yield replace(beneath, sure=False) if own is not None else beneath

    def _modules_of(self, variable: Variable) -> list[_Module]:
        """The modules that the bindings of a variable are, none for a binding of something else."""
        if variable not in self._modules:
            self._modules[variable] = []  # for imports that go in circles
            found = [module for binding in variable.bindings for module in self._modules_bound(binding)]
            self._modules[variable] = found
        return self._modules[variable]

    def _modules_bound(self, binding: Binding) -> list[_Module]:
        """The module that an import binds; or what it may be, where a package has a variable of that name too."""
        if not isinstance(binding.node, ast.alias):
            return []
        statement, alias, reader = self._tree.parent(binding.node), binding.node, binding.scope.top
        if not isinstance(statement, ast.ImportFrom):
            dotted = alias.name if alias.asname else alias.name.partition(".")[0]
            return self._modules_called(reader, 0, dotted)
        home, _ = self._home(reader, statement.level, statement.module or "")
        own = home.variables.get(alias.name) if home is not None else None
        dotted = f"{statement.module}.{alias.name}" if statement.module else alias.name
        modules = self._modules_called(reader, statement.level, dotted)
        if own is not None and own.bindings:
            return [replace(module, sure=False) for module in [*self._modules_of(own), *modules]]
        return modules

    def _modules_called(self, reader: Scope, level: int, dotted: str) -> list[_Module]:
        """The module that a dotted name means, and such as it may mean."""
        found = self._module(reader, level, dotted)
        others = [_Module(reader, dotted, level, scope, sure=False) for scope in self._others(reader, level, dotted)]
        if found is None:
            return others
        return [replace(found, sure=found.sure and not others), *others]

    def _others(self, reader: Scope, level: int, module: str) -> list[Scope]:
        """Further modules of this analysis that an import may mean."""
        files = self._project.other_files(reader.path, level, module) if reader.path is not None else []
        return [self._by_path[file] for file in files if file in self._by_path]

    def _module(self, reader: Scope, level: int, dotted: str) -> _Module | None:
        home, sure = self._home(reader, level, dotted)
        if home is not None and home.path is not None:
            place = place_of(home.path)
            package = place.parent / "__init__.py"
            sure = sure and (package in self._by_path or not self._project.hides_module(package, place.name))
        return _Module(reader, dotted, level, home, sure) if home is not None or self._leads_on(dotted) else None

    def _leads_on(self, dotted: str) -> bool:
        """Whether a dotted name may be the beginning of a module's: that of a package that is not analysed too."""
        last = dotted.rpartition(".")[2]
        return any(last in (scope.module_name or "").split(".")[:-1] for scope in self._names.modules)

    def _home(self, reader: Scope, level: int, module: str) -> tuple[Scope | None, bool]:
        if reader.path is None:
            return None, False
        found, sure = self._find_file(reader.path, level, module)
        home = self._by_path.get(found) if found is not None else None
        return home, sure and home is not reader  # a script that imports itself is there twice


def _is_imported(variable: Variable) -> bool:
    """Whether a variable is of what is not analysed here: names of libraries, legacy ones, modules."""
    return any(binding.kind in ("import", "from", "star") for binding in variable.bindings)
