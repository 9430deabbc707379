"""The plan for one object: what its constructor and each use become. Nothing is edited before every part of it is
known to be right.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ann_migrate.facts.arguments import Arguments
from ann_migrate.facts.values import Values, is_plain
from ann_migrate.flow.flow import Escape, Flow, LoopObject, SelfAttribute
from ann_migrate.flow.sites import NameUse
from ann_migrate.names.resolve import Names, Scope, Variable
from ann_migrate.project.project import Project
from ann_migrate.result import Dropped, Position
from ann_migrate.rewriting.dropped import SHORT
from ann_migrate.rewriting.imports import Imports
from ann_migrate.rules import config_out_of_reach
from ann_migrate.rules._base import Decline
from ann_migrate.text.edits import Edit, insert
from ann_migrate.text.source import Source
from ann_migrate.text.tree import FUNCTIONS, Tree

if TYPE_CHECKING:
    from ann_migrate.wordings import Wording


@dataclass(eq=False)
class Context:
    """Everything known about one file."""

    source: Source
    tree: Tree
    names: Names
    project: Project
    flow: Flow
    values: Values
    imports: Imports
    sites: list[NameUse]
    style: str = "faithful"
    temporaries: dict[Scope, set[str]] = field(default_factory=dict)
    """Names of temporaries that new code may bind again and again: each is used in the next statement only."""

    def position(self, node: ast.expr) -> Position:
        """Where a node stands, as reports have it."""
        return self.source.position(self.source.offset(node.lineno, node.col_offset))

    def lists_names(self, scope: Scope) -> bool:
        """Whether code looks at the names of a scope as such (``locals()``, ``globals()``): none may be added then."""
        if scope.kind == "module":
            return any(inner.mentioned & _LISTING for inner in scope.within())
        mentioned = scope.mentioned & (_LISTING - {"globals"})
        if not mentioned or mentioned - _OF_ARGUMENT:
            return bool(mentioned)
        return any(node.id in mentioned and not self._has_argument(node) for node in self.tree.all_of(ast.Name))

    def _has_argument(self, node: ast.Name) -> bool:
        """``vars(arguments)``: asks for the names of something else."""
        call = self.tree.parent(node)
        return isinstance(call, ast.Call) and call.func is node and bool(call.args)

    def edited_nodes(self) -> dict[ast.AST, NameUse]:
        """The nodes that a rewrite may replace (sites, and uses of the objects that can be followed), with their
        site.
        """
        if not self._edited:
            for site in self.sites:
                self._edited[site.node] = site
                call = self.tree.parent(site.node)
                if isinstance(call, ast.Call) and call.func is site.node:
                    with contextlib.suppress(Escape):
                        uses = self.flow.follow(call).uses
                        edited = [use.attribute for use in uses if use.attribute.attr not in _UNEDITED]
                        self._edited.update(dict.fromkeys(edited, site))
        return self._edited

    _edited: dict[ast.AST, NameUse] = field(default_factory=dict)


_FIRST_IN = (ast.Attribute, ast.Subscript, ast.Call, ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)
"""Nodes that evaluate their ``value`` (a call: its ``func``) before anything else."""


_LISTING = frozenset({"globals", "locals", "vars", "dir", "eval", "exec"})
_OF_ARGUMENT = frozenset({"vars", "dir"})
"""Of these, the ones that look at the names of a scope only where they are called without an argument."""
_UNEDITED = frozenset({"model", "optimizer", "criterion"})


class PlanFailed(Exception):  # noqa: N818 - a verdict, not an error
    """Objects must be declined after all: an edit turned out impossible, or one of them needs the other as it was."""

    def __init__(self, sites: Iterable[NameUse], decline: Decline) -> None:
        super().__init__(str(decline))
        self.sites = tuple(sites)
        self.decline = decline


@dataclass(eq=False)
class Plan:
    """Edits and notes for one object, collected by the rules of its uses and then by the rule of its constructor."""

    context: Context
    site: NameUse
    found: LoopObject
    arguments: Arguments
    edits: list[Edit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    """Behaviours that the style leaves behind, by code."""
    records_needed: bool = False
    """Some use reads or writes what only the bridge's recorder keeps (history, files, percent)."""
    verdict: tuple[str, str] = ("", "")
    """The code and the reason for the report, set by the rule of the constructor."""
    annotations: list[NameUse] = field(default_factory=list)
    """Sites in the annotations of the assignments that hold the object: rewritten with it."""
    held_config: str | None = None
    """The name (or attribute of self) that the constructor binds the config to, because a use needs it and cannot
    reach it.
    """
    held_in_call: bool = False
    """The config is held by a walrus inside the constructor call: no statement can be put before it."""
    mates: list[Plan] = field(default_factory=list)
    """The plans of all constructors whose objects go the same ways, this one included. The uses are planned once, by
    the first of them.
    """

    wording: Wording = field(init=False)
    """What the new code looks like, by the style of the run."""

    def __post_init__(self) -> None:
        from ann_migrate.wordings import wording_of

        self.wording = wording_of(self.context.style)

    # -- places -------------------------------------------------------------------------------------------------------

    @property
    def constructor(self) -> ast.Call:
        return self.arguments.call

    @property
    def statement(self) -> ast.stmt:
        return self.context.tree.statement(self.constructor)

    @property
    def scope(self) -> Scope:
        """The scope that runs the constructor."""
        return self.context.names.scope_at(self.constructor)

    def insertable(self) -> bool:
        """Whether statements can be put before the constructor's, without running anything later than before.

        The constructor must be the first thing that its statement does, and the statement the first of its line. In a
        class body the names would become attributes.
        """
        statement = self.statement
        if self.scope.kind not in ("module", "function") or not isinstance(
            statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)
        ):
            return False
        at: ast.AST = self.constructor
        while at is not statement:
            parent = self.context.tree.parents[at]
            first = parent.func if isinstance(parent, ast.Call) else getattr(parent, "value", None)
            if not isinstance(parent, _FIRST_IN) or first is not at:
                return False
            at = parent
        if self.context.lists_names(self.scope):
            return False
        source = self.context.source
        start = source.span(statement).start
        line = source.line_start(start)
        return not source.data[line:start].strip(b" \t\x0c") and source.data[:line].rstrip(b"\r\n")[-1:] != b"\\"

    def edited_inside(self, names: list[str]) -> list[NameUse]:
        """The sites of what is rewritten inside these arguments: if any, their text cannot be used as it stands."""
        edited = self.context.edited_nodes()
        return [edited[node] for name in names for node in ast.walk(self.arguments[name]) if node in edited]

    def is_assigned(self) -> bool:
        """Whether the constructor is the whole value of an assignment: ``loop = TrainingLoop(...)``."""
        parent = self.context.tree.parent(self.constructor)
        return isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is self.constructor

    def before_statement(self, lines: list[str]) -> None:
        """Put statements before the constructor's."""
        if not lines:
            return
        source = self.context.source
        start = source.span(self.statement).start
        indent, newline = source.indentation(start), source.newline_at(start)
        self.edits.append(insert(start - len(indent), "".join(f"{indent}{line}{newline}" for line in lines)))

    def edit(self, node: ast.expr, transform: Callable[[str], str]) -> None:
        """Replace a node's text. A Decline that ``transform`` raises declines this object, and all is planned anew."""

        def guarded(text: str) -> str:
            try:
                return transform(text)
            except Decline as decline:
                raise PlanFailed([self.site], decline) from decline

        self.edits.append(Edit(self.context.source.span(node), guarded))

    def symbol(self, path: str, at: ast.AST | None = None) -> str:
        """The text that means a library object at ``at`` (default: the constructor)."""
        return self.context.imports.symbol(path, self.site, at)

    def share(self) -> None:
        """Let the plans of the other constructors know what the uses, which are planned here, need and change."""
        for mate in self.mates:
            mate.records_needed = self.records_needed
            mate.notes += [text for text in self.notes if text not in mate.notes]
            mate.not_kept += [text for text in self.not_kept if text not in mate.not_kept]
            mate.dropped += [item for item in self.dropped if item not in mate.dropped]

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def drop(self, text: str) -> None:
        """Say which legacy behaviour the new code does not have."""
        if text not in self.not_kept:
            self.not_kept.append(text)

    def leave_behind(self, code: str, at: ast.expr | None = None) -> None:
        """Say which behaviour the style drops, by its code (:mod:`ann_migrate.rewriting.dropped`), and at which use."""
        position = None if at is None else self.context.position(at)
        dropped = Dropped(code, SHORT[code], position)
        if dropped not in self.dropped:
            self.dropped.append(dropped)

    # -- the config, where a use needs it -----------------------------------------------------------------------------

    def config_in_reach(self, at: ast.expr) -> str | None:
        """The text that means the loop's config where ``at`` stands; None where only the loop itself knows it, since
        several loops may be meant, it came through a function or a container, or there is no safe place to keep it.

        Raises:
            Decline: there is no such place, and the style has no words for asking the loop.
        """
        if self.found.simple:
            try:
                return self.config_at(at)
            except Decline:
                if not self.wording.asks_for_config:
                    raise
                self.held_in_call = self.held_in_call and self.held_config is not None
                return None
        values = self.context.values
        texts = {values.text_at(mate.arguments["config"], mate.constructor, at, self.found) for mate in self.mates}
        return texts.pop() if len(texts) == 1 else None

    def config_at(self, at: ast.expr) -> str:
        """The text that means the loop's config where ``at`` stands.

        Raises:
            Decline: it cannot be reached there, and there is no safe place to keep it.
        """
        if not self.found.simple:
            text = self.config_in_reach(at)
            if text is None:
                raise config_out_of_reach.decline(at)
            return text
        if self.held_config is None:
            config = self.arguments["config"]
            text = self.context.values.text_at(config, self.constructor, at, self.found)
            if text is not None:
                return text
            text = self._config_on_self(config, at)
            if text is not None:
                return text
            self.held_config = self._name_to_hold(at)
        base, dot, attribute = self.held_config.rpartition(".")
        if not dot:
            if not self.context.imports.is_visible(self.held_config, self.held_scope(), at):
                raise config_out_of_reach.decline(at)
            return self.held_config
        receiver = self._receiver_name(at) or base
        return f"{receiver}.{attribute}"

    def held_scope(self) -> Scope:
        """The scope in which the name that holds the config is bound."""
        return self._walrus_scope(self.constructor) if self.held_in_call else self.scope

    def _config_on_self(self, config: ast.expr, at: ast.expr) -> str | None:
        """``self.config`` where the constructor's own method keeps the very same config there."""
        if not isinstance(config, ast.Name) or not isinstance(self.holder, SelfAttribute):
            return None
        variable = self.context.names.variable(config)
        if len(variable.bindings) != 1 or self.context.tree.inside_loop(variable.bindings[0].node):
            return None
        for read in variable.reads:
            parent = self.context.tree.parent(read)
            if not isinstance(parent, ast.Assign) or len(parent.targets) != 1 or parent.value is not read:
                continue
            target = parent.targets[0]
            if isinstance(target, ast.Attribute) and self.context.flow.method_owner(target) is self.holder.owner:
                if target.attr in self.context.names.scopes[self.holder.owner].bound:
                    return None  # a property or another descriptor: what is read need not be what was set
                block = self.context.tree.block(self.statement)
                if any(item is parent for item in block) and self.context.values.assigned_once(target):
                    receiver = self._receiver_name(at)
                    return f"{receiver}.{target.attr}" if receiver else None
        return None

    def _name_to_hold(self, at: ast.expr) -> str:
        """A new name, bound together with the object, so that it always belongs to the object that is held."""
        holder = self.holder
        if isinstance(holder, SelfAttribute):
            return self._attribute_to_hold(holder, at)
        scope = self.scope
        if not self.insertable():
            if self.context.lists_names(scope):
                raise config_out_of_reach.decline(at)
            self.held_in_call = True
            scope = self._walrus_scope(at)
        if len(self.found.holders) > 1 or (holder is not None and holder.scope is not scope):
            raise config_out_of_reach.decline(at)
        taken = self.context.temporaries.get(scope, set())
        imports = self.context.imports
        names = self.names_for("config")
        if holder is not None:
            own = f"{holder.name}_config"
            names = [own, *names] if is_plain(self.arguments["config"]) else ["config", own, *names]
        for name in names:
            if name not in taken and imports.is_free(name, scope, at):
                imports.reserve(name, scope)
                return name
        raise config_out_of_reach.decline(at)

    def _attribute_to_hold(self, holder: SelfAttribute, at: ast.expr) -> str:
        """A new attribute beside the one that holds the object: ``self.loop_config`` for ``self.loop``."""
        target = next(item for item in _targets(self.statement) if isinstance(item, ast.Attribute))
        # An attribute more must not be seen: not refused by slots, not listed by code that walks over the instance's
        # dict.
        data = self.context.source.data
        listed = "__slots__" in self.context.names.scopes[holder.owner].bound or b"__dict__" in data or b"vars(" in data
        if self.insertable() and not listed and isinstance(target.value, ast.Name):
            for attribute in (f"{holder.attribute}_config", f"{holder.attribute}_legacy_config"):
                if attribute.encode() not in data:
                    return f"{target.value.id}.{attribute}"
        raise config_out_of_reach.decline(at)

    def _walrus_scope(self, at: ast.expr) -> Scope:
        """The scope that ``name := ...`` inside the constructor call binds in.

        Raises:
            Decline: a walrus is not allowed there, or would make an attribute of a class.
        """
        tree = self.context.tree
        child: ast.AST = self.constructor
        for node in tree.ancestors(self.constructor):
            if isinstance(node, ast.comprehension) and node.iter is child:
                raise config_out_of_reach.decline(at)
            child = node
        scope = self.scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        if scope.kind not in ("module", "function", "lambda"):
            raise config_out_of_reach.decline(at)
        return scope

    def names_for(self, parameter: str) -> list[str]:
        """Names to try for a temporary that holds an argument."""
        return [
            parameter,
            f"{parameter}_",
            f"legacy_{parameter}",
            *(f"{parameter}_{number}" for number in range(2, 9)),
        ]

    @property
    def holder(self) -> Variable | SelfAttribute | None:
        return self.found.holders[0] if len(self.found.holders) == 1 else None

    def _receiver_name(self, at: ast.expr) -> str | None:
        """What ``self`` is called in the method that ``at`` stands in."""
        for node in self.context.tree.ancestors(at):
            if isinstance(node, FUNCTIONS) and isinstance(self.context.tree.parent(node), ast.ClassDef):
                positional = [*node.args.posonlyargs, *node.args.args]
                return positional[0].arg if positional else None
        return None


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []
