"""Where followed values go, whatever they are: variables, and functions of the file."""

from __future__ import annotations

import ast

from ann_migrate.history import is_public
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
        if isinstance(parent, ast.Return):
            return self._returned(parent, kind)
        if isinstance(parent, ast.Call) and node in parent.args:
            return self._passed(parent, node, kind)
        return False

    def _bind(self, target: ast.expr | None, kind: Kind, source: ast.expr) -> bool:
        """Follow all reads of the variable that is bound to a value."""
        if not isinstance(target, ast.Name):
            return False
        variable = self.names.variable(target)
        if variable in self.kept:
            return False
        claim = self.claims.get(variable)
        if claim is not None:
            claim.bound.add(target)
            return claim.kind is kind
        if variable.scope.kind == "class" or (variable.scope.kind == "module" and is_public(self.plan, variable)):
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

    def _returned(self, statement: ast.Return, kind: Kind) -> bool:
        """Follow what a function of the file returns to all its calls, if all are seen and it returns nothing else."""
        function = self.tree.function(statement)
        calls = self._calls_of(function)
        if calls is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        returns = [node for node in self.tree.all_of(ast.Return) if self.tree.function(node) is function]
        others = [node for node in returns if node is not statement]
        if any(node.value is not None and not is_nothing(node.value) for node in others):
            return False
        for call in calls:
            self.follow(call, kind)
        return True

    def _passed(self, call: ast.Call, node: ast.expr, kind: Kind) -> bool:
        """Follow an argument into the function of the file that takes it, if this is its one call."""
        if not isinstance(call.func, ast.Name) or any(isinstance(item, ast.Starred) for item in call.args):
            return False
        bindings = self.names.variable(call.func).bindings
        function = bindings[0].node if len(bindings) == 1 else None
        if not isinstance(function, ast.FunctionDef) or self._calls_of(function) != [call]:
            return False
        parameters = [*function.args.posonlyargs, *function.args.args]
        number = call.args.index(node)
        if number >= len(parameters):
            return False
        variable = self.names.scopes[function].variables[parameters[number].arg]
        if len(variable.bindings) != 1:
            return False
        for read in variable.reads:
            self.follow(read, kind)
        return True

    def _calls_of(self, function: ast.AST | None) -> list[ast.Call] | None:
        """All calls of a function, or None where it may be called from elsewhere."""
        if not isinstance(function, ast.FunctionDef) or function.decorator_list:
            return None
        scope = self.names.scope_at(function)
        variable = self.names.lookup(function.name, scope)
        if variable is None or len(variable.bindings) != 1 or variable.scope.kind == "class":
            return None
        if variable.scope.kind == "module" and is_public(self.plan, variable):
            return None
        if any(
            isinstance(node, (ast.Yield, ast.YieldFrom)) and self.tree.function(node) is function
            for node in ast.walk(function)
        ):
            return None
        calls = []
        for read in variable.reads:
            call = self.tree.parent(read)
            if not isinstance(call, ast.Call) or call.func is not read:
                return None
            calls.append(call)
        return calls or None
