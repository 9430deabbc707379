"""Which names the new code can use, and what the import statements become.

A wanted object (``torch.optim.Adam``) is reached by an import that the file already has, if that one is sure to be
bound where it is used; otherwise by a new import beside the one of the legacy name, in the same block, under a name
that collides with nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from ann_migrate.flow.sites import NameUse
from ann_migrate.legacy_api import TRAINING_NAMES, canonical
from ann_migrate.names.resolve import Binding, Names, Scope, Variable
from ann_migrate.project.project import Project
from ann_migrate.rewriting.import_lines import ImportChange, add_above, change_statement, check_place_above
from ann_migrate.rules import no_place_for_import
from ann_migrate.text.edits import Edit
from ann_migrate.text.source import Source

_HOME = "adaptiveneuralnetwork.training"
_MODULES = {"torch.optim": ("optim", "torch_optim"), "torch.nn": ("nn", "torch_nn")}
"""Modules that are imported as such (the guide's form), with the names to try."""


@dataclass(eq=False)
class _Addition:
    """A new import: ``path`` bound to ``name``."""

    path: str
    name: str


@dataclass(eq=False)
class _Anchor:
    """An import statement, with what is to be imported beside it; in a file that has none, its first statement."""

    statement: ast.stmt
    additions: list[_Addition] = field(default_factory=list)


class Imports:
    """Hands out names for the new code of one file, and makes the edits that bind them.

    Args:
        source: The file.
        names: Its names.
        project: What is known of other files.
    """

    def __init__(self, source: Source, names: Names, project: Project) -> None:
        self.source = source
        self.names = names
        self.project = project
        self._anchors: dict[ast.stmt, _Anchor] = {}
        self._taken: dict[Scope, set[str]] = {}

    # -- names for the new code ---------------------------------------------------------------------------------------

    def symbol(self, path: str, site: NameUse, use: ast.AST | None = None) -> str:
        """The text that means ``path`` where ``use`` stands (default: at the site).

        Raises:
            Decline: there is no place for an import that would surely run before.
        """
        at = use or site.node
        if path in TRAINING_NAMES:
            through_module = self._through_module(site, path.rpartition(".")[2])
            if through_module is not None:
                return through_module
        existing = self._existing(path, at)
        return existing if existing is not None else self._added(path, site, at)

    def is_free(self, name: str, scope: Scope, use: ast.AST | None = None) -> bool:
        """Whether ``name`` can be bound in ``scope`` without a change for any code that mentions it."""
        if name in scope.bound or name in self._taken.get(scope, ()) or self._is_handed_on(name, scope):
            return False
        for inner in scope.within():
            if name in inner.mentioned:
                variable = self.names.lookup(name, inner)
                if variable is None or variable.scope is scope or variable.scope not in set(scope.within()):
                    return False
        return use is None or self.is_visible(name, scope, use)

    def _is_handed_on(self, name: str, scope: Scope) -> bool:
        """Whether a name that a module binds would get into another file that has it too, by ``import *``."""
        if scope.kind != "module" or scope.module_name is None or "__all__" in scope.variables:
            return False
        return any(name in words for words in self.project.words_of_star_importers(scope.module_name))

    def is_visible(self, name: str, scope: Scope, use: ast.AST) -> bool:
        """Whether ``name``, bound in ``scope``, is what code at ``use`` would read."""
        seen = self.names.lookup(name, self.names.scope_at(use))
        return seen is None or seen.scope not in set(scope.within()) - {scope}

    def reserve(self, name: str, scope: Scope) -> None:
        """No later new name may be this one."""
        self._taken.setdefault(scope, set()).add(name)

    def _through_module(self, site: NameUse, name: str) -> str | None:
        """``t.TrainingLoop`` gives ``t.Trainer`` where ``t`` is the package that has both."""
        if not isinstance(site.node, ast.Attribute):
            return None
        path = self.names.path(site.node.value)
        text = self.source.node_text(site.node.value)
        if path == _HOME:
            return f"{text}.{name}"
        package = site.node.value.value if isinstance(site.node.value, ast.Attribute) else None
        if path == f"{_HOME}.loops" and package is not None and self.names.path(package) == _HOME:
            return f"{self.source.node_text(package)}.{name}"
        return None

    def _existing(self, path: str, at: ast.AST) -> str | None:
        """The text by which an import that the file has reaches ``path`` at this place."""
        module, _, last = path.rpartition(".")
        wanted = [(module, f".{last}"), (path, "")]
        if "." in module:
            root = module.partition(".")[0]
            wanted.append((root, path[len(root) :]))
        if module == "ann_compat" or path in TRAINING_NAMES:
            wanted = [(path, "")]
        for target, suffix in wanted:
            variable = self._imported(target, at)
            if variable is not None:
                return f"{variable.name}{suffix}"
        return None

    def _imported(self, path: str, at: ast.AST) -> Variable | None:
        """The innermost variable that is surely ``path`` where ``at`` stands."""
        scope_at = self.names.scope_at(at)
        for variable in self._variables_by_path.get(path, []):
            seen = self.names.lookup(variable.name, scope_at) is variable
            if seen and all(self._binds_for(binding, path, at) for binding in variable.bindings):
                return variable
        return None

    @cached_property
    def _variables_by_path(self) -> dict[str, list[Variable]]:
        """The variables that imports bind, by what they mean; those of inner scopes first."""
        found: dict[str, list[Variable]] = {}
        for variable in self.names.variables():
            paths = {canonical(binding.path) if binding.path else None for binding in variable.bindings}
            if len(paths) == 1 and (path := paths.pop()) is not None:
                found.setdefault(path, []).insert(0, variable)
        return found

    def _binds_for(self, binding: Binding, path: str, at: ast.AST) -> bool:
        """Whether an import binding means ``path`` and surely ran before ``at``."""
        if binding.path is None or canonical(binding.path) != path:
            return False
        statement = self.names.tree.statement(binding.node)
        unconditional = self.names.tree.parent(statement) is binding.scope.node
        before = (statement.lineno, statement.col_offset) < (getattr(at, "lineno", 0), getattr(at, "col_offset", 0))
        return unconditional and before

    # -- new imports --------------------------------------------------------------------------------------------------

    def _added(self, path: str, site: NameUse, at: ast.AST) -> str:
        if not site.imports:
            raise no_place_for_import.decline("the legacy name is not imported in this file")
        scope = site.imports[0].scope
        if self.names.module_at(at) is not scope.top:
            return self._added_elsewhere(path, at)
        if not self._reaches(scope, at):
            raise no_place_for_import.decline("the legacy name is imported inside another function")
        target, suffix = _imported_as(path)
        anchors = [self._anchor(statement) for statement in self._anchor_statements(site)]
        known = [
            item.name
            for anchor in [*anchors, *self._anchors_before(anchors, scope)]
            for item in anchor.additions
            if item.path == target
        ]
        name = next((item for item in known if self.is_visible(item, scope, at)), None)
        if name is None:
            name = self._new_name(target, site, scope, at)
        elif not any(item.name == name and item.path == target for anchor in anchors for item in anchor.additions):
            return f"{name}{suffix}"
        # A fallback import binds the name too: whichever ran, the new name is there.
        for anchor in anchors:
            if not any(item.path == target and item.name == name for item in anchor.additions):
                anchor.additions.append(_Addition(target, name))
        return f"{name}{suffix}"

    def _added_elsewhere(self, path: str, at: ast.AST) -> str:
        """A new import in another file than the site's, one that the object goes through: at its top level."""
        module = self.names.module_at(at)
        target, suffix = _imported_as(path)
        anchor = self._anchor_of(module, at)
        known = next((item.name for item in anchor.additions if item.path == target), None)
        if known is None or not self.is_visible(known, module, at):
            if any(star.lineno > anchor.statement.lineno for star in module.star_imports):
                raise no_place_for_import.decline("a later `import *` could bind the same name")
            known = next(name for name in _candidates(target) if self.is_free(name, module, at))
            self.reserve(known, module)
            anchor.additions.append(_Addition(target, known))
        return f"{known}{suffix}"

    def _anchor_of(self, module: Scope, at: ast.AST) -> _Anchor:
        """The first import of a file, if it surely runs before ``at``; else the first statement."""
        tree = self.names.tree
        assert isinstance(module.node, ast.Module)
        own = [item for item in module.node.body if item.lineno not in tree.separators and not _stays_first(item)]
        line = tree.statement(at).lineno
        imports = [item for item in own if isinstance(item, (ast.Import, ast.ImportFrom)) and item.lineno < line]
        if not imports:
            check_place_above(self.source, own[0])
        return self._anchors.setdefault(statement := (imports or own)[0], _Anchor(statement))

    def _reaches(self, scope: Scope, at: ast.AST) -> bool:
        """Whether a name bound in ``scope`` is seen where ``at`` stands: not in another function, nor from a class body
        in its methods.
        """
        inner = self.names.scope_at(at)
        return any(each is scope and (each is inner or each.kind != "class") for each in inner.outward())

    def _anchors_before(self, anchors: list[_Anchor], scope: Scope) -> list[_Anchor]:
        """Other anchors, whose new imports have surely run wherever those of ``anchors`` have."""
        tree = self.names.tree
        first = min(anchor.statement.lineno for anchor in anchors)
        parts = {tree.part(anchor.statement) for anchor in anchors}
        return [
            anchor
            for anchor in self._anchors.values()
            if tree.parent(anchor.statement) is scope.node
            and anchor.statement.lineno < first
            and {tree.part(anchor.statement)} == parts
        ]

    def _anchor_statements(self, site: NameUse) -> list[ast.stmt]:
        """The imports of the site's name that surely bind it: the first unconditional one, or all branches of a
        fallback. Of parts that may run in any order, each has its own.
        """
        tree, scope = self.names.tree, site.imports[0].scope.node
        statements = list({tree.statement(binding.node): None for binding in site.imports})
        first: dict[int, ast.stmt] = {}
        for item in statements:
            if tree.parent(item) is scope:
                first.setdefault(tree.part(item), item)
        return list(first.values()) or statements

    def _anchor(self, statement: ast.stmt) -> _Anchor:
        assert isinstance(statement, (ast.Import, ast.ImportFrom))
        return self._anchors.setdefault(statement, _Anchor(statement))

    def _new_name(self, target: str, site: NameUse, scope: Scope, at: ast.AST) -> str:
        if self._foreign_star_after(site):
            raise no_place_for_import.decline("a later `import *` could bind the same name")
        name = next(name for name in _candidates(target) if self.is_free(name, scope, at))
        self.reserve(name, scope)
        return name

    def _foreign_star_after(self, site: NameUse) -> bool:
        first = min(self.names.tree.statement(binding.node).lineno for binding in site.imports)
        return any(star.lineno > first for star in site.imports[0].scope.top.star_imports)

    def adds(self, package: str) -> bool:
        """Whether something of a package is imported anew."""
        paths = [item.path for anchor in self._anchors.values() for item in anchor.additions]
        return any(path == package or path.startswith(f"{package}.") for path in paths)

    # -- edits --------------------------------------------------------------------------------------------------------

    def edits(self, removable: Iterable[Variable]) -> list[Edit]:
        """The edits of the import statements: ``removable`` are the legacy names that nothing refers to any more."""
        dropped: dict[ast.stmt, list[ast.alias]] = {}
        for variable in removable:
            for binding in variable.bindings:
                if self._is_removable(binding) and isinstance(binding.node, ast.alias):
                    dropped.setdefault(self.names.tree.statement(binding.node), []).append(binding.node)
        gone = {
            statement
            for statement, aliases in dropped.items()
            if len(aliases) == len(getattr(statement, "names", ()))
            and not (statement in self._anchors and self._anchors[statement].additions)
        }
        edits: list[Edit] = []
        for statement in sorted({*self._anchors, *dropped}, key=lambda item: (item.lineno, item.col_offset)):
            anchor = self._anchors.get(statement)
            additions = [(item.path, item.name) for item in anchor.additions] if anchor else []
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                edits.append(add_above(self.source, statement, additions))
                continue
            change = ImportChange(statement, dropped.get(statement, []), additions, gone)
            edits += change_statement(self.source, self.names.tree, change)
        return edits

    def _is_removable(self, binding: Binding) -> bool:
        """Whether an import can go: that of a module which does something when it is imported must stay."""
        export = self.names.reexports.get(binding.path or "")
        needed = export is not None and export.needed
        return binding.kind == "from" and self.names.target(binding.path) is not None and not needed


def _imported_as(path: str) -> tuple[str, str]:
    """What is imported to have ``path``, and what is to be written behind its name."""
    module, _, last = path.rpartition(".")
    return (module, f".{last}") if module in _MODULES else (path, "")


def _stays_first(statement: ast.stmt) -> bool:
    """Whether nothing may stand above a statement at the top of a file: a docstring, ``from __future__``."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__" and not statement.level


def _candidates(target: str) -> Iterable[str]:
    if target in _MODULES:
        yield from _MODULES[target]
        base = _MODULES[target][1]
    else:
        base = target.rpartition(".")[2]
        yield base
        base = f"Ann{base}" if base[0].isupper() else f"ann_{base}"
        yield base
    number = 2
    while True:
        yield f"{base}{number}" if base[0].isupper() else f"{base}_{number}"
        number += 1
