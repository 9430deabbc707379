"""The functions of a file through which an object can be followed: those of which every call is known.

A function can be followed if its name is bound once, by a plain ``def`` (or a lambda), is only ever called, in this
file, and is not decorated; a method, if moreover nothing can override it and each mention of its name is a call on an
instance of its class. Then what a parameter gets is what the calls pass, and what a call gives is what is returned.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ann_migrate.flow.attributes import Attributes, is_dataclass_decorator, is_plainly_made
from ann_migrate.flow.containers import builtin
from ann_migrate.flow.names_in_strings import check_not_looked_up
from ann_migrate.flow.objects import Escape
from ann_migrate.names.resolve import Names, Variable
from ann_migrate.project.project import Project
from ann_migrate.project.reach import files_reaching
from ann_migrate.text.tree import Tree

_Def = ast.FunctionDef | ast.AsyncFunctionDef
Definition = _Def | ast.Lambda
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


_REASONS = {
    "base": "a base class is not known",
    "by name": "it is named in a string",
    "outside": "other files have something of that name",
}


@dataclass(eq=False)
class Function:
    """A function with all its calls.

    Attributes:
        node: Its definition.
        calls: Everything that runs it: calls; of a property, the reads of the attribute.
        bound: Whether the first parameter is not passed by a call (``self``, ``cls``).
        assumptions: What nothing shows (``--unsafe``).
    """

    node: Definition
    calls: list[ast.expr]
    bound: bool
    assumptions: list[str]

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "the lambda")

    def parameter(self, call: ast.Call, value: ast.expr) -> ast.arg:
        """The parameter that gets an argument of a call.

        Raises:
            Escape: that does not show, or it is one that collects arguments.
        """
        _check_plain(call)
        for keyword in call.keywords:
            if keyword.value is value:
                named = [*self.node.args.args, *self.node.args.kwonlyargs]
                found = [parameter for parameter in named if parameter.arg == keyword.arg]
                if found:
                    return found[0]
        positional = self._positional()
        place = next((number for number, item in enumerate(call.args) if item is value), len(positional))
        if place < len(positional):
            return positional[place]
        raise Escape("function", value, f"`{self.name}` has no parameter of its own for it")

    def argument(self, call: ast.Call, parameter: ast.arg) -> ast.expr | None:
        """What a call passes for a parameter, its default where it passes nothing; None where neither is there.

        Raises:
            Escape: that does not show.
        """
        _check_plain(call)
        for keyword in call.keywords:
            if keyword.arg == parameter.arg:
                return keyword.value
        positional = self._positional()
        if parameter in positional and positional.index(parameter) < len(call.args):
            return call.args[positional.index(parameter)]
        return self.default(parameter)

    def default(self, parameter: ast.arg) -> ast.expr | None:
        """The default of a parameter."""
        arguments = self.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        if parameter in positional:
            place = positional.index(parameter) - (len(positional) - len(arguments.defaults))
            return arguments.defaults[place] if place >= 0 else None
        return arguments.kw_defaults[arguments.kwonlyargs.index(parameter)]

    def is_own(self, parameter: ast.arg) -> bool:
        """Whether it is a parameter that a call can pass, and not one that collects the rest (or ``self``)."""
        return parameter in self._positional() or parameter in self.node.args.kwonlyargs

    def _positional(self) -> list[ast.arg]:
        return [*self.node.args.posonlyargs, *self.node.args.args][int(self.bound) :]


class Functions:
    """Finds the functions of one file that can be followed."""

    def __init__(self, names: Names, project: Project, attributes: Attributes) -> None:
        self.names = names
        self.tree: Tree = names.tree
        self.project = project
        self.attributes = attributes
        self._known: dict[ast.AST, Function | Escape] = {}

    def called(self, call: ast.Call) -> Function | None:
        """The function of this file that a call runs; None where it is none.

        Raises:
            Escape: it cannot be followed.
        """
        func = call.func
        if isinstance(func, ast.Attribute) and self.names.read_by(func) is None:
            owner = self.attributes.instance_owner(func) or self.attributes.class_owner(func)
            variable = self.names.scopes[owner].variables.get(func.attr) if owner is not None else None
        else:
            variable = self.names.read_by(func)
        if variable is None or not variable.bindings:
            return None
        node = self._definition(variable)
        return self.of(node) if node is not None else None

    def property_of(self, attribute: ast.Attribute) -> Function | None:
        """The property of this file that an attribute read runs; None where it is none.

        Raises:
            Escape: it cannot be followed.
        """
        owner = self.attributes.instance_owner(attribute)
        variable = self.names.scopes[owner].variables.get(attribute.attr) if owner is not None else None
        if variable is None or len(variable.bindings) != 1:
            return None
        node = variable.bindings[0].node
        if not isinstance(node, ast.FunctionDef) or not self._is_property(node):
            return None
        return self.of(node)

    def of(self, node: Definition) -> Function:
        """The function that a definition makes.

        Raises:
            Escape: not all its calls are known.
        """
        known = self._known.get(node)
        if known is None:
            try:
                known = self._find(node)
            except Escape as escape:
                reason = escape.where if escape.how == "function" else _REASONS[escape.how]
                known = Escape("function", escape.node, reason, escape.files)
            self._known[node] = known
        if isinstance(known, Escape):
            raise known
        return known

    def around(self, node: ast.AST) -> Definition | None:
        """The function whose body a ``return`` (or the value of a lambda) stands in."""
        found = self.tree.function(node)
        return found if isinstance(found, _DEFINITIONS) else None

    def _definition(self, variable: Variable) -> Definition | None:
        """What a name is that is called: a function, or the ``__init__`` of a class. The first of several."""
        for binding in variable.bindings:
            if isinstance(binding.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return binding.node
            if isinstance(binding.node, ast.ClassDef):
                own = self.names.scopes[binding.node].variables.get("__init__")
                node = own.bindings[0].node if own is not None and own.bindings else None
                return node if isinstance(node, ast.FunctionDef) else None
            statement = self.tree.parent(binding.node)
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
                return statement.value if binding.node in statement.targets else None
        return None

    # -- what makes it known ------------------------------------------------------------------------------------------

    def _find(self, node: Definition) -> Function:
        if isinstance(node, ast.Lambda):
            statement = self.tree.parent(node)
            target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
            if not isinstance(target, ast.Name):
                raise Escape("function", node, "the lambda is not just bound to a name")
            variable = self.names.variable(target)
        else:
            variable = self.names.variable(node)
        for binding in variable.bindings:
            at = binding.node
            if at is not node and not (isinstance(node, ast.Lambda) and at is target):
                raise Escape("function", at, f"`{variable.name}` is bound more than once")
        function = self._method(node, variable) if variable.scope.kind == "class" else self._plain(node, variable)
        if not function.calls:
            raise Escape("function", node, f"no call of `{variable.name}` is known")
        return function

    def _plain(self, node: Definition, variable: Variable) -> Function:
        for decorator in getattr(node, "decorator_list", []):
            raise Escape("function", decorator, f"`{variable.name}` is decorated")
        assumptions: list[str] = []
        calls = self._calls(variable, assumptions)
        return Function(node, calls, bound=False, assumptions=assumptions)

    def _calls(self, variable: Variable, assumptions: list[str]) -> list[ast.expr]:
        """All calls of what a variable holds that is bound once.

        Raises:
            Escape: it is used otherwise, or elsewhere.
        """
        binding = variable.bindings[0]
        calls: list[ast.expr] = []
        for read in variable.reads:
            call = self.tree.parent(read)
            if not (isinstance(call, ast.Call) and call.func is read):
                raise Escape("function", read, f"`{variable.name}` is used as a value")
            if len(self.names.meanings(read)) != 1:
                raise Escape("function", read, f"`{variable.name}` may be another one here")
            calls.append(call)
        for star in variable.scope.star_imports:
            if star.lineno > getattr(binding.node, "lineno", 0):
                raise Escape("function", star, f"a star import may bind `{variable.name}`")
        if variable.scope.kind == "module":
            users = files_reaching(self.names, self.project, variable)
            if users:
                raise Escape("function", binding.node, f"{users[0]} uses `{variable.name}`", users)
            if self._is_named_in_string(variable):
                raise Escape("function", binding.node, f"a string of the project names `{variable.name}`")
            self.attributes.check_not_exported(variable, "function", binding.node, assumptions)
        for each in (variable, *variable.imported_as):
            check_not_looked_up(self.tree, each.name)
            self.attributes.check_not_by_name(each.name)
        return calls

    def _is_named_in_string(self, variable: Variable) -> bool:
        """Whether a string of the project names it with its module (``"pkg.jobs.make"``), as patches do."""
        return any(
            each.scope.module_name is not None and self.project.names_in_string(f"{each.scope.module_name}.{each.name}")
            for each in (variable, *variable.imported_as)
        )

    def _method(self, node: Definition, variable: Variable) -> Function:
        owner = variable.scope.node
        assert isinstance(owner, ast.ClassDef)
        if isinstance(node, ast.Lambda):
            raise Escape("function", node, "a lambda in a class body")
        if variable.reads:
            raise Escape("function", variable.reads[0], f"`{node.name}` is used in the class body")
        if node.name == "__init__":
            return self._init(node, owner)
        if any(not is_dataclass_decorator(item) for item in owner.decorator_list):
            raise Escape("function", owner.decorator_list[0], f"class {owner.name} is decorated")
        decorators = {self.names.path(item) or ast.unparse(item) for item in node.decorator_list}
        by_property = self._is_property(node)
        if not by_property and decorators - {"staticmethod", "classmethod"}:
            raise Escape("function", node.decorator_list[0], f"`{node.name}` is decorated")
        if node.name.startswith("__"):
            raise Escape("function", node, f"Python itself may call `{node.name}`")
        family = self.attributes.family(owner)
        for other in family:
            if other is not owner and node.name in self.names.scopes[other].bound:
                raise Escape("function", other, f"class {other.name} may override `{node.name}`")
        assumptions: list[str] = []
        self.attributes.check_reach(owner, node.name, assumptions)
        self._check_not_derived_elsewhere(owner, node.name, family)
        calls = list(self._mentions(owner, node, family, by_property=by_property))
        return Function(node, calls, bound="staticmethod" not in decorators, assumptions=assumptions)

    def _mentions(
        self,
        owner: ast.ClassDef,
        node: _Def,
        family: list[ast.ClassDef],
        *,
        by_property: bool,
    ) -> Iterator[ast.expr]:
        of_class = any(ast.unparse(item) in ("staticmethod", "classmethod") for item in node.decorator_list)
        for mention in self.attributes.named(node.name):
            on = self.attributes.instance_owner(mention)
            if on is None and of_class:
                on = self.attributes.class_owner(mention)
            if on not in family:
                if self.attributes.is_unrelated(mention, owner):
                    continue
                raise Escape("function", mention, f"`{node.name}` is used outside of what is known of its class")
            call = self.tree.parent(mention)
            if by_property and isinstance(mention.ctx, ast.Load):
                yield mention
            elif isinstance(call, ast.Call) and call.func is mention and not by_property:
                yield call
            else:
                raise Escape("function", mention, f"`{node.name}` is used as a value")

    def _init(self, node: _Def, owner: ast.ClassDef) -> Function:
        """``__init__``: its calls are those of the class."""
        variable = self.names.variable(owner)
        if len(variable.bindings) != 1 or not is_plainly_made(owner, self.names) or node.decorator_list:
            raise Escape("function", owner, f"class {owner.name} is not plainly made")
        for other in self.attributes.family(owner):
            if other is not owner and self.attributes.is_derived(other, owner):
                raise Escape("function", other, f"class {other.name} is made from {owner.name}")
        assumptions: list[str] = []
        for base in owner.bases:
            self.attributes.check_base(base)
        self._check_not_made_indirectly(owner)
        for mention in self.attributes.named("__init__"):
            if not (isinstance(mention.value, ast.Call) and ast.unparse(mention.value.func) == "super"):
                raise Escape("function", mention, "`__init__` is used by name")
        self._check_not_derived_elsewhere(owner, "__init__", [owner])
        return Function(node, self._calls(variable, assumptions), bound=True, assumptions=assumptions)

    def _check_not_made_indirectly(self, owner: ast.ClassDef) -> None:
        """``cls(...)``, ``type(self)(...)``, ``self.__class__(...)``: calls of a class that do not name it."""
        for mention in self.attributes.named("__class__"):
            raise Escape("function", mention, f"class {owner.name} may be called by `__class__`")
        for call in self.tree.all_of(ast.Call):
            func = call.func
            of_type = isinstance(func, ast.Call) and builtin(func.func, self.names) == "type"
            of_cls = isinstance(func, ast.Name) and self.attributes.is_class_parameter(func, owner)
            if of_type or of_cls:
                raise Escape("function", call, f"class {owner.name} may be called by another name")

    def _check_not_derived_elsewhere(self, owner: ast.ClassDef, name: str, family: list[ast.ClassDef]) -> None:
        for member in family:
            users = self.project.derivers(self.names.module_at(member).module_name, member.name)
            if users:
                raise Escape(
                    "function", owner, f"{users[0]} may derive from {member.name} and override `{name}`", users
                )

    def _is_property(self, node: _Def) -> bool:
        """Whether ``@property`` (or ``cached_property``) makes an attribute of it."""
        if not isinstance(node, ast.FunctionDef) or len(node.decorator_list) != 1:
            return False
        decorator = node.decorator_list[0]
        if self.names.path(decorator) == "functools.cached_property":
            return True
        return (
            isinstance(decorator, ast.Name)
            and decorator.id == "property"
            and not self.names.variable(decorator).bindings
        )


def _check_plain(call: ast.Call) -> None:
    for item in call.args:
        if isinstance(item, ast.Starred):
            raise Escape("function", item, "arguments are unpacked in a call")
    for keyword in call.keywords:
        if keyword.arg is None:
            raise Escape("function", keyword, "arguments are unpacked in a call")
