"""One walk along all ways of some objects.

It goes two ways at once. *Forward*, from an expression that is a loop to where its value goes: a name, an attribute of
self, a container, a parameter, the calls of a function that returns it, a use. *Backward*, from each such place to all
that may be in it: every value must be a loop too (or None), and the constructors that are found on the way are traced
with the first. So a use that is rewritten never meets an object that is not. Whatever is not understood raises
:class:`~ann_migrate.flow.objects.Escape` with the node that did it.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ann_migrate.flow.functions import Definition, Function
from ann_migrate.flow.objects import Escape, Kind, LoopObject, Shape, Use
from ann_migrate.flow.trace_containers import InContainers
from ann_migrate.flow.trace_holders import Holders
from ann_migrate.legacy_api import TRAINING_LOOP
from ann_migrate.names.scopes import Binding
from ann_migrate.text.tree import FUNCTIONS, Tree

if TYPE_CHECKING:
    from ann_migrate.flow.flow import Flow


class Trace:
    """One walk along all ways of some objects."""

    def __init__(self, flow: Flow, constructor: ast.Call) -> None:
        self.names = flow.names
        self.tree = flow.tree
        self.project = flow.project
        self.attributes = flow.in_class
        self.functions = flow.functions
        self.found = LoopObject([constructor])
        self.holders = Holders(self)
        self.containers = InContainers(self)
        self._steps: deque[tuple[Callable[[ast.expr, Shape], None], ast.expr, Shape]] = deque()
        self._seen: set[tuple[object, ...]] = set()

    def run(self) -> None:
        """Follow everything.

        Raises:
            Escape: something is not followed.
        """
        self.forward(self.found.constructors[0], ())
        while self._steps:
            step, node, shape = self._steps.popleft()
            step(node, shape)
        nodes = [*self.found.constructors, *(use.attribute for use in self.found.uses)]
        modules = {self.names.module_at(node) for node in nodes}
        self.found.far |= len(modules) > 1
        self.found.uses.sort(key=lambda use: (use.attribute.end_lineno or 0, use.attribute.end_col_offset or 0))

    def forward(self, value: ast.expr, shape: Shape) -> None:
        """Follow what is a loop, at ``shape`` in the value of an expression, to where it goes."""
        self._later(self._go_forward, value, shape)

    def backward(self, value: ast.expr, shape: Shape) -> None:
        """Make sure that everything at ``shape`` in the value of an expression is a loop of these."""
        self._later(self._go_backward, value, shape)

    def _later(self, step: Callable[[ast.expr, Shape], None], node: ast.expr, shape: Shape) -> None:
        if self.is_new(step.__name__, node, shape):
            self.found.far |= bool(shape)
            self._steps.append((step, node, shape))

    def is_new(self, *what: object) -> bool:
        new = what not in self._seen
        self._seen.add(what)
        return new

    def note_annotation(self, annotation: ast.expr | None, shape: Shape) -> None:
        """Let an annotation go with the objects, unless it names loops that may be others: ``tuple[Loop, Loop]``."""
        if annotation is None or annotation in self.found.annotations:
            return
        named = [part for part in ast.walk(annotation) if self.names.target(self.names.path(part)) == TRAINING_LOOP]
        if len(named) <= 1 or all(element.key is None for element in shape):
            self.found.annotations.append(annotation)

    # -- forward ------------------------------------------------------------------------------------------------------

    def _go_forward(self, value: ast.expr, shape: Shape) -> None:
        parent = self.tree.parents[value]
        if shape:
            self.containers.kinds[value] = shape[0].kind
        if isinstance(parent, ast.Attribute):
            self._attribute_of(parent, value, shape)
        elif isinstance(parent, ast.Expr) or _is_harmless_test(parent, value, self.tree):
            return
        elif isinstance(parent, ast.Assign) and parent.value is value:
            for target in parent.targets:
                self.held_by(target, shape)
        elif isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.value is value:
            self.held_by(parent.target, shape)
            if isinstance(parent, ast.NamedExpr):
                self.forward(parent, shape)
        elif isinstance(parent, (ast.IfExp, ast.BoolOp)):
            self.found.far = True  # what it gives need not have been made now
            self.backward(parent, shape)
            self.forward(parent, shape)
        elif isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and parent.body is value):
            self._returned_at(parent, value, shape)
        elif isinstance(parent, (ast.Call, ast.keyword)):
            self._passed(parent, value, shape)
        elif isinstance(parent, ast.arguments):
            self._default_of(parent, value, shape)
        elif not self.containers.into_container(parent, value, shape):
            raise Escape("used", value)

    def _attribute_of(self, attribute: ast.Attribute, value: ast.expr, shape: Shape) -> None:
        call = self.tree.parent(attribute)
        called = call if isinstance(call, ast.Call) and call.func is attribute else None
        if not shape:
            self.found.uses.append(Use(attribute, called))
        elif called is None or not self.containers.method_of_container(called, value, shape):
            raise Escape("used", value)

    def _returned_at(self, node: ast.AST, value: ast.expr, shape: Shape) -> None:
        definition = node if isinstance(node, ast.Lambda) else self.functions.around(node)
        if not isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            raise Escape("used", value)
        try:
            function = self.functions.of(definition)
        except Escape as escape:
            raise Escape("used", value, escape.where or escape.how, escape.files) from None
        self._result(function, shape, value)

    def _passed(self, parent: ast.Call | ast.keyword, value: ast.expr, shape: Shape) -> None:
        """An argument of a call: of a function that is followed, or of something that takes containers."""
        call = self.tree.parent(parent) if isinstance(parent, ast.keyword) else parent
        if not isinstance(call, ast.Call) or call.func is value:
            raise Escape("used", value)
        if self.containers.call_with_container(call, value, shape):
            return
        try:
            function = self.functions.called(call)
            if function is None:
                raise Escape("used", value)
            parameter = function.parameter(call, value)
        except Escape as escape:
            raise Escape("used", value, escape.where, escape.files) from None
        self._into_function(function)
        self.holders.variable(self.names.variable(parameter), shape)

    def _default_of(self, arguments: ast.arguments, value: ast.expr, shape: Shape) -> None:
        node = self.tree.parents[arguments]
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        try:
            function = self.functions.of(node)
        except Escape as escape:
            raise Escape("used", value, escape.where or escape.how, escape.files) from None
        self._into_function(function)
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        parameter = next(each for each in every if function.default(each) is value)
        self.holders.variable(self.names.variable(parameter), shape)

    def held_by(self, target: ast.expr, shape: Shape) -> None:
        """What an assignment of the value to a target means."""
        if isinstance(target, ast.Name):
            self.holders.variable_at(target, shape)
        elif isinstance(target, ast.Attribute):
            owner = self.attributes.method_owner(target)
            if owner is None:
                raise Escape("used", target)
            self.holders.self_attribute(owner, target.attr, shape)
        elif isinstance(target, ast.Subscript):
            self.containers.put_at(target, shape)
        elif isinstance(target, (ast.Tuple, ast.List)) and shape and shape[0].kind is Kind.SEQUENCE:
            if any(isinstance(item, ast.Starred) for item in target.elts):
                raise Escape("used", target)
            for place, item in enumerate(target.elts):
                if shape[0].key in (None, place):
                    self.held_by(item, shape[1:])
        else:
            raise Escape("used", target)

    # -- backward -----------------------------------------------------------------------------------------------------

    def _go_backward(self, value: ast.expr, shape: Shape) -> None:
        if isinstance(value, ast.Constant) and value.value is None:
            return
        if isinstance(value, ast.Call):
            self._made_by_call(value, shape)
        elif isinstance(value, ast.Name):
            self.holders.read(value, shape)
        elif isinstance(value, ast.Attribute):
            self._read_attribute(value, shape)
        elif isinstance(value, ast.IfExp):
            self.backward(value.body, shape)
            self.backward(value.orelse, shape)
        elif isinstance(value, ast.BoolOp):
            for item in value.values:
                self.backward(item, shape)
        elif isinstance(value, ast.NamedExpr):
            self.backward(value.value, shape)
        elif isinstance(value, ast.Await):
            self._made_by_await(value, shape)
        elif isinstance(value, ast.Subscript):
            self.containers.taken_from(value, shape)
        elif not shape or not self.containers.made_by_display(value, shape):
            raise Escape("rebound", value)

    def _made_by_call(self, call: ast.Call, shape: Shape) -> None:
        if call in self.found.constructors and not shape:
            return
        if self.names.target(self.names.path(call.func)) == TRAINING_LOOP and not shape:
            self.found.constructors.append(call)
            self.forward(call, ())
            return
        if shape and self.containers.made_by_display(call, shape):
            return
        if self.containers.made_by_view(call, shape):
            return
        try:
            function = self.functions.called(call)
        except Escape as escape:
            raise Escape("rebound", call, escape.where, escape.files) from None
        if function is None or isinstance(function.node, ast.AsyncFunctionDef) or _is_init(function.node):
            raise Escape("rebound", call)
        self._result(function, shape, call)

    def _made_by_await(self, value: ast.Await, shape: Shape) -> None:
        function = self.functions.called(value.value) if isinstance(value.value, ast.Call) else None
        if function is None or not isinstance(function.node, ast.AsyncFunctionDef):
            raise Escape("rebound", value)
        self._result(function, shape, value)

    def _read_attribute(self, value: ast.Attribute, shape: Shape) -> None:
        if self.names.read_by(value) is not None:
            self.holders.read(value, shape)
            return
        try:
            function = self.functions.property_of(value)
        except Escape as escape:
            raise Escape("rebound", value, escape.where, escape.files) from None
        owner = self.attributes.instance_owner(value)
        if function is not None:
            self._result(function, shape, value)
        elif owner is not None:
            self.holders.self_attribute(owner, value.attr, shape)
        else:
            raise Escape("rebound", value)

    # -- functions ----------------------------------------------------------------------------------------------------

    def _into_function(self, function: Function) -> None:
        self.found.far = True
        if function.node not in self.found.functions:
            self.found.functions.append(function.node)
            self.found.assumptions += function.assumptions

    def parameter(self, parameter: ast.arg, binding: Binding, shape: Shape) -> None:
        """Every call must pass a loop for a parameter."""
        definition = binding.scope.node
        assert isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        try:
            function = self.functions.of(definition)
            if not function.is_own(parameter):
                raise Escape("function", parameter)
            values = [
                function.argument(call, parameter) if isinstance(call, ast.Call) else None for call in function.calls
            ]
        except Escape as escape:
            raise Escape("rebound", parameter, escape.where, escape.files) from None
        self._into_function(function)
        for value in values:
            if value is not None:
                self.backward(value, shape)

    def _result(self, function: Function, shape: Shape, value: ast.expr) -> None:
        """Every return of a function must give a loop, and every call of it is one."""
        if not self.is_new("result", function.node, shape):
            return
        self._into_function(function)
        returns = _returned_values(function.node)
        if returns is None or _is_init(function.node):
            raise Escape("used", value, f"`{function.name}` is a generator")
        self.note_annotation(getattr(function.node, "returns", None), shape)
        for returned in returns:
            self.backward(returned, shape)
        for call in function.calls:
            if not isinstance(function.node, ast.AsyncFunctionDef):
                self.forward(call, shape)
                continue
            awaited = self.tree.parent(call)
            if not isinstance(awaited, ast.Await):
                raise Escape("used", call, f"`{function.name}` is not awaited here")
            self.forward(awaited, shape)


def _returned_values(definition: Definition) -> list[ast.expr] | None:
    """What the returns of a function give; None for a generator."""
    if isinstance(definition, ast.Lambda):
        return [definition.body]
    values: list[ast.expr] = []
    pending: list[ast.AST] = list(definition.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return None
        if isinstance(node, ast.Return) and node.value is not None:
            values.append(node.value)
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            pending.extend(ast.iter_child_nodes(node))
    return values


def _is_init(definition: Definition) -> bool:
    return getattr(definition, "name", "") == "__init__"


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
