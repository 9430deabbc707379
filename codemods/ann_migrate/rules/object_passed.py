"""The object is passed to a call.

What the callee does with it is not followed.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN302"
ADVICE = "pass what the callee needs, or migrate the callee with it by hand"
VALID = ("run(Other(m, c))\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
run(loop)
""",
    "from adaptiveneuralnetwork.training import TrainingLoop\nrun(loop=TrainingLoop(model, config))\n",
)


def explain_escape(escape: Escape, tree: Tree) -> Decline | None:
    parent = tree.parent(escape.node)
    if escape.how != "used":
        return None
    if isinstance(parent, ast.keyword):
        parent = tree.parent(parent)
    if isinstance(parent, ast.Call):
        what = "called" if parent.func is escape.node else f"passed to {ast.unparse(parent.func)}()"
        why = f": {escape.where}" if escape.where else ""
        return Decline(CODE, f"the loop is {what}, which is not followed{why}", escape.node, ADVICE)
    return None
