"""A test for the type.

``isinstance(x, TrainingLoop)``, ``issubclass``, ``type(x) is TrainingLoop``, ``except``, ``case TrainingLoop():`` ask
for the class itself.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN206"
VALID = ("class TrainingLoop: ...\nisinstance(x, TrainingLoop)\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nisinstance(x, (int, TrainingLoop))\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\nok = type(x) is TrainingLoop\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
match x:
    case TrainingLoop():
        pass
""",
)


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    parent = tree.parent(use.node)
    if isinstance(parent, ast.Tuple):
        parent = tree.parent(parent)
    tested = isinstance(parent, (ast.Compare, ast.MatchClass, ast.ExceptHandler))
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name):
        tested = parent.func.id in ("isinstance", "issubclass")
    if not tested:
        return None
    return Decline(
        CODE, f"a type is tested against {use.target}", None, "test against Trainer once the objects are Trainers"
    )
