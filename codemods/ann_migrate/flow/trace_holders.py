"""A walk through what holds objects: names, with all their bindings and reads, and attributes of self."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ann_migrate.flow.attributes import is_dataclass
from ann_migrate.flow.containers import ANY_PLACE
from ann_migrate.flow.names_in_strings import check_not_looked_up
from ann_migrate.flow.objects import Element, Escape, Kind, SelfAttribute, Shape
from ann_migrate.names.scopes import Binding, Variable
from ann_migrate.project.reach import files_reaching

if TYPE_CHECKING:
    from ann_migrate.flow.trace import Trace


class Holders:
    """The part of a trace that knows names and attributes."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names = trace.names
        self.tree = trace.tree
        self.attributes = trace.attributes

    def read(self, name: ast.Name | ast.Attribute, shape: Shape) -> None:
        """Make sure of a name that is read: of all that it is bound to, or of the one assignment that it means."""
        meanings = self.names.meanings(name)
        if len(meanings) != 1 or not meanings[0].bindings:
            raise Escape("rebound", name)
        variable = meanings[0]
        targets = [item.node for item in variable.bindings if not self._is_end(item)]
        in_line = False
        for target in targets if len(targets) > 1 else ():
            own = self._reads_in_line(target, variable) if isinstance(target, ast.Name) else None
            in_line |= own is not None
            if own is not None and isinstance(target, ast.Name) and any(read is name for read in own):
                self.variable_at(target, shape)
                return
        if in_line:
            raise Escape("rebound", name)
        self.variable(variable, shape)

    # -- variables ----------------------------------------------------------------------------------------------------

    def variable_at(self, target: ast.Name, shape: Shape) -> None:
        """A name that one assignment binds: the reads of that one, where it is bound to other things before or later
        in a straight line, else all of them.
        """
        variable = self.names.variable(target)
        others = [item for item in variable.bindings if item.node is not target and not self._is_end(item)]
        own = self._reads_in_line(target, variable) if others else None
        if own is None:
            self.variable(variable, shape)
        elif self.trace.is_new("assignment", target, shape):
            self._check_in_sight(variable, target, shape)
            binding = next(item for item in variable.bindings if item.node is target)
            self._bound(binding, shape)
            for read in own:
                self.trace.forward(read, shape)

    def variable(self, variable: Variable, shape: Shape) -> None:
        """A name of which every binding and every read counts."""
        if not self.trace.is_new("variable", variable, shape):
            return
        bindings = [item for item in variable.bindings if not self._is_end(item)]
        first = (bindings or variable.bindings)[0].node
        for binding in bindings:
            if self.tree.part(binding.node) != self.tree.part(first):
                raise Escape("rebound", binding.node)  # cells and blocks are run in any order, again and again
        self._check_in_sight(variable, first, shape)
        for binding in bindings:
            self._bound(binding, shape)
        for read in variable.reads:
            if len(self.names.meanings(read)) != 1:
                raise Escape("rebound", read)
            self.trace.forward(read, shape)

    def _check_in_sight(self, variable: Variable, target: ast.AST, shape: Shape) -> None:
        """Refuse a name that code out of sight may read or bind; note that it holds the object."""
        for binding in variable.bindings:
            self._note_annotation(binding.node, shape)
        if variable.scope.kind == "class":
            self._class_variable(variable)
        elif variable.scope.kind == "module":
            users = files_reaching(self.names, self.trace.project, variable)
            if users:
                raise Escape("imported", target, str(users[0]), users)
            self.attributes.check_not_exported(variable, "imported", target, self.trace.found.assumptions)
        for star in variable.scope.star_imports:
            if star.lineno > getattr(target, "lineno", 0):
                raise Escape("rebound", star)
        for each in (variable, *variable.imported_as):
            check_not_looked_up(self.tree, each.name)
        if variable not in self.trace.found.holders:
            self.trace.found.holders.append(variable)

    def _bound(self, binding: Binding, shape: Shape) -> None:
        """What one binding puts into a name must be loops."""
        node = binding.node
        if binding.kind == "param" and isinstance(node, ast.arg):
            self.trace.parameter(node, binding, shape)
        elif binding.kind == "name" and isinstance(node, ast.Name):
            self.assigned(node, shape)
        else:
            raise Escape("rebound", node)

    def assigned(self, target: ast.expr, shape: Shape) -> None:
        """What is assigned to a target must be loops at ``shape``: in statements, loops, unpacked tuples."""
        whole = shape
        at: ast.AST = target
        parent = self.tree.parents[at]
        while isinstance(parent, (ast.Tuple, ast.List)):
            if any(isinstance(item, ast.Starred) for item in parent.elts):
                raise Escape("rebound", target)
            place = next(number for number, item in enumerate(parent.elts) if item is at)
            whole = (Element(Kind.SEQUENCE, place), *whole)
            at, parent = parent, self.tree.parents[parent]
        if isinstance(parent, ast.Assign) and at in parent.targets:
            value = parent.value
            while len(whole) > len(shape) and (part := _part(value, whole[0])) is not None:
                value, whole = part, whole[1:]
            self.trace.backward(value, whole)
        elif isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.target is at:
            if parent.value is not None:
                self.trace.backward(parent.value, whole)
        elif isinstance(parent, (ast.For, ast.comprehension)) and parent.target is at:
            if isinstance(parent, ast.comprehension) and parent.is_async:
                raise Escape("rebound", target)
            self.trace.backward(parent.iter, (ANY_PLACE, *whole))
        elif isinstance(parent, ast.AugAssign) and isinstance(parent.op, ast.Add) and shape[:1] == (ANY_PLACE,):
            self.trace.backward(parent.value, shape)
        else:
            raise Escape("rebound", target)

    def _is_end(self, binding: Binding) -> bool:
        """``del loop``, ``loop = None``: no other object that a use could mean."""
        return binding.kind == "del" or self._is_placeholder(binding.node)

    def _is_placeholder(self, node: ast.AST) -> bool:
        """``loop = None`` before the object is made: no rebinding that matters."""
        parent = self.tree.parent(node)
        if isinstance(parent, (ast.Assign, ast.AnnAssign)):
            value = parent.value
            return value is None or (isinstance(value, ast.Constant) and value.value is None)
        return False

    def _note_annotation(self, target: ast.AST, shape: Shape) -> None:
        parent = self.tree.parent(target)
        annotation = target.annotation if isinstance(target, ast.arg) else None
        if isinstance(parent, ast.AnnAssign) and parent.target is target:
            annotation = parent.annotation
        self.trace.note_annotation(annotation, shape)

    def _class_variable(self, variable: Variable) -> None:
        """A name bound in a class body is an attribute of the class too: nothing may use it so."""
        for attribute in self.attributes.named(variable.name):
            raise Escape("class attribute", attribute)
        owner = variable.scope.node
        assert isinstance(owner, ast.ClassDef)
        self.attributes.check_not_by_name(variable.name)
        self.attributes.check_other_files(variable.name, owner, self.trace.found.assumptions)

    def _reads_in_line(self, target: ast.Name, variable: Variable) -> list[ast.Name | ast.Attribute] | None:
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
        own: list[ast.Name | ast.Attribute] = []
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

    # -- attributes of self -------------------------------------------------------------------------------------------

    def self_attribute(self, owner: ast.ClassDef, attribute: str, shape: Shape) -> None:
        family = self.attributes.family(owner)
        first = min(family, key=lambda member: member.lineno)
        if not self.trace.is_new("attribute", first, attribute, shape):
            return
        mentions = self._mentions(owner, family, attribute)
        self._check_class_bodies(family, attribute)
        self.attributes.check_reach(owner, attribute, self.trace.found.assumptions)
        self.trace.found.far |= len(family) > 1
        holder = SelfAttribute(owner, attribute)
        if holder not in self.trace.found.holders:
            self.trace.found.holders.append(holder)
        for node in mentions:
            self._note_annotation(node, shape)
            if isinstance(node.ctx, ast.Store) and not self._is_placeholder(node):
                self.assigned(node, shape)
        for node in mentions:
            if isinstance(node.ctx, ast.Load):
                self.trace.found.far |= self.attributes.method_owner(node) is None
                self.trace.forward(node, shape)

    def _mentions(self, owner: ast.ClassDef, family: list[ast.ClassDef], attribute: str) -> list[ast.Attribute]:
        """The mentions of the attribute on instances of these classes: all that are not surely about another class."""
        found = []
        for node in self.attributes.named(attribute):
            if self.attributes.instance_owner(node) in family:
                found.append(node)
            elif not self.attributes.is_unrelated(node, owner):
                raise Escape("outside", node)
        return found

    def _check_class_bodies(self, family: list[ast.ClassDef], attribute: str) -> None:
        """A class body may declare the attribute (``loop: TrainingLoop | None = None``); more is another meaning."""
        for member in family:
            variable = self.names.scopes[member].variables.get(attribute)
            for binding in variable.bindings if variable is not None else ():
                self._note_annotation(binding.node, ())
                if not (binding.kind == "name" and self._is_placeholder(binding.node)) or is_dataclass(member):
                    raise Escape("class attribute", binding.node)


def _part(value: ast.expr, element: Element) -> ast.expr | None:
    """The expression at a place of a tuple or list display."""
    if not isinstance(value, (ast.Tuple, ast.List)) or any(isinstance(item, ast.Starred) for item in value.elts):
        return None
    return value.elts[element.key] if isinstance(element.key, int) and element.key < len(value.elts) else None
