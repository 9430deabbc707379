"""The object is returned or yielded.

The caller may do with it what this file does not show.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN301"
ADVICE = "return what the caller needs (the history, the model), or migrate both sides by hand"
VALID = ("def make(): return Other(m, c)\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
def make(model, config):
    return TrainingLoop(model, config)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
def each(model, config):
    loop = TrainingLoop(model, config)
    yield loop
""",
    "from adaptiveneuralnetwork.training import TrainingLoop\nmake = lambda m, c: TrainingLoop(m, c)\n",
)


def explain_escape(escape: Escape, tree: Tree) -> Decline | None:
    parent = tree.parent(escape.node)
    if escape.how != "used":
        return None
    returned = isinstance(parent, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await))
    if returned or (isinstance(parent, ast.Lambda) and parent.body is escape.node):
        why = f": {escape.where}" if escape.where else ""
        return Decline(CODE, f"the loop is returned to a caller that is not followed{why}", escape.node, ADVICE)
    return None
