"""Readers of records: which of them, and which of their keys."""

from __future__ import annotations

import ast

from ann_migrate.facts.history import is_public, is_tested
from ann_migrate.legacy_api import ACCURACIES, RECORD_KEYS
from ann_migrate.readers.base import Kind
from ann_migrate.readers.literals import are_constants, is_number
from ann_migrate.readers.ways import Ways
from ann_migrate.rewriting import dropped
from ann_migrate.rules import guide_reader, guide_record_key


class Records(Ways):
    """Readers of lists of records, and of records."""

    def _history(self, node: ast.expr) -> None:
        parent = self.tree.parents[node]
        if self._is_idle(node) or is_tested(self.plan, node):
            return
        name = self._builtin(parent, node)
        if name in ("len", "bool"):
            return
        if name in ("list", "reversed", "sorted", "iter"):
            assert isinstance(parent, ast.Call)
            self._ordered_by(parent)
            self._history(parent)
        elif name in ("max", "min", "next"):
            assert isinstance(parent, ast.Call)
            self._ordered_by(parent)
            self._record(parent)
        elif name == "enumerate":
            self._enumerated(parent)
        elif isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
            self.follow(parent, Kind.HISTORY if isinstance(parent.slice, ast.Slice) else Kind.RECORD)
        elif self._iterated(parent, node) is not None:
            self._bind(self._iterated(parent, node), Kind.RECORD, node)
        elif not self._handed_on(node, Kind.HISTORY):
            self._whole(node)

    def _last(self, node: ast.expr) -> None:
        parent = self.tree.parents[node]
        if isinstance(parent, ast.Expr) and parent not in self.tree.shown:
            return
        if isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
            index = parent.slice
            if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) and is_number(index.operand, 1):
                self._record(parent)
                return
        if isinstance(parent, ast.Assign) and parent.targets and all(isinstance(t, ast.Name) for t in parent.targets):
            variables = [self.names.variable(target) for target in parent.targets if isinstance(target, ast.Name)]
            if all(not variable.reads and not is_public(self.plan, variable) for variable in variables):
                return
        what = "the object is trained more than once, and more than the last record of one call is read"
        raise guide_reader.decline(what, node)

    def _record(self, node: ast.expr) -> None:
        parent = self.tree.parents[node]
        if self._is_idle(node) or is_tested(self.plan, node):
            return
        if isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
            self._value(parent, parent.slice)
        elif isinstance(parent, ast.Attribute) and parent.attr == "get" and self._called(parent) is not None:
            call = self._called(parent)
            assert call is not None
            self._got(call)
        elif isinstance(parent, ast.Compare) and node in parent.comparators and len(parent.ops) == 1:
            if not isinstance(parent.ops[0], (ast.In, ast.NotIn)):
                raise self._unknown(node)
            self._checked_keys(parent.left)
        elif not self._handed_on(node, Kind.RECORD):
            self._whole(node)

    def _value(self, node: ast.expr, key: ast.expr) -> None:
        """The value of a record's key."""
        if self._checked_keys(key) & ACCURACIES:
            self._accuracy(node)
            self.follow(node, Kind.PERCENT)

    def _got(self, call: ast.Call) -> None:
        """``record.get(key, default)``."""
        if not call.args or call.keywords or len(call.args) > 2:
            raise self._unknown(call)
        if not self._checked_keys(call.args[0]) & ACCURACIES:
            return
        self._accuracy(call)
        if len(call.args) == 2:
            if not self._is_literal(call.args[1]):
                raise guide_reader.decline("the default here is not seen to be a percentage", call)
            self._scale(call.args[1], call)
        else:
            self.maybe_none.add(call)
        self.follow(call, Kind.PERCENT)

    def _checked_keys(self, key: ast.expr) -> set[str]:
        """The keys that an expression may mean; all of them are in Trainer's records too."""
        keys = self._constants(key)
        if keys is None:
            raise guide_record_key.decline(None, key)
        for each in keys:
            if each not in RECORD_KEYS:
                raise guide_record_key.decline(str(each), key)
        if keys & ACCURACIES and not keys <= ACCURACIES:
            raise self._unknown(key)
        return keys

    def _constants(self, key: ast.expr) -> set[str] | None:
        """What a key may be: a literal, or the variable of a loop over literals."""
        if isinstance(key, ast.Constant):
            return {str(key.value)}
        if not isinstance(key, ast.Name):
            return None
        made = self.plan.context.values.made_by(key)
        if isinstance(made, ast.Constant):
            return {str(made.value)}
        bindings = self.names.variable(key).bindings
        loop = self.tree.parent(bindings[0].node) if len(bindings) == 1 else None
        if not isinstance(loop, (ast.For, ast.comprehension)) or loop.target is not bindings[0].node:
            return None
        if not isinstance(loop.iter, (ast.Tuple, ast.List, ast.Set)):
            return None
        items = loop.iter.elts
        return {str(item.value) for item in items if isinstance(item, ast.Constant)} if are_constants(items) else None

    def _accuracy(self, node: ast.expr) -> None:
        self.reads_accuracy = True
        self.left.append((dropped.PERCENT, node))

    def _enumerated(self, call: ast.AST) -> None:
        assert isinstance(call, ast.Call)
        target = self._iterated(self.tree.parents[call], call)
        if not isinstance(target, ast.Tuple) or len(target.elts) != 2:
            raise self._unknown(call)
        if not self._bind(target.elts[1], Kind.RECORD, call):
            raise self._unknown(call)

    def _called(self, attribute: ast.Attribute) -> ast.Call | None:
        call = self.tree.parent(attribute)
        return call if isinstance(call, ast.Call) and call.func is attribute else None

    def _ordered_by(self, call: ast.Call) -> None:
        """``sorted(history, key=lambda record: record["val_accuracy"])``: fractions are in the order of percentages."""
        for keyword in call.keywords:
            if keyword.arg != "key":
                continue
            if not isinstance(keyword.value, ast.Lambda) or len(keyword.value.args.args) != 1:
                raise self._unknown(call)
            parameter = self.names.scopes[keyword.value].variables[keyword.value.args.args[0].arg]
            for read in parameter.reads:
                key = self.tree.parents[read]
                plain = isinstance(key, ast.Subscript) and key.value is read and keyword.value.body is key
                if not isinstance(key, ast.Subscript) or not plain:
                    raise self._unknown(read)
                if self._checked_keys(key.slice) & ACCURACIES:
                    self.reads_accuracy = True

    def _whole(self, node: ast.expr) -> None:
        """Records that are printed, dumped or stored as they are."""
        parent = self.tree.parents[node]
        shown = isinstance(parent, (ast.FormattedValue, ast.Expr))
        if isinstance(parent, ast.Call) and node in parent.args:
            name = parent.func.id if isinstance(parent.func, ast.Name) else ""
            builtin = name in ("print", "str", "repr") and not self.names.variable(parent.func).bindings
            shown = builtin or self.names.path(parent.func) in ("json.dump", "json.dumps", "pprint.pprint")
        if not shown and not self._is_stored_unread(node):
            raise self._unknown(node)
        self.left += [(dropped.WHOLE_RECORDS, node), (dropped.PERCENT, None), (dropped.LEGACY_KEYS, None)]

    def _is_stored_unread(self, node: ast.expr) -> bool:
        """Whether a value ends in a variable, perhaps within displays, that nobody in reach reads."""
        at: ast.AST = node
        parent = self.tree.parents[node]
        while isinstance(parent, (ast.Dict, ast.List, ast.Tuple)):
            at, parent = parent, self.tree.parents[parent]
        if not isinstance(parent, ast.Assign) or parent.value is not at:
            return False
        for target in parent.targets:
            if not isinstance(target, ast.Name):
                return False
            variable = self.names.variable(target)
            if variable.reads or variable.scope.kind == "class" or is_public(self.plan, variable):
                return False
        return True
