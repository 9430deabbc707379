"""Readers of percentages: comparisons, arithmetic, choices, lists of them."""

from __future__ import annotations

import ast

from ann_migrate.facts.history import is_tested
from ann_migrate.readers.base import KeepPercent, Kind
from ann_migrate.readers.formats import Formats
from ann_migrate.readers.literals import is_number, is_text
from ann_migrate.readers.ways import Ways
from ann_migrate.rules import guide_reader
from ann_migrate.text.source import Span


class Percentages(Ways, Formats):
    """Readers of one percentage, and of lists of them."""

    def _percent(self, node: ast.expr) -> None:
        self.percents.add(node)
        parent = self.tree.parents[node]
        if node in self.kept:
            self._keep(node)
        elif self._is_idle(node) or is_tested(self.plan, node):
            return
        elif isinstance(parent, ast.Compare):
            self.compares[parent] = None
        elif isinstance(parent, ast.FormattedValue):
            self._formatted(parent, node)
        elif isinstance(parent, ast.BinOp):
            self._operand(parent, node)
        elif isinstance(parent, (ast.ListComp, ast.GeneratorExp)) and parent.elt is node:
            self._percents(parent)
        elif isinstance(parent, ast.IfExp) and node is not parent.test:
            self._chosen(parent, [parent.body, parent.orelse])
        elif self._builtin(parent, node) or (isinstance(parent, ast.Call) and node in parent.args):
            assert isinstance(parent, ast.Call)
            self._argument(parent, node)
        elif isinstance(parent, ast.keyword):
            self._keyword(parent, node)
        elif isinstance(parent, ast.Tuple) and self._fills_template(parent):
            operation = self.tree.parents[parent]
            assert isinstance(operation, ast.BinOp)
            self.templates.setdefault(operation, set()).add(parent.elts.index(node))
        elif not self._handed_on(node, Kind.PERCENT):
            self._keep(node)

    def _percents(self, node: ast.expr) -> None:
        """A list of percentages: its largest, one of them, all of them in a loop; else its elements stay in percent."""
        parent = self.tree.parents[node]
        if self._is_idle(node) or is_tested(self.plan, node):
            return
        name = self._builtin(parent, node)
        if name == "len":
            return
        if name in ("max", "min") and isinstance(parent, ast.Call) and len(parent.args) == 1 and not parent.keywords:
            self._percent(parent)
        elif name in ("sorted", "list", "tuple", "reversed") and isinstance(parent, ast.Call) and not parent.keywords:
            self._percents(parent)
        elif isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.ctx, ast.Load):
            self.follow(parent, Kind.PERCENTS if isinstance(parent.slice, ast.Slice) else Kind.PERCENT)
        elif self._iterated(parent, node) is not None:
            if not self._bind(self._iterated(parent, node), Kind.PERCENT, node):
                self._keep_elements(node)
        elif not isinstance(parent, (ast.Assign, ast.AnnAssign)) or not self._handed_on(node, Kind.PERCENTS):
            self._keep_elements(node)

    def _keep_elements(self, node: ast.expr) -> None:
        """Give the elements of all lists in percent: some reader of one cannot take fractions."""
        for percent in self.percents:
            parent = self.tree.parents[percent]
            element = isinstance(parent, (ast.ListComp, ast.GeneratorExp)) and parent.elt is percent
            if element and percent not in self.kept:
                raise KeepPercent(percent)
        raise self._unknown(node)

    def _operand(self, operation: ast.BinOp, node: ast.expr) -> None:
        other = operation.right if operation.left is node else operation.left
        hundredth = (isinstance(operation.op, ast.Div) and is_number(other, 100)) or (
            isinstance(operation.op, ast.Mult) and is_number(other, 0.01)
        )
        if hundredth and operation.left is node:
            self._leave_out(operation, node)
        elif isinstance(operation.op, ast.Mod) and operation.right is node and is_text(operation.left):
            self.templates.setdefault(operation, set()).add(0)
        elif isinstance(operation.op, (ast.FloorDiv, ast.Mod)):
            raise guide_reader.decline("a percentage is cut off, which may decide otherwise", node)
        else:
            self._keep(node)

    def _fills_template(self, values: ast.Tuple) -> bool:
        """Whether a tuple is the right side of ``"..." % (...)``."""
        operation = self.tree.parents[values]
        right = isinstance(operation, ast.BinOp) and isinstance(operation.op, ast.Mod) and operation.right is values
        return right and isinstance(operation, ast.BinOp) and is_text(operation.left)

    def _leave_out(self, operation: ast.BinOp, node: ast.expr) -> None:
        """``accuracy / 100`` is the fraction itself: the operator and the number go."""
        whole, start = self._span(operation), self._span(node).end
        between = self.source.text(Span(start, whole.end))
        at = max(between.find("/"), between.find("*"))
        if "#" in between:
            self._keep(node)
            return
        gone = between[len(between[:at].rstrip()) :]
        self._edit(whole, lambda text: text.removesuffix(gone))

    def _argument(self, call: ast.Call, node: ast.expr) -> None:
        name = self._builtin(call, node) or ""
        path = self.names.path(call.func) or ""
        if name == "int" or path in ("math.floor", "math.ceil", "math.trunc"):
            raise guide_reader.decline("a percentage is cut off, which may decide otherwise", node)
        own = isinstance(call.func, ast.Name) and not self.names.variable(call.func).bindings
        if own and getattr(call.func, "id", "") in ("max", "min") and len(call.args) > 1 and not call.keywords:
            self._chosen(call, call.args)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "format" and is_text(call.func.value):
            self._template_argument(call, node, call.args.index(node))
        elif not self._passed(call, node, Kind.PERCENT):
            self._keep(node)

    def _keyword(self, keyword: ast.keyword, node: ast.expr) -> None:
        call = self.tree.parents[keyword]
        template = call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
        if template is None or not is_text(template) or keyword.arg is None:
            self._keep(node)
        else:
            assert isinstance(call, ast.Call)
            self._template_argument(call, node, keyword.arg)

    def _chosen(self, choice: ast.expr, among: list[ast.expr]) -> None:
        """``max(best, accuracy)``, ``accuracy if history else 0.0``: a percentage if all that may be chosen are."""
        if choice not in self.choices:
            self.choices[choice] = among
            self._percent(choice)
