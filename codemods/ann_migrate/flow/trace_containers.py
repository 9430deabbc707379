"""A walk through containers: what displays, subscripts, iterations and calls make of their elements."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ann_migrate.flow.containers import (
    ANY_PLACE,
    additions,
    builtin,
    constant_key,
    display_elements,
    is_harmless_call,
    views,
)
from ann_migrate.flow.objects import Element, Escape, Kind, Shape

if TYPE_CHECKING:
    from ann_migrate.flow.trace import Trace


class InContainers:
    """The part of a trace that knows lists, tuples and dicts."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names = trace.names
        self.tree = trace.tree
        self.attributes = trace.attributes
        self.kinds: dict[ast.expr, Kind] = {}
        """Of expressions that the walk came across, what kind of container they are."""

    def into_container(self, parent: ast.AST, value: ast.expr, shape: Shape) -> bool:
        """What a display, a subscript or an iteration does with the value; False where it is none of these."""
        if isinstance(parent, (ast.Tuple, ast.List)) and isinstance(parent.ctx, ast.Load):
            if any(isinstance(item, ast.Starred) for item in parent.elts):
                return False
            place = next(number for number, item in enumerate(parent.elts) if item is value)
            targets = self._unpacked(parent)
            for target in targets:
                self.trace.held_by(target.elts[place], shape)
            if not targets:
                self.trace.forward(parent, (Element(Kind.SEQUENCE, place), *shape))
        elif isinstance(parent, ast.Dict) and any(item is value for item in parent.values):
            number = next(number for number, item in enumerate(parent.values) if item is value)
            key = parent.keys[number]
            if key is None:
                return False
            self._whole(parent, (Element(Kind.MAPPING, constant_key(key)), *shape))
        elif isinstance(parent, ast.ListComp) and parent.elt is value:
            self.trace.forward(parent, (ANY_PLACE, *shape))
        elif isinstance(parent, ast.DictComp) and parent.value is value:
            self.trace.forward(parent, (Element(Kind.MAPPING), *shape))
        elif not shape:
            return False
        elif isinstance(parent, ast.Subscript) and parent.value is value:
            self.subscript_of(parent, value, shape)
        elif isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is value:
            if isinstance(parent, ast.comprehension) and parent.is_async:
                return False
            if shape[0].kind is Kind.SEQUENCE and not self._widened(value, shape):
                self.trace.held_by(parent.target, shape[1:])
        elif isinstance(parent, ast.AugAssign) and parent.value is value and isinstance(parent.op, ast.Add):
            if not self._widened(value, shape):
                self.trace.held_by(parent.target, shape)
        elif isinstance(parent, ast.Compare):
            tested = any(item is value for item in parent.comparators)
            return tested and all(isinstance(operator, (ast.In, ast.NotIn)) for operator in parent.ops)
        elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult) and parent.left is value:
            if not self._widened(value, shape):
                self.trace.forward(parent, shape)
        else:
            return False
        return True

    def _unpacked(self, display: ast.Tuple | ast.List) -> list[ast.Tuple | ast.List]:
        """The targets of ``x, loop = 1, TrainingLoop(...)``, where they take the display apart place by place."""
        assign = self.tree.parent(display)
        targets = assign.targets if isinstance(assign, ast.Assign) else []
        fitting = [
            target
            for target in targets
            if isinstance(target, (ast.Tuple, ast.List)) and len(target.elts) == len(display.elts)
            if not any(isinstance(item, ast.Starred) for item in target.elts)
        ]
        return fitting if len(fitting) == len(targets) else []

    def _whole(self, value: ast.expr, shape: Shape) -> None:
        """A container of which any element may be meant must hold nothing but loops."""
        if shape[0].key is None:
            self.trace.backward(value, shape)
        self.trace.forward(value, shape)

    def _widened(self, value: ast.expr, shape: Shape) -> bool:
        """Whether one element of a container was meant where any may be taken: then all of them are followed."""
        if shape[0].key is None:
            return False
        self._whole(value, (Element(shape[0].kind), *shape[1:]))
        return True

    def subscript_of(self, subscript: ast.Subscript, value: ast.expr, shape: Shape) -> None:
        if isinstance(subscript.slice, ast.Slice):
            if not isinstance(subscript.ctx, ast.Load):
                raise Escape("used", value)
            if not self._widened(value, shape):
                self.trace.forward(subscript, shape)
            return
        element = Element(shape[0].kind, constant_key(subscript.slice))
        moved = isinstance(subscript.ctx, ast.Del) and shape[0].kind is Kind.SEQUENCE
        if not element.matches(shape[0]) and not moved:
            return
        if (element.key is None or moved) and self._widened(value, shape):
            return
        if isinstance(subscript.ctx, ast.Load):
            self.trace.forward(subscript, shape[1:])
        elif isinstance(subscript.ctx, ast.Store):
            self.trace.holders.assigned(subscript, shape[1:])

    def method_of_container(self, call: ast.Call, value: ast.expr, shape: Shape) -> bool:
        for addition in additions(call):
            if addition.kept[0].matches(shape[0]):
                if not self._widened(value, shape):
                    self.trace.backward(addition.value, (*addition.given, *shape[1:]))
                return True
        return self.call_with_container(call, value, shape)

    def call_with_container(self, call: ast.Call, value: ast.expr, shape: Shape) -> bool:
        """What a call of a container's method, or of a builtin with a container, does; False where it is neither."""
        for addition in additions(call):
            if addition.value is value:
                inner = _through(addition.given, addition.kept, shape)
                if inner is not None:
                    self.trace.backward(addition.container, inner)
                    return True
        keyword = next((item for item in call.keywords if item.value is value and item.arg), None)
        if keyword is not None and builtin(call.func, self.names) == "dict" and not call.args:
            self.trace.forward(call, (Element(Kind.MAPPING, keyword.arg), *shape))
            return True
        if not shape:
            return False
        for view in views(call, self.names):
            if view.container is value and view.inner[0].matches(shape[0]):
                if view.inner[0].key is not None or not self._widened(value, shape):
                    self.trace.forward(call, (*view.outer, *shape[1:]))
                return True
        return is_harmless_call(call, value, self.names)

    def put_at(self, target: ast.Subscript, shape: Shape) -> None:
        """``loops["a"] = loop``: the container must hold loops there."""
        kind = self.kind_of(target.value)
        if kind is None or isinstance(target.slice, ast.Slice):
            raise Escape("used", target)
        self.trace.backward(target.value, (Element(kind, constant_key(target.slice)), *shape))

    def made_by_view(self, call: ast.Call, shape: Shape) -> bool:
        """Make sure of what a call takes out of a container; False where it is no such call."""
        for view in views(call, self.names):
            inner = _through(view.outer, view.inner, shape)
            if inner is not None:
                self.trace.backward(view.container, inner)
                self.trace.forward(call, shape)
                return True
        return False

    def made_by_display(self, value: ast.expr, shape: Shape) -> bool:
        elements = display_elements(value, shape[0], self.names)
        if elements is None:
            return False
        self.trace.forward(value, shape)  # whoever else has this container may put something else into it
        for item, unpacked in elements:
            self.trace.backward(item, shape if unpacked else shape[1:])
        return True

    def taken_from(self, subscript: ast.Subscript, shape: Shape) -> None:
        if isinstance(subscript.slice, ast.Slice):
            if not shape or shape[0].kind is not Kind.SEQUENCE:
                raise Escape("rebound", subscript)
            self.trace.backward(subscript.value, (ANY_PLACE, *shape[1:]))
            return
        kind = self.kind_of(subscript.value)
        if kind is None:
            raise Escape("rebound", subscript)
        self.trace.backward(subscript.value, (Element(kind, constant_key(subscript.slice)), *shape))

    def kind_of(self, container: ast.expr) -> Kind | None:
        """Whether an expression seems to be a list or a dict, by what it is bound to. Whoever asks makes sure."""
        if container in self.kinds:
            return self.kinds[container]
        values = [container]
        if isinstance(container, ast.Name):
            values = [value for each in self.names.variable(container).bindings if (value := self._value_of(each.node))]
        elif isinstance(container, ast.Attribute):
            values = [value for each in self.attributes.named(container.attr) if (value := self._value_of(each))]
        for kind in Kind:
            if any(display_elements(value, Element(kind), self.names) is not None for value in values):
                return kind
        return None

    def _value_of(self, target: ast.AST) -> ast.expr | None:
        parent = self.tree.parent(target)
        return parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is not target else None


def _through(entrance: Shape, exit_: Shape, shape: Shape) -> Shape | None:
    """The shape on the other side of a call that moves what is at ``entrance`` to ``exit_``; None where it is not what
    moves.
    """
    if len(shape) < len(entrance) or not all(a.matches(b) for a, b in zip(entrance, shape, strict=False)):
        return None
    return (*exit_, *shape[len(entrance) :])
