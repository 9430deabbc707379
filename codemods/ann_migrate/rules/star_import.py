"""A name that a star import brings.

``from adaptiveneuralnetwork.training import *``: which names it binds is not visible in the file.
"""

from __future__ import annotations

from ann_migrate.rules._base import Decline
from ann_migrate.sites import NameUse

CODE = "ANN203"
VALID = ("from mine import *\nTrainingLoop(model, config).train(loader)\n",)
INVALID = ("from adaptiveneuralnetwork.training import *\nTrainingLoop(model, config).train(loader)\n",)


def explain_name(use: NameUse, tree: object) -> Decline | None:
    if use.doubt != "star":
        return None
    reason = f"{use.target} comes from a star import"
    return Decline(CODE, reason, None, f"import it by name: from adaptiveneuralnetwork.training import {use.target}")
