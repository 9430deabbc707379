"""A subclass of TrainingLoop.

Its methods override steps of a loop that Trainer does not have in this form.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline
from ann_migrate.sites import NameUse
from ann_migrate.tree import Tree

CODE = "ANN204"
ADVICE = "turn what the subclass adds into a Callback and pass it to Trainer"
VALID = ("class Mine(Base):\n    pass\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Mine(TrainingLoop):
    pass
""",
)


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    parent = tree.parent(use.node)
    if isinstance(parent, ast.ClassDef) and use.node in parent.bases:
        return Decline(CODE, f"class {parent.name} derives from {use.target}", None, ADVICE)
    return None
