"""Python's scopes: which names each binds and reads, collected by one walk over the tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(eq=False)
class Binding:
    """One place that binds a variable (or deletes it).

    Attributes:
        kind: ``import``, ``from``, ``star`` (a name that a known module's ``import *`` brings), ``name`` (any ``Name``
            that is stored to), ``del``, ``def``, ``class``, ``param``, ``except``, ``match`` or ``type``.
        node: The node that binds: a ``Name``, ``alias``, ``arg``, definition, handler or pattern.
        scope: The scope in which the binding stands; the variable may live elsewhere (``global``, ``nonlocal``,
        walrus). path: For imports, the dotted path that the name then means.
    """

    kind: str
    node: ast.AST
    scope: Scope
    path: str | None = None


@dataclass(eq=False)
class Variable:
    """A name in the scope where it lives, with all its bindings and reads. No bindings: a builtin, or undefined
    here.
    """

    name: str
    scope: Scope
    bindings: list[Binding] = field(default_factory=list)
    reads: list[ast.Name | ast.Attribute] = field(default_factory=list)
    """Where it is read; an ``Attribute`` where another file of the same analysis reads it from the module."""
    imported_as: list[Variable] = field(default_factory=list)
    """The names of other files of the same analysis that are this variable, by imports."""
    strays: list[ast.AST] = field(default_factory=list)
    """Where other files of the same analysis have, or may have, another way to it."""

    def __repr__(self) -> str:
        return f"<Variable {self.name} of {self.scope.kind}>"


@dataclass(eq=False)
class Scope:
    """A module, class, function, lambda, comprehension or (Python 3.12) type parameter scope."""

    kind: str
    node: ast.AST
    parent: Scope | None
    children: list[Scope] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    """Names read or bound by code that stands in this scope, wherever they resolve to."""
    star_imports: list[ast.ImportFrom] = field(default_factory=list)
    module_name: str | None = None
    """Of a module, the dotted name under which other files import it; None where unknown."""
    path: Path | None = None
    """Of a module, its file; None where it has none of its own."""
    mark: str = ""
    """Of a module that is analysed with others, what its relative paths begin with: two files' are not the same."""
    top: Scope = field(init=False)
    """The module's scope around it."""

    def __post_init__(self) -> None:
        self.top = self if self.parent is None else self.parent.top

    def within(self) -> Iterator[Scope]:
        """This scope and all inside it."""
        yield self
        for child in self.children:
            yield from child.within()

    def outward(self) -> Iterator[Scope]:
        """This scope and all around it, innermost first."""
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.parent


class Record(Protocol):
    """What takes down the bindings and reads that the walk comes across."""

    modules: list[Scope]
    scopes: dict[ast.AST, Scope]

    def bind(self, name: str, kind: str, node: ast.AST, scope: Scope, path: str | None = None) -> None: ...

    def read(self, node: ast.Name, scope: Scope) -> None: ...


class Collector(ast.NodeVisitor):
    """Walks the tree once and records bindings and reads in the scope where each stands."""

    def __init__(self, names: Record, walrus_targets: set[ast.AST]) -> None:
        self.names = names
        self.scope = names.modules[0]
        self._walrus_targets = walrus_targets
        self._visitors: dict[type[ast.AST], Callable[[Any], None]] = {}

    # The walk is the hottest code of the analysis: the two methods of NodeVisitor, without their detours.

    def visit(self, node: ast.AST) -> None:
        kind = type(node)
        visitor = self._visitors.get(kind)
        if visitor is None:
            visitor = self._visitors[kind] = getattr(self, f"visit_{kind.__name__}", self.generic_visit)
        visitor(node)

    def generic_visit(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self.visit(item)
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                self.visit(value)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Nothing below it."""

    def collect(self) -> None:
        for module in self.names.modules:
            self.scope = module
            self.visit(module.node)

    def _inside(self, kind: str, node: ast.AST, parts: Iterable[ast.AST | None]) -> None:
        scope = Scope(kind, node, self.scope)
        self.scope.children.append(scope)
        self.names.scopes[node] = scope
        outside, self.scope = self.scope, scope
        for part in parts:
            if part is not None:
                self.visit(part)
        self.scope = outside

    # -- names --------------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.names.read(node, self.scope)
            return
        kind = "del" if isinstance(node.ctx, ast.Del) else "name"
        scope = self.scope
        if node in self._walrus_targets:
            while scope.kind == "comprehension" and scope.parent is not None:
                scope = scope.parent
        self.names.bind(node.id, kind, node, scope)

    def visit_Global(self, node: ast.Global) -> None:
        self.scope.globals.update(node.names)
        self.scope.mentioned.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.scope.nonlocals.update(node.names)
        self.scope.mentioned.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.names.bind(name, "import", alias, self.scope, alias.name if alias.asname else name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.scope.star_imports.append(node)
                continue
            # A relative import is some module of the project: its path starts with dots and equals no library path.
            mark = self.scope.top.mark if node.level else ""
            path = f"{mark}{'.' * node.level}{node.module or ''}.{alias.name}"
            self.names.bind(alias.asname or alias.name, "from", alias, self.scope, path)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.names.bind(node.name, "except", node, self.scope)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.names.bind(node.name, "match", node, self.scope)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.names.bind(node.name, "match", node, self.scope)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.names.bind(node.rest, "match", node, self.scope)
        self.generic_visit(node)

    # -- scopes -------------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._defaults(node.args)
        self.names.bind(node.name, "def", node, self.scope)
        annotations = [*self._annotations(node.args), node.returns]
        with_parameters = getattr(node, "type_params", [])
        if with_parameters:
            outside = self._enter_type_scope(node, with_parameters)
        for annotation in annotations:
            if annotation is not None:
                self.visit(annotation)
        self._inside("function", node, [*_arguments(node.args), *node.body])
        if with_parameters:
            self.scope = outside

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        self._inside("lambda", node, [*_arguments(node.args), node.body])

    def visit_arg(self, node: ast.arg) -> None:
        self.names.bind(node.arg, "param", node, self.scope)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self.names.bind(node.name, "class", node, self.scope)
        with_parameters = getattr(node, "type_params", [])
        if with_parameters:
            outside = self._enter_type_scope(node, with_parameters)
        for base in [*node.bases, *node.keywords]:
            self.visit(base)
        self._inside("class", node, node.body)
        if with_parameters:
            self.scope = outside

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        elements: list[ast.AST] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside("comprehension", node, [first.target, *first.ifs, *others, *elements])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def visit_TypeAlias(self, node: ast.AST) -> None:  # Python 3.12
        self.visit(node.name)  # type: ignore[attr-defined]
        self._inside("type", node, [*node.type_params, node.value])  # type: ignore[attr-defined]

    def visit_TypeVar(self, node: ast.AST) -> None:  # Python 3.12
        self.names.bind(node.name, "type", node, self.scope)  # type: ignore[attr-defined]
        self.generic_visit(node)

    visit_ParamSpec = visit_TypeVarTuple = visit_TypeVar  # noqa: N815

    def _enter_type_scope(self, node: ast.AST, parameters: list[ast.AST]) -> Scope:
        outside = self.scope
        scope = Scope("type", node, outside)
        outside.children.append(scope)
        self.scope = scope
        for parameter in parameters:
            self.visit(parameter)
        return outside

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default)

    def _annotations(self, arguments: ast.arguments) -> list[ast.expr | None]:
        return [argument.annotation for argument in _arguments(arguments)]


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    ends = [arguments.vararg, arguments.kwarg]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *(end for end in ends if end is not None)]
