"""One attempt to turn all readers: what is known so far, and the edits that all kinds of readers share."""

from __future__ import annotations

import ast
import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from ann_migrate.facts.scaled import as_fraction
from ann_migrate.names.resolve import Variable
from ann_migrate.readers.literals import is_atom, is_infinite, is_zero
from ann_migrate.rewriting import dropped
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules import guide_reader
from ann_migrate.text.edits import Edit
from ann_migrate.text.source import Span


class Kind(enum.Enum):
    """What a followed value is."""

    HISTORY = "a list of records, all of this call"
    LAST = "a list of records of which only the last is surely the same"
    RECORD = "a record"
    PERCENT = "a percentage"
    PERCENTS = "a list of percentages"


class KeepPercent(Exception):  # noqa: N818 - not an error
    """What was taken for a fraction must stay in percent: follow all anew."""

    def __init__(self, what: object) -> None:
        super().__init__()
        self.what = what


@dataclass
class Claim:
    """A variable that is taken to hold one kind of value, and the places where it was seen to be bound to one."""

    kind: Kind
    bound: set[ast.AST] = field(default_factory=set)


class Walk:
    """The state of one attempt; ``kept`` are variables and list elements whose values stay in percent."""

    def __init__(self, plan: Plan, kept: set[object]) -> None:
        self.plan = plan
        self.kept = kept
        self.tree = plan.context.tree
        self.names = plan.context.names
        self.source = plan.context.source
        self.flow = plan.context.flow
        self.edits: dict[tuple[int, int, str], Edit] = {}
        self.left: list[tuple[str, ast.expr | None]] = []
        self.percents: set[ast.expr] = set()
        self.claims: dict[Variable, Claim] = {}
        self.compares: dict[ast.Compare, None] = {}
        self.choices: dict[ast.expr, list[ast.expr]] = {}
        self.templates: dict[ast.BinOp, set[int]] = {}
        self.maybe_none: set[ast.expr] = set()
        self.reads_accuracy = False

    def follow(self, node: ast.expr, kind: Kind) -> None:
        """Follow a value to its reader.

        Raises:
            Decline: the reader is not understood.
        """
        raise NotImplementedError

    def _is_idle(self, node: ast.expr) -> bool:
        """Whether nothing is done with a value."""
        parent = self.tree.parents[node]
        return isinstance(parent, ast.Expr) and parent not in self.tree.shown

    # -- what stays in percent ----------------------------------------------------------------------------------------

    def _keep(self, node: ast.expr) -> None:
        """Give a reader 100 times the fraction."""
        parent = self.tree.parents[node]
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or node in self.maybe_none:
            raise self._unknown(node)
        if isinstance(parent, (ast.Starred, ast.Await, ast.Delete, ast.withitem)):
            raise self._unknown(node)
        if self._is_compared(node):
            raise guide_reader.decline("a percentage is compared with what is not seen to be one", node)
        tight = isinstance(parent, (ast.UnaryOp, ast.Attribute, ast.Await)) or (
            isinstance(parent, ast.BinOp) and not isinstance(parent.op, (ast.Add, ast.Sub))
        )
        tight = tight or (
            isinstance(parent, (ast.Subscript, ast.Call))
            and node in (getattr(parent, "value", None), getattr(parent, "func", None))
        )
        atom = is_atom(node)
        self._edit(self._span(node), _wrapper(tight, atom))
        self.left.append((dropped.LAST_DIGIT, node))

    def _is_compared(self, node: ast.expr) -> bool:
        """Whether what is made of a percentage that stays one is visibly compared with a number other than 0: its last
        bit could decide.
        """
        for at in self.tree.ancestors(node):
            if isinstance(at, ast.Compare):
                return any(not is_zero(operand) for operand in self._others(at, node))
            if isinstance(at, ast.Call) and isinstance(at.func, ast.Name) and at.func.id in ("round", "len"):
                return False
            if isinstance(at, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                targets = at.targets if isinstance(at, ast.Assign) else [at.target]
                names = [target for target in targets if isinstance(target, ast.Name)]
                reads = [read for name in names for read in self.names.variable(name).reads]
                return any(self._is_operand(read) for read in reads)
            if isinstance(at, ast.stmt):
                return False
        return False

    def _is_operand(self, read: ast.expr) -> bool:
        parent = self.tree.parents[read]
        return isinstance(parent, ast.Compare) and any(not is_zero(other) for other in self._others(parent, read))

    def _others(self, compare: ast.Compare, node: ast.expr) -> list[ast.expr]:
        """The operands of a comparison that a value is no part of."""
        around = {id(node), *(id(at) for at in self.tree.ancestors(node))}
        return [operand for operand in (compare.left, *compare.comparators) if id(operand) not in around]

    def _scale(self, node: ast.expr, culprit: ast.expr) -> None:
        """Turn a literal percentage into a fraction."""
        inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)) else node
        if isinstance(inner, ast.Constant):
            if inner.value is None:
                return
            text = self.source.text(self._span(inner))
            new = as_fraction(inner, text)
            if new is not None:
                if new != text:
                    self._edit(self._span(inner), lambda _: new)
                return
        if is_infinite(inner, self.names.path(inner) or ""):
            return
        raise guide_reader.decline("a percentage is compared with what is not seen to be one", culprit)

    def _is_literal(self, node: ast.expr) -> bool:
        inner = node.operand if isinstance(node, ast.UnaryOp) else node
        number = isinstance(inner, ast.Constant) and (
            inner.value is None or (isinstance(inner.value, (int, float)) and not isinstance(inner.value, bool))
        )
        return number or is_infinite(inner, self.names.path(inner) or "")

    # -- edits --------------------------------------------------------------------------------------------------------

    def _edit(self, span: Span, transform: Callable[[str], str]) -> None:
        kind = "insert" if span.start == span.end else "replace"
        self.edits.setdefault((span.start, span.end, kind), Edit(span, transform))

    def _span(self, node: ast.expr) -> Span:
        """Where a node stands; checked inside an f-string, where Python may not know."""
        span = self.source.span(node)
        if any(isinstance(at, ast.JoinedStr) for at in self.tree.ancestors(node)):
            try:
                same = ast.dump(ast.parse(f"({self.source.text(span)})", mode="eval").body) == ast.dump(node)
            except (SyntaxError, UnicodeDecodeError, ValueError):
                same = False
            if not same:
                raise self._unknown(node)
        return span

    def _unknown(self, node: ast.AST) -> Exception:
        return guide_reader.decline("what reads the results here is not understood", node)


def _wrapper(tight: bool, atom: bool) -> Callable[[str], str]:
    def wrap(text: str) -> str:
        product = f"100 * {text}" if atom else f"100 * ({text})"
        return f"({product})" if tight else product

    return wrap
