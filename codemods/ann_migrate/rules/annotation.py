"""TrainingLoop in an annotation.

A parameter, a return type, a variable or ``cast`` names the class as a type. What flows there is decided elsewhere.
(The annotation of an assignment whose value is the constructor is rewritten with it.)
"""

from __future__ import annotations

import ast
import re
from functools import partial

from ann_migrate.flow.sites import Form, NameUse
from ann_migrate.legacy_api import TRAINER
from ann_migrate.rewriting.plan import Plan
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN205"
REWRITE_CODE = "ANN112"
REWRITE_PAGE = """The annotation of what holds a loop.

``loop: TrainingLoop = TrainingLoop(model, config)`` becomes ``loop: Trainer = Trainer(...)``: the annotation goes with
the object, which decides.
"""
ADVICE = "once every object that flows here is a Trainer, annotate it so"
VALID = ()
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\ndef run(loop: TrainingLoop) -> None: ...\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
def make() -> "TrainingLoop | None": ...
""",
    """\
from typing import cast
from adaptiveneuralnetwork.training import TrainingLoop
x = cast(TrainingLoop, y)
""",
)


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    if use.form is Form.ANNOTATION_STRING or _in_annotation(use.node, tree):
        return Decline(CODE, f"{use.target} stands in an annotation", None, ADVICE)
    return None


def plan_annotations(plan: Plan) -> None:
    """Rewrite the annotations of the assignments that hold an object which is rewritten."""
    within = {node for annotated in plan.found.annotations for node in ast.walk(annotated)}
    for use in plan.context.sites:
        if use.node not in within or use.target != plan.site.target:
            continue
        old = _local_name(plan, use)
        if use.doubt is None and old is not None:
            plan.edit(use.node, partial(_replace, old, plan.symbol(TRAINER, use.node)))
            plan.annotations.append(use)


def _local_name(plan: Plan, use: NameUse) -> str | None:
    """What the annotation calls the class: its own text, or in a string the one name that an import bound."""
    if use.form is Form.NAME:
        return plan.context.source.node_text(use.node)
    names = plan.context.names
    direct = {names.bound_by(binding).name for binding in use.imports if names.target(binding.path)}
    return direct.pop() if use.form is Form.ANNOTATION_STRING and len(direct) == 1 else None


def _replace(old: str, new: str, text: str) -> str:
    return re.sub(rf"(?<![\w.]){re.escape(old)}(?!\w)", new, text)


def _in_annotation(node: ast.AST, tree: Tree) -> bool:
    child = node
    for at in tree.ancestors(node):
        if isinstance(at, (ast.arg, ast.AnnAssign)):
            return at.annotation is child
        if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return at.returns is child
        if isinstance(at, ast.Call):
            name = at.func.attr if isinstance(at.func, ast.Attribute) else getattr(at.func, "id", "")
            return name == "cast" and bool(at.args) and at.args[0] is child
        if isinstance(at, ast.stmt):
            return False
        child = at
    return False
