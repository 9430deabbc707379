"""The readers of what a loop returned, turned to what Trainer returns: fractions instead of percent.

Values are followed from the calls that make them (roots) to whoever reads them, by kind: a list of records, one
record, a percentage, a list of percentages. A reader of a percentage becomes idiomatic where that says the same
(``:.2f}%`` to ``:.2%``, ``> 90.0`` to ``> 0.9``, ``/ 100`` left out); where it cannot take a fraction it gets
``100 * value``, which keeps its unit. A reader that is not understood declines the object.

What is taken for a percentage is taken so on trust first (a variable may be bound elsewhere too) and held against all
that was found at the end; where that fails for a variable, all is followed anew with its values kept in percent.
"""

from __future__ import annotations

import ast

from ann_migrate.facts.history import is_public
from ann_migrate.names.resolve import Variable
from ann_migrate.readers.base import Claim, KeepPercent, Kind
from ann_migrate.readers.literals import is_nothing
from ann_migrate.readers.percentages import Percentages
from ann_migrate.readers.records import Records
from ann_migrate.rewriting import dropped
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import guide_reader
from ann_migrate.text.format_fields import printf_specs

__all__ = ["Readers"]


class Readers:
    """Collects the roots of one object; :meth:`turn` plans the edits of all their readers."""

    def __init__(self) -> None:
        self._roots: list[tuple[ast.expr, Kind]] = []

    def add_history(self, node: ast.expr) -> None:
        """``node`` is a list of records that is Trainer's now, with the same rows."""
        self._roots.append((node, Kind.HISTORY))

    def add_last(self, node: ast.expr) -> None:
        """``node`` is such a list, but may lack the rows of earlier calls."""
        self._roots.append((node, Kind.LAST))

    def add_record(self, node: ast.expr) -> None:
        """``node`` is one record."""
        self._roots.append((node, Kind.RECORD))

    def turn(self, plan: Plan) -> None:
        """Plan the edits of all readers.

        Raises:
            Decline: one of them is not understood.
        """
        kept: set[object] = set()
        while True:
            following = _Following(plan, kept)
            try:
                for node, kind in self._roots:
                    following.follow(node, kind)
                following.check()
            except KeepPercent as again:
                kept.add(again.what)
                continue
            break
        following.commit()


class _Following(Records, Percentages):
    """One attempt to follow all roots."""

    def follow(self, node: ast.expr, kind: Kind) -> None:
        """Follow a value to its reader.

        Raises:
            Decline: the reader is not understood.
        """
        {
            Kind.HISTORY: self._history,
            Kind.LAST: self._last,
            Kind.RECORD: self._record,
            Kind.PERCENT: self._percent,
            Kind.PERCENTS: self._percents,
        }[kind](node)

    def check(self) -> None:
        """Hold what was taken on trust against all that was found.

        Raises:
            Decline: it does not hold.
            KeepPercent: it does not hold of a variable whose values can stay in percent.
        """
        for variable, claim in list(self.claims.items()):
            for binding in variable.bindings:
                if binding.node in claim.bound:
                    continue
                self._check_other_binding(variable, claim, binding.node)
        for choice, among in list(self.choices.items()):
            for item in among:
                if item not in self.percents:
                    if not self._is_literal(item):
                        raise KeepPercent(next(each for each in among if each in self.percents - self.kept))
                    self._scale(item, choice)
        thresholds: dict[Variable, list[ast.Name]] = {}
        for compare in list(self.compares):
            for operand in (compare.left, *compare.comparators):
                if operand in self.percents:
                    continue
                if isinstance(operand, ast.Name) and operand not in self.percents:
                    thresholds.setdefault(self.names.variable(operand), []).append(operand)
                else:
                    self._scale(operand, compare)
            if any(isinstance(operator, (ast.In, ast.NotIn)) for operator in compare.ops):
                raise self._unknown(compare)
        for variable, reads in thresholds.items():
            self._threshold(variable, reads)
        for operation, numbers in list(self.templates.items()):
            if self._apply_template(operation, numbers):
                continue
            assert isinstance(operation.left, ast.Constant)
            specs = list(printf_specs(str(operation.left.value)))
            for number in numbers:
                value = operation.right.elts[number] if isinstance(operation.right, ast.Tuple) else operation.right
                if number >= len(specs) or specs[number][0][-1] in "di":
                    raise guide_reader.decline("a percentage is cut off, which may decide otherwise", value)
                self._keep(value)
        self._check_criterion()

    def _check_other_binding(self, variable: Variable, claim: Claim, node: ast.AST) -> None:
        parent = self.tree.parent(node)
        value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None
        if value is not None and not (isinstance(parent, ast.Assign) and len(parent.targets) > 1):
            if claim.kind is Kind.PERCENT and self._is_literal(value):
                self._scale(value, value)
                return
            if claim.kind is not Kind.PERCENT and is_nothing(value):
                return
        if claim.kind is Kind.PERCENT:
            raise KeepPercent(variable)
        raise guide_reader.decline(f"the name {variable.name!r} holds other things than these records too", node)

    def _threshold(self, variable: Variable, reads: list[ast.Name]) -> None:
        """A named threshold, bound once to a literal: the literal is turned, if nothing else reads it."""
        made = self.plan.context.values.made_by(reads[0])
        public = variable.scope.kind == "class" or (variable.scope.kind == "module" and is_public(self.plan, variable))
        if made is None or not self._is_literal(made) or public or set(variable.reads) != set(reads):
            raise guide_reader.decline("a percentage is compared with what is not seen to be one", reads[0])
        self._scale(made, reads[0])

    def _check_criterion(self) -> None:
        """Accuracies are reported for classifications only."""
        given = [mate.arguments.given("criterion") for mate in self.plan.mates] if self.reads_accuracy else []
        for criterion in given:
            if criterion is not None:
                self._check_one_criterion(criterion)

    def _check_one_criterion(self, given: ast.expr) -> None:
        made = self.plan.context.values.made_by(given)
        path = (self.names.path(made.func) if isinstance(made, ast.Call) else self.names.path(given)) or ""
        last = path.rpartition(".")[2].lower().replace("_", "")
        if path.startswith("torch.nn.") and last not in _CLASSIFYING:
            what = "an accuracy is read, and Trainer reports none with this criterion"
            raise guide_reader.decline(what, given)
        if not path.startswith("torch.nn."):
            self.left.append((dropped.ACCURACY_OF_CLASSES, None))

    def commit(self) -> None:
        """Hand the edits and what is left behind to the plan."""
        self.plan.edits += self.edits.values()
        for code, node in self.left:
            self.plan.leave_behind(code, node)


_CLASSIFYING = frozenset({"crossentropyloss", "nllloss", "crossentropy", "multimarginloss"})
