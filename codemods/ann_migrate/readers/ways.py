"""Where followed values go, whatever they are: variables, functions, attributes of self."""

from __future__ import annotations

import ast

from ann_migrate.facts.history import is_public
from ann_migrate.flow.functions import Definition, Function
from ann_migrate.flow.objects import Escape
from ann_migrate.project.reach import files_reaching
from ann_migrate.readers.base import Claim, Kind, Walk
from ann_migrate.readers.literals import is_nothing


class Ways(Walk):
    """Follows values from one place to the next."""

    def _handed_on(self, node: ast.expr, kind: Kind) -> bool:
        """Follow a value through a variable, a choice, a function of the file; False where it goes elsewhere."""
        parent = self.tree.parents[node]
        if isinstance(parent, ast.Assign) and parent.value is node:
            followed = [self._bind(target, kind, node) for target in parent.targets]
            if any(followed) and not all(followed):
                raise self._unknown(node)
            return all(followed)
        if isinstance(parent, ast.AnnAssign) and parent.value is node:
            return self._bind(parent.target, kind, node)
        if isinstance(parent, ast.NamedExpr):
            bound = self._bind(parent.target, kind, node)
            if bound:
                self.follow(parent, kind)
            return bound
        if isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and parent.body is node):
            return self._returned(node if isinstance(parent, ast.Lambda) else parent, kind)
        if isinstance(parent, ast.Call) and node in parent.args:
            return self._passed(parent, node, kind)
        return False

    def _bind(self, target: ast.expr | None, kind: Kind, source: ast.expr) -> bool:
        """Follow all reads of the variable that is bound to a value."""
        if isinstance(target, ast.Attribute):
            return self._kept_on_self(target, kind)
        if not isinstance(target, ast.Name):
            return False
        variable = self.names.variable(target)
        if variable in self.kept:
            return False
        claim = self.claims.get(variable)
        if claim is not None:
            claim.bound.add(target)
            return claim.kind is kind
        if variable.scope.kind == "class":
            return False
        if variable.scope.kind == "module" and is_public(self.plan, variable):
            self.flow.concern(files=files_reaching(self.names, self.plan.context.project, variable))
            return False
        claim = self.claims[variable] = Claim(kind, {target})
        if source in self.maybe_none:
            self.maybe_none.update(variable.reads)
        for read in variable.reads:
            self.follow(read, kind)
        return True

    def _iterated(self, parent: ast.AST, node: ast.expr) -> ast.expr | None:
        """The target of a loop over a value."""
        over = isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node
        return parent.target if over and isinstance(parent, (ast.For, ast.comprehension)) else None

    def _builtin(self, parent: ast.AST, node: ast.expr) -> str | None:
        """The name of the builtin that takes a value as its first argument."""
        if not isinstance(parent, ast.Call) or not isinstance(parent.func, ast.Name) or parent.args[:1] != [node]:
            return None
        return None if self.names.variable(parent.func).bindings else parent.func.id

    def _returned(self, within: ast.AST, kind: Kind) -> bool:
        """Follow what a function of the file returns to all its calls, if all are seen and it returns nothing else."""
        definition = self.flow.functions.around(within)
        function = self._function(definition)
        if definition is None or function is None:
            return False
        if isinstance(definition, ast.Lambda):
            others = []
        else:
            others = [
                node
                for node in self.tree.all_of(ast.Return)
                if self.tree.function(node) is definition and node is not within
            ]
        if any(node.value is not None and not is_nothing(node.value) for node in others):
            return False
        for call in function.calls:
            given: ast.AST = call
            if isinstance(definition, ast.AsyncFunctionDef):
                given = self.tree.parents[call]
                if not isinstance(given, ast.Await):
                    raise self._unknown(call)
            assert isinstance(given, ast.expr)
            self.follow(given, kind)
        return True

    def _passed(self, call: ast.Call, node: ast.expr, kind: Kind) -> bool:
        """Follow an argument into the function of the file that takes it, if this is its one call."""
        try:
            function = self.flow.functions.called(call)
            if function is None:
                self.flow.concern(node=call.func)
            if function is None or function.calls != [call] or self._function(function.node) is None:
                return False
            parameter = function.parameter(call, node)
        except Escape as escape:
            self.flow.concern(files=escape.files)
            return False
        variable = self.names.scopes[function.node].variables[parameter.arg]
        if len(variable.bindings) != 1:
            return False
        for read in variable.reads:
            self.follow(read, kind)
        return True

    def _function(self, definition: Definition | None) -> Function | None:
        """A function of the file, if all that calls it is seen and it runs when it is called."""
        if definition is None:
            return None
        try:
            function = self.flow.functions.of(definition)
        except Escape as escape:
            self.flow.concern(files=escape.files)
            return None
        yields = (ast.Yield, ast.YieldFrom)
        if any(isinstance(node, yields) and self.tree.function(node) is definition for node in ast.walk(definition)):
            return None
        for assumption in function.assumptions:
            self.plan.drop(f"the certainty that {assumption}: assumed, since unsafe rewrites are allowed")
        return function

    def _kept_on_self(self, target: ast.Attribute, kind: Kind) -> bool:
        """Follow records that are kept on ``self.history`` to all that reads it, if that is in sight."""
        in_class = self.flow.in_class
        owner = in_class.method_owner(target)
        if owner is None or kind not in (Kind.HISTORY, Kind.RECORD):
            return False
        if target.attr in self.names.scopes[owner].bound:
            return False
        assumptions: list[str] = []
        try:
            in_class.check_reach(owner, target.attr, assumptions)
        except Escape as escape:
            self.flow.concern(files=escape.files)
            return False
        family = in_class.family(owner)
        reads = []
        for node in in_class.named(target.attr):
            if in_class.instance_owner(node) not in family:
                if in_class.is_unrelated(node, owner):
                    continue
                return False
            if isinstance(node.ctx, ast.Load):
                reads.append(node)
            elif node is not target and not self._sets_nothing(node):
                return False
        for assumption in assumptions:
            self.plan.drop(f"the certainty that {assumption}: assumed, since unsafe rewrites are allowed")
        for read in reads:
            self.follow(read, kind)
        return True

    def _sets_nothing(self, target: ast.Attribute) -> bool:
        """``self.history = []`` before there is one."""
        parent = self.tree.parent(target)
        value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None
        return value is not None and is_nothing(value)
