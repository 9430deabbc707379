"""The object is stored where it is not followed.

A list, a dict, a tuple, an attribute of another object, several targets of one assignment:
whoever reads it there is not followed.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN303"
ADVICE = "keep the loop in one local name, or on one attribute of self"
VALID = ("loops = [Other(m, c)]\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nloops = {TrainingLoop(model, config)}\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\nloops = [*others, TrainingLoop(model, config)]\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\nloops[0] = TrainingLoop(model, config)\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\na = b[0] = TrainingLoop(model, config)\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\nname, *loop = 1, TrainingLoop(model, config)\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\napp.loop = TrainingLoop(model, config)\n",
)

_CONTAINERS = (
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.Starred,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def explain_escape(escape: Escape, tree: Tree) -> Decline | None:
    parent = tree.parent(escape.node)
    if escape.how != "used":
        return None
    if isinstance(parent, _CONTAINERS):
        where = "in a container"
    elif isinstance(parent, ast.Assign) and parent.value is escape.node and len(parent.targets) > 1:
        where = "under several names"
    elif isinstance(parent, (ast.Assign, ast.AnnAssign)):
        where = f"in {ast.unparse(escape.node)}"
    else:
        return None
    return Decline(CODE, f"the loop is kept {where}, which is not followed", escape.node, ADVICE)
