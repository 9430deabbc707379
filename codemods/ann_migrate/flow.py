"""What becomes of a constructed object: where it is held, and every use of it.

The object is followed from its constructor call outward. Whatever is not understood raises :class:`Escape` with the
node that did it; the rules of the ``ANN3xx`` range turn that into a reason. Following more (aliases, containers,
functions) means one more branch in :meth:`Flow._follow`.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass, field

from ann_migrate.project import Project
from ann_migrate.resolve import Binding, Names, Variable
from ann_migrate.tree import Tree


class Escape(Exception):  # noqa: N818 - a finding, not an error
    """The object goes where it is not followed.

    Args:
        how: ``used`` (the node's parent shows how), ``rebound``, ``outside``, ``subclass``, ``base``, ``class
        attribute``,
            ``by name`` (getattr), ``global`` or ``imported``.
        node: The node that did it.
        where: More words for the report, such as the other file's name.
    """

    def __init__(self, how: str, node: ast.AST, where: str = "") -> None:
        super().__init__(how)
        self.how = how
        self.node = node
        self.where = where
        self.found: LoopObject | None = None
        """What was known of the object when it escaped, for the explanation."""


@dataclass(eq=False)
class Use:
    """An attribute of the object: ``attribute`` is the node, ``call`` the call of it, if it is called."""

    attribute: ast.Attribute
    call: ast.Call | None

    @property
    def receiver(self) -> ast.expr:
        return self.attribute.value


@dataclass(frozen=True)
class SelfAttribute:
    """An object kept on ``self.attribute`` of one class."""

    owner: ast.ClassDef
    attribute: str


@dataclass(eq=False)
class LoopObject:
    """A constructed object: its call, what holds it (None where it is only used in its own expression) and its uses."""

    constructor: ast.Call
    holders: list[Variable | SelfAttribute] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    """What nothing shows, and a rewrite by ``--unsafe`` rests on."""
    annotations: list[ast.expr] = field(default_factory=list)
    """Annotations of the assignments that hold it (``loop: TrainingLoop = TrainingLoop(...)``)."""


class Flow:
    """Follows objects through one file."""

    def __init__(self, names: Names, project: Project, module: str | None, *, unsafe: bool = False) -> None:
        self.names = names
        self.tree: Tree = names.tree
        self.project = project
        self.unsafe = unsafe
        self.module = module
        self._followed: dict[ast.Call, LoopObject | Escape] = {}
        self._attributes: dict[str, list[ast.Attribute]] = {}
        for node in names.tree.all_of(ast.Attribute):
            self._attributes.setdefault(node.attr, []).append(node)

    def attributes(self, name: str) -> list[ast.Attribute]:
        """All places of the file that mention an attribute of this name."""
        return self._attributes.get(name, [])

    def follow(self, constructor: ast.Call) -> LoopObject:
        """All uses of the object that ``constructor`` makes.

        Raises:
            Escape: some use cannot be followed.
        """
        known = self._followed.get(constructor)
        if known is None:
            known = LoopObject(constructor)
            try:
                self._follow(constructor, known)
            except Escape as escape:
                escape.found = known
                known = escape
            self._followed[constructor] = known
        if isinstance(known, Escape):
            raise known
        return known

    def _follow(self, value: ast.expr, found: LoopObject) -> None:
        """Where the value of an expression goes, by the node around it."""
        parent = self.tree.parents[value]
        if isinstance(parent, ast.Attribute):
            call = self.tree.parent(parent)
            called = isinstance(call, ast.Call) and call.func is parent
            found.uses.append(Use(parent, call if called and isinstance(call, ast.Call) else None))
        elif isinstance(parent, ast.Expr) or _is_harmless_test(parent, value, self.tree):
            return
        elif isinstance(parent, ast.Assign) and parent.value is value:
            for target in parent.targets:
                self._held_by(target, found)
        elif isinstance(parent, (ast.Tuple, ast.List)):
            for target in self._targets_in_display(parent, value):
                self._held_by(target, found)
        elif isinstance(parent, ast.AnnAssign) and parent.value is value:
            self._held_by(parent.target, found)
        elif isinstance(parent, ast.NamedExpr):
            self._held_by(parent.target, found)
            self._follow(parent, found)
        else:
            raise Escape("used", value)

    def _targets_in_display(self, display: ast.Tuple | ast.List, value: ast.expr) -> list[ast.expr]:
        """What ``value`` is bound to in ``x, loop = 1, TrainingLoop(...)``: the targets at its place.

        Raises:
            Escape: the display is kept as a whole, or the places do not show.
        """
        assign = self.tree.parent(display)
        if not isinstance(assign, ast.Assign) or assign.value is not display:
            raise Escape("used", value)
        place = next(number for number, item in enumerate(display.elts) if item is value)
        found = []
        for target in assign.targets:
            if not isinstance(target, (ast.Tuple, ast.List)) or len(target.elts) != len(display.elts):
                raise Escape("used", value)
            if any(isinstance(item, ast.Starred) for item in [*target.elts, *display.elts]):
                raise Escape("used", value)
            found.append(target.elts[place])
        return found

    def _held_by(self, target: ast.expr, found: LoopObject) -> None:
        if isinstance(target, ast.Name):
            self._variable(target, found)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            self._self_attribute(target, found)
        else:
            raise Escape("used", target)

    # -- variables ----------------------------------------------------------------------------------------------------

    def _variable(self, target: ast.Name, found: LoopObject) -> None:
        variable = self.names.variable(target)
        reads = variable.reads
        for binding in variable.bindings:
            self._note_annotation(binding.node, found)
        others = [item for item in variable.bindings if item.node is not target and not self._is_end(item)]
        if others:
            own = self._reads_in_line(target, variable)
            if own is None:
                raise Escape("rebound", others[0].node)
            reads = own
        if variable.scope.kind == "class":
            self._class_variable(variable, found)
        elif variable.scope.kind == "module":
            user = self.project.importer(self.module, variable.name)
            if user is not None:
                raise Escape("imported", target, str(user))
            if is_exported(self.names, variable.name):
                raise Escape("imported", target, "__all__")
        star = next((star for star in variable.scope.star_imports if star.lineno > target.lineno), None)
        if star is not None:
            raise Escape("rebound", star)
        self._no_use_in_namespace(variable.name)
        found.holders.append(variable)
        for read in reads:
            self._follow(read, found)

    def _is_end(self, binding: Binding) -> bool:
        """``del loop``, ``loop = None``: no other object that a use could mean."""
        return binding.kind == "del" or self._is_placeholder(binding.node)

    def _reads_in_line(self, target: ast.Name, variable: Variable) -> list[ast.Name] | None:
        """The reads that mean what ``target`` binds, where the name is bound to one thing after another in a straight
        line: all bindings are assignments in one block, and all reads stand in that block behind the first. Else None.
        """
        statement = self.tree.statement(target)
        block = self.tree.block(statement)
        places = {id(item): number for number, item in enumerate(block)}
        starts = []
        for binding in variable.bindings:
            at = self.tree.statement(binding.node)
            in_line = isinstance(at, (ast.Assign, ast.Delete)) and id(at) in places
            if not in_line or binding.scope is not variable.scope or self.tree.part(at) != self.tree.part(statement):
                return None
            if isinstance(at, ast.Assign) and binding.node not in at.targets:
                return None  # a walrus somewhere in it, or one of several targets in a tuple
            starts.append(places[id(at)])
        here = places[id(statement)]
        after = min((start for start in starts if start > here), default=len(block))
        own = []
        for read in variable.reads:
            place = self._place_in(read, places)
            lazy = any(isinstance(node, ast.GeneratorExp) for node in self.tree.ancestors(read))
            if place is None or lazy or place <= min(starts):
                return None
            if self.tree.function(read) is not self.tree.function(target):
                return None
            if self.tree.part(read) != self.tree.part(statement):
                return None
            if here < place <= after:  # the value of the next binding is evaluated before it binds
                own.append(read)
        return own

    def _place_in(self, node: ast.AST, places: dict[int, int]) -> int | None:
        """The place of the statement of a block in which a node stands, or None."""
        return next((places[id(at)] for at in self.tree.ancestors(node) if id(at) in places), None)

    def _note_annotation(self, target: ast.AST, found: LoopObject) -> None:
        parent = self.tree.parent(target)
        if isinstance(parent, ast.AnnAssign) and parent.target is target:
            found.annotations.append(parent.annotation)

    def _is_placeholder(self, node: ast.AST) -> bool:
        """``loop = None`` before the object is made: no rebinding that matters."""
        parent = self.tree.parent(node)
        if isinstance(parent, (ast.Assign, ast.AnnAssign)):
            value = parent.value
            return value is None or (isinstance(value, ast.Constant) and value.value is None)
        return False

    def _class_variable(self, variable: Variable, found: LoopObject) -> None:
        """A name bound in a class body is an attribute of the class too: nothing may use it so."""
        for attribute in self._attributes.get(variable.name, []):
            raise Escape("class attribute", attribute)
        owner = variable.scope.node
        assert isinstance(owner, ast.ClassDef)
        self._no_use_by_name(variable.name)
        self._no_use_in_other_files(variable.name, owner, found)

    # -- attributes of self -------------------------------------------------------------------------------------------

    def _self_attribute(self, target: ast.Attribute, found: LoopObject) -> None:
        owner = self.method_owner(target)
        if owner is None:
            raise Escape("used", target)
        self._check_class(owner, target.attr, found)
        reads: list[ast.Attribute] = []
        for node in self._attributes[target.attr]:
            self._note_annotation(node, found)
            of = self.method_owner(node)
            if of is not owner:
                if of is not None and self._is_unrelated(of, owner):
                    continue
                raise Escape("outside", node)
            if node is target or self._is_placeholder(node) or isinstance(node.ctx, ast.Del):
                continue
            if isinstance(node.ctx, ast.Store):
                raise Escape("rebound", node)
            reads.append(node)
        found.holders.append(SelfAttribute(owner, target.attr))
        for node in reads:
            self._follow(node, found)

    def method_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class whose instance ``self`` is in ``self.attribute``; None where the base is not a method's first
        parameter.
        """
        if not isinstance(node.value, ast.Name):
            return None
        variable = self.names.variable(node.value)
        method = variable.scope.node
        if len(variable.bindings) != 1 or not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        owner = self.tree.parent(method)
        positional = [*method.args.posonlyargs, *method.args.args]
        if not isinstance(owner, ast.ClassDef) or not positional or variable.bindings[0].node is not positional[0]:
            return None
        decorators = {self.names.path(decorator) or ast.unparse(decorator) for decorator in method.decorator_list}
        return None if decorators & {"staticmethod", "classmethod"} else owner

    def _check_class(self, owner: ast.ClassDef, attribute: str, found: LoopObject) -> None:
        scope = self.names.scopes[owner]
        if attribute in scope.variables:
            for binding in scope.variables[attribute].bindings:
                self._note_annotation(binding.node, found)
                if not (binding.kind == "name" and self._is_placeholder(binding.node)) or _is_dataclass(owner):
                    raise Escape("class attribute", binding.node)
        for base in [*owner.bases, *(keyword.value for keyword in owner.keywords)]:
            if not self._is_known_base(base):
                raise Escape("base", base)
        for node in self.tree.all_of(ast.ClassDef):
            if any(self._names_class(base, owner) for base in node.bases):
                raise Escape("subclass", node)
        self._no_use_by_name(attribute)
        self._no_use_in_other_files(attribute, owner, found)

    def _no_use_in_other_files(self, attribute: str, owner: ast.ClassDef, found: LoopObject) -> None:
        """Other files use an attribute of this name: of this class, for all that can be seen."""
        user = self.project.attribute_user(self.module, attribute, owner.name)
        if user is None:
            return
        place = f"{user[0]}:{user[1]}"
        if not self.unsafe:
            raise Escape("outside", owner, place)
        found.assumptions.append(f".{attribute} at {place} (and in other files) is not of class {owner.name}")

    def _no_use_in_namespace(self, name: str) -> None:
        """``globals()["loop"]``, ``eval("loop.train(loader)")``: uses of a variable that only a string shows."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        for node in self.tree.all_of(ast.Constant):
            if not (isinstance(node.value, str) and word.search(node.value)):
                continue
            parent = self.tree.parent(node)
            looked_up = isinstance(parent, ast.Subscript) and _is_call_of(parent.value, {"globals", "locals", "vars"})
            if looked_up or (isinstance(parent, ast.Call) and _is_call_of(parent, {"eval", "exec", "compile"})):
                raise Escape("by name", node)

    def _no_use_by_name(self, attribute: str) -> None:
        for node in self.tree.all_of(ast.Constant):
            if node.value == attribute:
                call = self.tree.parent(node)
                if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute)):
                    name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
                    if name in {
                        "getattr",
                        "setattr",
                        "hasattr",
                        "delattr",
                        "attrgetter",
                        "__setattr__",
                        "object",
                        "patch",
                    }:
                        raise Escape("by name", node)

    def _is_known_base(self, base: ast.expr) -> bool:
        """Bases that cannot know an attribute that this file's class made up: builtins, the standard library, torch's
        modules.
        """
        if isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        path = self.names.path(base)
        if path is not None:
            root = path.partition(".")[0]
            if not root or self.project.holds(path):
                return False
            return root in {"torch", "adaptiveneuralnetwork"} or root in sys.stdlib_module_names
        if isinstance(base, ast.Name):
            variable = self.names.variable(base)
            if not variable.bindings:
                return True
            return len(variable.bindings) == 1 and self._is_plain_class(variable.bindings[0])
        return False

    def _is_plain_class(self, binding: Binding) -> bool:
        """A class of this file whose own bases are known: its methods are in this file, so its uses of the attribute
        are seen.
        """
        node = binding.node
        return isinstance(node, ast.ClassDef) and all(self._is_known_base(base) for base in node.bases)

    def _names_class(self, base: ast.expr, owner: ast.ClassDef) -> bool:
        if not isinstance(base, ast.Name):
            return False
        return any(binding.node is owner for binding in self.names.variable(base).bindings)

    def _is_unrelated(self, other: ast.ClassDef, owner: ast.ClassDef) -> bool:
        """Whether instances of ``other`` are surely not instances of ``owner``: neither derives from the other in
        this file.
        """
        for derived, base in ((other, owner), (owner, other)):
            if any(self._names_class(expression, base) for expression in derived.bases):
                return False
        return all(self._is_known_base(base) for base in other.bases)


def _is_harmless_test(parent: ast.AST, value: ast.expr, tree: Tree) -> bool:
    """``loop is None``, ``if loop:``, ``not loop``, ``assert loop``: the same for both classes, which are always
    true.
    """
    if isinstance(parent, ast.Compare) and len(parent.ops) == 1 and isinstance(parent.ops[0], (ast.Is, ast.IsNot)):
        others = [parent.left, *parent.comparators]
        return any(isinstance(other, ast.Constant) and other.value is None for other in others)
    if isinstance(parent, (ast.If, ast.While, ast.Assert, ast.IfExp)):
        return parent.test is value
    return isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)


def _is_call_of(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _is_dataclass(owner: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(item) or "attr" in ast.unparse(item) for item in owner.decorator_list)


def is_exported(names: Names, name: str) -> bool:
    """Whether ``__all__`` names a module variable."""
    variable = names.module.variables.get("__all__")
    if variable is None:
        return False
    return any(
        isinstance(part, ast.Constant) and part.value == name
        for binding in variable.bindings
        for part in ast.walk(names.tree.statement(binding.node))
    )
