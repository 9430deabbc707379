"""A name imported for type checkers only.

``if TYPE_CHECKING: from adaptiveneuralnetwork.training import TrainingLoop`` binds nothing when the program runs.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN202"
VALID = ()
INVALID = (
    """\
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from adaptiveneuralnetwork.training import TrainingLoop
def run(model, config, loader):
    return TrainingLoop(model, config).train(loader)
""",
)


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    if use.doubt != "typing" or not isinstance(tree.parent(use.node), ast.Call):
        return None
    reason = f"{use.target} is imported under `if TYPE_CHECKING:` only, so this call fails when it runs"
    return Decline(CODE, reason, None, "import the class outside of the typing block")
