"""The name is deleted or replaced.

``del TrainingLoop``, ``t.TrainingLoop = Fake``.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline

CODE = "ANN209"
VALID = ("del TrainingLoop\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\ndel TrainingLoop\n",
    "import adaptiveneuralnetwork.training as t\nt.TrainingLoop = Fake\n",
)


def explain_name(use: NameUse, tree: object) -> Decline | None:
    if isinstance(use.node, (ast.Name, ast.Attribute)) and not isinstance(use.node.ctx, ast.Load):
        return Decline(CODE, f"{use.target} is deleted or replaced here", None, "remove this statement")
    return None
