"""An attribute of the class itself.

``TrainingLoop.train(loop, loader)`` (a method called unbound), ``TrainingLoop.__init__.__doc__``.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import Form, NameUse
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN207"
VALID = ("import other as t\nt.TrainingLoop.train(loop, loader)\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop.train(loop, loader)\n",
    "from adaptiveneuralnetwork.training import TrainingLoop\nprint(TrainingLoop.__init__.__doc__)\n",
)


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    parent = tree.parent(use.node)
    if use.form is Form.NAME and isinstance(parent, ast.Attribute):
        reason = f"{use.target}.{parent.attr} is taken from the class, not from an object"
        return Decline(CODE, reason, None, "call the method on the object")
    return None
