"""The object is used in a way that no rule knows.

Conditional expressions, operators, ``with`` and whatever else remains when the other rules of the range do not know
the use.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN399"
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = other + TrainingLoop(model, config)
""",
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(model, config)[0]\n",
)


def decline_unknown(culprit: ast.AST) -> Decline:
    return Decline(
        CODE, "the loop meets another one whose name is not sure", culprit, "give each loop a name of its own"
    )


def explain_escape(escape: Escape, tree: Tree) -> Decline:
    what = type(tree.parent(escape.node)).__name__
    reason = f"the loop is used in a form that is not followed ({what})"
    return Decline(CODE, reason, escape.node, "keep the loop in a name of its own")
