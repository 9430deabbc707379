"""What can be said of the values of expressions: evaluated without effect, the same at another place, made by a known
constructor.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Flow, LoopObject, SelfAttribute
from ann_migrate.names.resolve import Binding, Names, Variable
from ann_migrate.text.source import Source
from ann_migrate.text.tree import COMPREHENSIONS, Tree, dotted, root_name


def is_plain(node: ast.expr) -> bool:
    """Whether evaluating an expression twice, or a little later, is the same: names, their attributes, and constants.

    By policy attribute chains count (a property with side effects would be seen; nobody writes one there).
    """
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) or dotted(node) is not None


class Values:
    """Facts about the values in one file."""

    def __init__(self, source: Source, names: Names, flow: Flow) -> None:
        self.source = source
        self.names = names
        self.tree: Tree = names.tree
        self.flow = flow

    # -- the same value at another place ------------------------------------------------------------------------------

    def text_at(self, node: ast.expr, made: ast.expr, at: ast.expr, found: LoopObject) -> str | None:
        """The text that has the value at ``at`` which ``node`` has where ``made`` stands, or None.

        Args:
            node: The expression.
            made: The constructor call of an object.
            at: A use of the object, so it runs after ``made``.
            found: The object, with what holds it.
        """
        root = root_name(node)
        if root is None or isinstance(node, ast.Constant):
            return None
        text = self.source.node_text(node)
        if any(character in text for character in "\r\n#\\"):
            text = ".".join(dotted(node) or ())
        if self._inside(made, at):
            return text
        variables = self.names.meanings(root)
        if len(variables) != 1:
            return None
        if isinstance(node, ast.Attribute) and not self._attributes_stay(node, made, at):
            return None
        if self._is_visible(root.id, variables[0], at):
            return text if self._stays(variables[0], made, at, found) else None
        return self._on_self(node, root, text, at) if self._is_on_self(found) else None

    def _on_self(self, node: ast.expr, root: ast.Name, text: str, at: ast.expr) -> str | None:
        """``self.config`` of one method in another method of the same class, whatever ``self`` is called there."""
        chain: ast.expr = node
        while isinstance(chain, ast.Attribute) and chain.value is not root:
            chain = chain.value
        if not isinstance(chain, ast.Attribute):
            return None
        owner = self.flow.method_owner(chain)
        if owner is None:
            return None
        for method in self.tree.ancestors(at):
            if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and self.tree.parent(method) is owner:
                positional = [*method.args.posonlyargs, *method.args.args]
                if not positional:
                    return None
                variable = self.names.scopes[method].variables[positional[0].arg]
                if len(variable.bindings) == 1 and self._is_visible(variable.name, variable, at):
                    return variable.name + text[len(root.id) :]
        return None

    def _inside(self, made: ast.expr, at: ast.expr) -> bool:
        """Whether ``made`` is part of ``at``: a chain, nothing runs between."""
        return any(node is at for node in self.tree.ancestors(made))

    def _is_visible(self, name: str, variable: Variable, at: ast.AST) -> bool:
        scope = self.names.scope_at(at)
        return self.names.lookup(name, scope) is variable and scope.top is variable.scope.top

    def _stays(self, variable: Variable, made: ast.expr, at: ast.expr, found: LoopObject) -> bool:
        """Whether no rebinding of the variable can run between the two places, and both mean the same variable: one of
        a function is another one in each call.
        """
        bindings = variable.bindings
        if any(self._is_from_inside(binding, variable) for binding in bindings):
            return False
        between = self.tree.path_after(self.tree.statement(made), at)
        # One name, bound whenever ``made`` runs: what is used is surely what was made last.
        latest = found.simple and len(found.holders) < 2 and self._surely_runs(made)
        if between is not None and latest:
            return not any(self._stands_in(binding.node, between) for binding in bindings)
        stays = len(bindings) <= 1 and not any(self.tree.inside_loop(binding.node) for binding in bindings)
        return stays and self._lives_with(variable, found)

    def _surely_runs(self, made: ast.expr) -> bool:
        """Whether a constructor runs whenever its statement does."""
        for node in self.tree.ancestors(made):
            if isinstance(node, ast.stmt):
                return True
            if isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda, *COMPREHENSIONS)):
                return False
        return True

    def _lives_with(self, variable: Variable, found: LoopObject) -> bool:
        """Whether the object cannot outlive the variable, to be used where a later call has bound another one."""
        if variable.scope.kind == "module":
            return True
        if found.far:
            return False
        inside = set(variable.scope.within())
        for holder in found.holders:
            if isinstance(holder, SelfAttribute):
                if not self._is_self(variable, holder):
                    return False
            elif holder.scope not in inside:
                return False
        return True

    def _is_self(self, variable: Variable, holder: SelfAttribute) -> bool:
        """Whether a variable is the ``self`` of a method of the class on whose instance the object is held."""
        method = variable.scope.node
        if (
            not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef))
            or self.tree.parent(method) is not holder.owner
        ):
            return False
        positional = [*method.args.posonlyargs, *method.args.args]
        return bool(positional) and variable.bindings[0].node is positional[0]

    def _is_on_self(self, found: LoopObject) -> bool:
        return not found.far and all(isinstance(holder, SelfAttribute) for holder in found.holders)

    def _is_from_inside(self, binding: Binding, variable: Variable) -> bool:
        """A binding through ``global`` or ``nonlocal``: it runs whenever that function is called."""
        return binding.scope is not variable.scope

    def _stands_in(self, node: ast.AST, statements: list[ast.stmt]) -> bool:
        around = {id(node), *(id(at) for at in self.tree.ancestors(node))}
        return any(id(statement) in around for statement in statements)

    def _attributes_stay(self, node: ast.Attribute, made: ast.expr, at: ast.expr) -> bool:
        """Whether no attribute of the chain is set where it could run between the two places."""
        at_chain: ast.expr = node
        while isinstance(at_chain, ast.Attribute):
            for write in self.writes(at_chain):
                if not self._runs_before(write, made):
                    return False
            at_chain = at_chain.value
        return True

    def _runs_before(self, write: ast.Attribute, made: ast.expr) -> bool:
        """Whether a write is over when the object is made: above it in its block, or in the constructor of its
        class.
        """
        statement = self.tree.statement(write)
        if self.tree.path_after(statement, made) is not None:
            return True
        method, other = self.tree.function(write), self.tree.function(made)
        in_init = isinstance(method, ast.FunctionDef) and method.name == "__init__" and method is not other
        return in_init and self.flow.method_owner(write) is not None

    def writes(self, chain: ast.Attribute) -> list[ast.Attribute]:
        """The places that set or delete the same attribute, on what may be the same object."""
        parts = dotted(chain)
        owner = self.flow.method_owner(chain)
        found = []
        for node in self.flow.attributes(chain.attr):
            if isinstance(node.ctx, ast.Load):
                continue
            other = self.flow.method_owner(node)
            if (
                (owner is not None and other is owner)
                or (dotted(node) == parts and (owner is None or other is None))
                or (owner is not None and other is None)
            ):
                found.append(node)
        return found

    def assigned_once(self, target: ast.Attribute) -> bool:
        """Whether an attribute of self is set at one place of the file only."""
        return self.writes(target) == [target]

    # -- where a value comes from -------------------------------------------------------------------------------------

    def made_by(self, node: ast.expr) -> ast.expr | None:
        """The expression that surely made the value: the node itself, or the one assignment of its name or self
        attribute.
        """
        if isinstance(node, ast.Name):
            variables = self.names.meanings(node)
            if len(variables) == 1 and len(variables[0].bindings) == 1:
                return self._assigned(variables[0].bindings[0].node)
            return None
        if isinstance(node, ast.Attribute):
            if self.flow.method_owner(node) is None:
                return None
            writes = self.writes(node)
            return self._assigned(writes[0]) if len(writes) == 1 else None
        return node

    def _assigned(self, target: ast.AST) -> ast.expr | None:
        parent = self.tree.parent(target)
        if isinstance(parent, ast.Assign) and any(item is target for item in parent.targets):
            return parent.value
        if isinstance(parent, (ast.AnnAssign, ast.NamedExpr)) and parent.target is target:
            return parent.value
        return None

    def is_made_by(self, node: ast.expr, path: str) -> ast.Call | None:
        """The call of ``path`` that surely made the value, or None."""
        made = self.made_by(node)
        return made if isinstance(made, ast.Call) and self.names.path(made.func) == path else None

    def is_true(self, node: ast.expr) -> bool:
        """Whether an optimizer or criterion argument is surely true, so that ``x or default`` is ``x``."""
        if isinstance(node, ast.Lambda):
            return True
        path = self.names.path(node)
        if path is not None:
            return path.startswith("torch.nn.functional.")
        if isinstance(node, ast.Name):
            bindings = self.names.variable(node).bindings
            if len(bindings) == 1 and bindings[0].kind == "def":
                return True
        made = self.made_by(node)
        if not isinstance(made, ast.Call):
            return isinstance(made, ast.Lambda)
        path = self.names.path(made.func) or ""
        if path.startswith("torch.optim.") and path.count(".") == 2:
            return True
        return (path.startswith("torch.nn.") and path.endswith("Loss")) or self._is_plain_module_class(made.func)

    def _is_plain_module_class(self, func: ast.expr) -> bool:
        """A class of this file that derives from nn.Module alone and says nothing of its length or truth."""
        if not isinstance(func, ast.Name) or len(self.names.variable(func).bindings) != 1:
            return False
        node = self.names.variable(func).bindings[0].node
        if not isinstance(node, ast.ClassDef) or [self.names.path(base) for base in node.bases] != ["torch.nn.Module"]:
            return False
        return not {"__len__", "__bool__"} & self.names.scopes[node].bound and not node.decorator_list

    def is_nonzero_int(self, node: ast.expr) -> bool:
        """Whether a number of epochs is surely an int other than 0 (or True)."""
        if isinstance(node, ast.Name):
            made = self.made_by(node)
            variable = self.names.variable(node)
            local = made is not None and not any(
                self._is_from_inside(binding, variable) for binding in variable.bindings
            )
            return local and made is not None and not isinstance(made, ast.Name) and self.is_nonzero_int(made)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node = node.operand
        return isinstance(node, ast.Constant) and isinstance(node.value, int) and bool(node.value)
