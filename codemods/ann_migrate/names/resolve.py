"""What names mean: Python's scopes, every binding of every variable, and the dotted path that an expression stands for.

The facts are flow-insensitive: a variable has the list of *all* its bindings, and a rule acts only where they agree.
Scoping is Python's own (class scopes are skipped by nested functions, comprehensions have their own, a walrus binds
outside them); the tests hold it against :mod:`symtable` over the standard library.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ann_migrate.legacy_api import LEGACY_PATHS, STAR_NAMES, canonical
from ann_migrate.names.scopes import Binding, Collector, Scope, Variable
from ann_migrate.text.tree import Tree

__all__ = ["Binding", "Export", "Names", "Scope", "Variable", "marks_of"]

_FUNCTION_KINDS = ("function", "lambda", "comprehension", "type")


@dataclass(frozen=True)
class Export:
    """A legacy name that a module of the project hands on.

    Attributes:
        target: ``TrainingLoop`` or ``quick_train``.
        name: The name under which others import it.
        path: The module's file.
        line: Where it binds the name.
        sure: Whether the name is nothing else at any time, and the import that asks for it is sure to find this file.
        needed: Whether importing the module may do more than define names, so that the import must stay.
    """

    target: str
    name: str
    path: Path
    line: int
    sure: bool = True
    needed: bool = False


class Names:
    """The names of one module, or of several that are analysed together, resolved.

    Args:
        tree: The module.
        reexports: Paths, as this module's imports write them, by which other modules of the project hand on a legacy
            name.
        files: For each module of the tree its path, and the name under which other files import it; None where
            unknown.

    Example:
        >>> import ast
        >>> tree = Tree(ast.parse("from torch import nn as N\\nN.Linear"))
        >>> names = Names(tree)
        >>> names.path(tree.module.body[1].value)
        'torch.nn.Linear'
    """

    def __init__(
        self,
        tree: Tree,
        reexports: Mapping[str, Export] | None = None,
        files: Sequence[tuple[Path | None, str | None]] = ((None, None),),
    ) -> None:
        self.tree = tree
        self.reexports = reexports or {}
        marks = marks_of(tree)
        self.modules = [
            Scope("module", module, None, module_name=name, path=path, mark=mark)
            for module, (path, name), mark in zip(tree.modules, files, marks, strict=True)
        ]
        self.module = self.modules[0]
        self.scopes: dict[ast.AST, Scope] = {scope.node: scope for scope in self.modules}
        self._scope_of_name: dict[ast.AST, Scope] = {}
        self._variable_of: dict[ast.AST, Variable] = {}
        self._pending: list[tuple[str, Binding]] = []
        self._reads: list[ast.Name] = []
        Collector(self, {node.target for node in tree.all_of(ast.NamedExpr)}).collect()
        self._link()

    # -- questions ----------------------------------------------------------------------------------------------------

    def variable(self, name: ast.AST) -> Variable:
        """The variable that a ``Name`` (or another binding node) reads or binds."""
        return self._variable_of[name]

    def bound_by(self, binding: Binding) -> Variable:
        """The variable that a binding binds."""
        if binding.kind == "star":  # one node for many names
            return binding.scope.variables[(binding.path or "").rpartition(".")[2]]
        return self._variable_of[binding.node]

    def scope_of(self, name: ast.AST) -> Scope:
        """The scope in which a ``Name`` stands."""
        return self._scope_of_name[name]

    def scope_at(self, node: ast.AST) -> Scope:
        """The scope in which the code of any node runs."""
        child: ast.AST = node
        for at in self.tree.ancestors(node):
            if isinstance(at, ast.comprehension) and child is not at.iter:
                return self.scopes[self.tree.parents[at]]
            if at in self.scopes and _runs_inside(at, child):
                return self.scopes[at]
            child = at
        return self.module_at(node)

    def module_at(self, node: ast.AST) -> Scope:
        """The scope of the module in which a node stands."""
        return self.modules[0] if len(self.modules) == 1 else self.scopes[self.tree.module_of(node)]

    def lookup(self, name: str, scope: Scope) -> Variable | None:
        """What ``name`` would mean if read in ``scope``; None where nothing in the file binds it."""
        return self._home(name, scope, create=False)

    def path(self, node: ast.AST) -> str | None:
        """The canonical dotted path that a name or attribute chain stands for, if all bindings of its name agree on
        one.
        """
        paths = self.paths(node)
        return next(iter(paths)) if len(paths) == 1 and None not in paths else None

    def target(self, path: str | None) -> str | None:
        """The legacy name (``TrainingLoop`` or ``quick_train``) that a binding's path means, directly or by way of
        another module.
        """
        if path is None or path in LEGACY_PATHS:
            return LEGACY_PATHS.get(path or "")
        export = self.reexports.get(path)
        return export.target if export is not None else None

    def reaches_legacy(self, path: str) -> bool:
        """Whether a path is a legacy name, or that of a module from which one can be reached."""
        return self.target(path) is not None or any(
            known.startswith(f"{path}.") for paths in (LEGACY_PATHS, self.reexports) for known in paths
        )

    def paths(self, node: ast.AST) -> set[str | None]:
        """All that a name or attribute chain may stand for: canonical paths, and None for what is not an import."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return {None}
        found: set[str | None] = set()
        for variable in self.meanings(node):
            for binding in variable.bindings:
                if binding.kind != "del":
                    found |= self._meant(".".join([binding.path, *reversed(attributes)])) if binding.path else {None}
        return found or {None}

    def _meant(self, path: str) -> set[str | None]:
        export = self.reexports.get(path)
        if export is None or path in LEGACY_PATHS:
            return {canonical(path)}
        legacy = canonical(next(known for known, target in LEGACY_PATHS.items() if target == export.target))
        return {legacy} if export.sure else {legacy, None}

    def meanings(self, name: ast.Name | ast.Attribute) -> list[Variable]:
        """The variables that a name may read: one, or in a class body that binds the name also the one outside."""
        own = self.variable(name)
        scope = self.scope_of(name)
        if isinstance(name, ast.Attribute) or own.scope.kind != "class" or scope.parent is None:
            return [own]
        outer = self._home(name.id, scope.parent, create=False)
        return [own, outer] if outer is not None and outer.bindings else [own]

    def read_by(self, node: ast.expr) -> Variable | None:
        """The one variable that a name, or an attribute of a module of this analysis, surely reads; else None."""
        if not isinstance(node, (ast.Name, ast.Attribute)) or node not in self._variable_of:
            return None
        meanings = self.meanings(node)
        return meanings[0] if len(meanings) == 1 else None

    def variables(self) -> Iterator[Variable]:
        for module in self.modules:
            for scope in module.within():
                yield from scope.variables.values()

    # -- building -----------------------------------------------------------------------------------------------------

    def bind(self, name: str, kind: str, node: ast.AST, scope: Scope, path: str | None = None) -> None:
        """Record a binding; called while the tree is walked."""
        scope.bound.add(name)
        scope.mentioned.add(name)
        self._scope_of_name[node] = scope
        self._pending.append((name, Binding(kind, node, scope, path)))

    def read(self, node: ast.Name, scope: Scope) -> None:
        """Record a read; called while the tree is walked."""
        scope.mentioned.add(node.id)
        self._scope_of_name[node] = scope
        self._reads.append(node)

    def unify(self, variable: Variable, origin: Variable) -> None:
        """Make a name that one module imports from another the same variable as what it imports."""
        variable.scope.variables[variable.name] = origin
        origin.imported_as.append(variable)
        for read in variable.reads:
            self._variable_of[read] = origin
        origin.reads += variable.reads
        variable.reads = []

    def read_from_module(self, attribute: ast.Attribute, variable: Variable, scope: Scope) -> None:
        """Take an attribute of a module for a read of the module's variable."""
        self._variable_of[attribute] = variable
        self._scope_of_name[attribute] = scope
        variable.reads.append(attribute)

    def _link(self) -> None:
        for name, binding in self._pending:
            variable = self._home(name, binding.scope)
            assert variable is not None
            variable.bindings.append(binding)
            self._variable_of[binding.node] = variable
        for node in self._reads:
            variable = self._home(node.id, self._scope_of_name[node])
            assert variable is not None
            variable.reads.append(node)
            self._variable_of[node] = variable

        for module in self.modules:
            self._link_star(module)

    def _link_star(self, module: Scope) -> None:
        """Bind what ``from adaptiveneuralnetwork.training import *`` surely brings.

        Only where it is the file's one star import (the next could bind the name again) and always runs. What a later
        import or definition of the module binds is not the star's.
        """
        star = self.known_star(module)
        for name in STAR_NAMES[star.module or ""] if star else ():
            variable = self._home(name, module)
            if star and variable and not any(self._replaces(binding, star) for binding in variable.bindings):
                variable.bindings.append(Binding("star", star.names[0], module, f"{star.module}.{name}"))

    def _replaces(self, binding: Binding, star: ast.ImportFrom) -> bool:
        statement = self.tree.statement(binding.node)
        later = self.tree.parent(statement) is self.tree.parent(star) and statement.lineno > star.lineno
        return later and binding.kind in ("import", "from", "class", "def")

    def known_star(self, module: Scope) -> ast.ImportFrom | None:
        """A module's one star import, if it always runs and its own module's names are known."""
        if len(module.star_imports) != 1:
            return None
        star = module.star_imports[0]
        known = star.level == 0 and star.module in STAR_NAMES and self.tree.parent(star) is module.node
        return star if known else None

    def _home(self, name: str, scope: Scope, *, create: bool = True) -> Variable | None:
        """The variable that ``name`` in ``scope`` is: its own, a global, or the nearest enclosing function's."""
        home = scope.top
        if name in scope.bound and name not in scope.globals and name not in scope.nonlocals:
            home = scope
        elif name not in scope.globals:
            at = scope.parent
            while at is not None:
                if at.kind in _FUNCTION_KINDS:
                    if name in at.globals:
                        break
                    if name in at.bound and name not in at.nonlocals:
                        home = at
                        break
                at = at.parent
        if name not in home.variables:
            if not create:
                return None
            home.variables[name] = Variable(name, home)
        return home.variables[name]


def marks_of(tree: Tree) -> list[str]:
    """For each module of a tree, what its relative paths begin with; nothing where it is the only one."""
    return [f"<{number}>" for number, _ in enumerate(tree.modules)] if len(tree.modules) > 1 else [""]


def _runs_inside(scope_node: ast.AST, child: ast.AST) -> bool:
    """Whether ``child``, a direct part of the node that opens a scope, is run in that scope and not around it."""
    if isinstance(scope_node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return any(item is child for item in scope_node.body)
    if isinstance(scope_node, ast.Lambda):
        return child is scope_node.body
    if isinstance(scope_node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return child is not scope_node.generators[0]
    return True
