"""Attributes of self: which class a ``self.loop`` belongs to, and whether all that may touch it is in sight."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable

from ann_migrate.flow.names_in_strings import is_exported
from ann_migrate.flow.objects import Escape
from ann_migrate.names.resolve import Binding, Names, Variable
from ann_migrate.project.project import Project
from ann_migrate.text.tree import Tree

_BY_NAME = frozenset(
    {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "__setattr__", "object", "patch"}
)


class Attributes:
    """The attributes that one file mentions, and the classes that they are of."""

    def __init__(self, names: Names, project: Project, *, unsafe: bool = False) -> None:
        self.names = names
        self.tree: Tree = names.tree
        self.project = project
        self.unsafe = unsafe
        self._by_name: dict[str, list[ast.Attribute]] = {}
        for node in names.tree.all_of(ast.Attribute):
            self._by_name.setdefault(node.attr, []).append(node)

    def named(self, name: str) -> list[ast.Attribute]:
        """All places of the file that mention an attribute of this name."""
        return self._by_name.get(name, [])

    def all_names(self) -> Iterable[str]:
        """The names of all attributes that the file mentions."""
        return self._by_name

    # -- of which class -----------------------------------------------------------------------------------------------

    def method_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class whose instance ``self`` is in ``self.attribute``; None where the base is not a method's first
        parameter.
        """
        method = self._bound_method(node.value)
        if method is None:
            return None
        owner = self.tree.parent(method)
        decorators = {self.names.path(decorator) or ast.unparse(decorator) for decorator in method.decorator_list}
        refused = {"staticmethod", "classmethod"} & decorators
        return owner if isinstance(owner, ast.ClassDef) and not refused else None

    def class_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class in ``Job.attribute`` or, in a class method, ``cls.attribute``."""
        if (named := self._class_named(node.value)) is not None:
            return named
        method = self._bound_method(node.value)
        owner = self.tree.parent(method) if method is not None else None
        of_class = method is not None and [ast.unparse(item) for item in method.decorator_list] == ["classmethod"]
        return owner if isinstance(owner, ast.ClassDef) and of_class else None

    def instance_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class in ``self.attribute``, ``Job(...).attribute``, or ``job.attribute`` of a ``job = Job(...)``."""
        if (own := self.method_owner(node)) is not None:
            return own
        made: ast.expr | None = node.value
        if isinstance(made, ast.Name) or (made is not None and self.names.read_by(made) is not None):
            variable = self.names.read_by(made)
            bindings = variable.bindings if variable is not None else []
            if len(bindings) != 1:
                return None
            statement = self.tree.parent(bindings[0].node)
            direct = isinstance(statement, ast.Assign) and bindings[0].node in statement.targets
            made = statement.value if isinstance(statement, ast.Assign) and direct else None
        if not isinstance(made, ast.Call):
            return None
        named = self._class_named(made.func)
        return named if named is not None and is_plainly_made(named, self.names) else None

    def family(self, owner: ast.ClassDef) -> list[ast.ClassDef]:
        """The class, and all of this file that it is derived from or that derive from it, however far."""
        found = [owner]
        classes = self.tree.all_of(ast.ClassDef)
        for member in found:
            for other in classes:
                if other not in found and (self._derives(other, member) or self._derives(member, other)):
                    found.append(other)
        return found

    def is_class_parameter(self, name: ast.Name, owner: ast.ClassDef) -> bool:
        """Whether a name is the ``cls`` of a class method of the class."""
        method = self._bound_method(name)
        return method is not None and self.tree.parent(method) is owner

    def _bound_method(self, base: ast.expr) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The method of which the base of an attribute is the first parameter, never bound again."""
        if not isinstance(base, ast.Name):
            return None
        variable = self.names.variable(base)
        method = variable.scope.node
        if len(variable.bindings) != 1 or not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        positional = [*method.args.posonlyargs, *method.args.args]
        first = bool(positional) and variable.bindings[0].node is positional[0]
        return method if first else None

    def _class_named(self, name: ast.expr) -> ast.ClassDef | None:
        variable = self.names.read_by(name)
        if variable is None or len(variable.bindings) != 1:
            return None
        node = variable.bindings[0].node
        return node if isinstance(node, ast.ClassDef) else None

    def _derives(self, derived: ast.ClassDef, base: ast.ClassDef) -> bool:
        return any(
            (variable := self._named(item)) is not None and any(each.node is base for each in variable.bindings)
            for item in derived.bases
        )

    def _named(self, base: ast.expr) -> Variable | None:
        """The variable that a base class is named by: its own, or that of a module of this analysis."""
        return self.names.variable(base) if isinstance(base, ast.Name) else self.names.read_by(base)

    # -- what may touch it --------------------------------------------------------------------------------------------

    def check_reach(self, owner: ast.ClassDef, attribute: str, assumptions: list[str]) -> None:
        """Refuse an attribute that code out of sight may touch: bases that are not known, strings, other files.

        Raises:
            Escape: there is such code.
        """
        for member in self.family(owner):
            for base in [*member.bases, *(keyword.value for keyword in member.keywords)]:
                self.check_base(base)
        self.check_not_by_name(attribute)
        self.check_other_files(attribute, owner, assumptions)

    def check_base(self, base: ast.expr) -> None:
        """Refuse a base class that may know what is made up in this file.

        Raises:
            Escape: it may.
        """
        if not self._is_known_base(base):
            raise Escape("base", base)

    def is_derived(self, derived: ast.ClassDef, base: ast.ClassDef) -> bool:
        """Whether a class of this file derives from another one, however far."""
        above = [derived]
        for member in above:
            above += [each for each in self.family(derived) if each not in above and self._derives(member, each)]
        return derived is not base and base in above

    def is_unrelated(self, node: ast.Attribute, owner: ast.ClassDef) -> bool:
        """Whether a mention is surely about an instance of another class: neither derives from the other."""
        other = self.instance_owner(node) or self.class_owner(node)
        if other is None or other in self.family(owner):
            return False
        members = self.family(other)
        if any({"__getattr__", "__getattribute__"} & self.names.scopes[member].bound for member in members):
            return False
        return all(self._is_known_base(base) for member in members for base in member.bases)

    def check_other_files(self, attribute: str, owner: ast.ClassDef, assumptions: list[str]) -> None:
        """Refuse an attribute of whose name other files use one: of this class, for all that can be seen.

        Raises:
            Escape: they do, and ``--unsafe`` does not allow to take it for another class's.
        """
        users = self.project.attribute_users(self.names.module_at(owner).module_name, attribute)
        if not users:
            return
        place = f"{users[0][0]}:{users[0][1]}"
        if not self.unsafe:
            raise Escape("outside", owner, place, [path for path, _ in users])
        assumptions.append(f".{attribute} at {place} (and in other files) is not of class {owner.name}")

    def check_not_exported(self, variable: Variable, how: str, node: ast.AST, assumptions: list[str]) -> None:
        """Refuse a module variable that ``__all__`` names: code that is not in the project may use it.

        Raises:
            Escape: it does, and ``--unsafe`` does not allow to assume that there is no such code.
        """
        if not is_exported(self.names, variable):
            return
        if not self.unsafe:
            raise Escape(how, node, f"`__all__` names `{variable.name}`, so code that is not here may use it")
        assumptions.append(f"nothing outside of the project uses `{variable.name}`, which `__all__` names")

    def check_not_by_name(self, attribute: str) -> None:
        """Refuse an attribute that a ``getattr``-like call names in a string.

        Raises:
            Escape: one does.
        """
        for node in self.tree.strings.get(attribute, []):
            call = self.tree.parent(node)
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute)):
                name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
                if name in _BY_NAME:
                    raise Escape("by name", node)

    def _is_known_base(self, base: ast.expr, within: tuple[ast.AST, ...] = ()) -> bool:
        """Bases that cannot know an attribute that this file's class made up: builtins, the standard library, torch's
        modules, classes of this file.
        """
        if isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        path = self.names.path(base) if self.names.read_by(base) is None or isinstance(base, ast.Name) else None
        if path is not None:
            root = path.partition(".")[0]
            if not root or self.project.holds(path):
                return False
            return root in {"torch", "adaptiveneuralnetwork"} or root in sys.stdlib_module_names
        variable = self._named(base)
        if variable is None:
            return False
        if not variable.bindings:
            return True
        return len(variable.bindings) == 1 and self._is_plain_class(variable.bindings[0], within)

    def _is_plain_class(self, binding: Binding, within: tuple[ast.AST, ...]) -> bool:
        """A class of this file whose own bases are known: its methods are in this file, so its uses of the attribute
        are seen. (``class dict(dict)`` is its own base, for all that names tell.)
        """
        node = binding.node
        if not isinstance(node, ast.ClassDef) or node in within:
            return False
        return all(self._is_known_base(base, (*within, node)) for base in node.bases)


def is_dataclass(owner: ast.ClassDef) -> bool:
    """Whether a decorator may make fields of the names in the class body."""
    return any(is_dataclass_decorator(item) for item in owner.decorator_list)


def is_dataclass_decorator(decorator: ast.expr) -> bool:
    """``@dataclass`` and the like, by its name."""
    text = ast.unparse(decorator)
    return "dataclass" in text or "attr" in text


def is_plainly_made(owner: ast.ClassDef, names: Names) -> bool:
    """Whether calling the class surely gives an instance of it, by way of its own ``__init__``."""
    return not owner.decorator_list and not owner.keywords and "__new__" not in names.scopes[owner].bound
