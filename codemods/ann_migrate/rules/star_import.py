"""A name that one of several star imports brings.

``from adaptiveneuralnetwork.training import *``: what the name means is sure only where that is the one star import of
the file and always runs. A second one, or one in a branch, may bind the name to something else.
"""

from __future__ import annotations

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline

CODE = "ANN203"
VALID = ("from mine import *\nTrainingLoop(model, config).train(loader)\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import *
from mine import *
TrainingLoop(model, config).train(loader)
""",
    """\
try:
    from adaptiveneuralnetwork.training import *
except ImportError:
    pass
TrainingLoop(model, config).train(loader)
""",
)


def explain_name(use: NameUse, tree: object) -> Decline | None:
    if use.doubt != "star":
        return None
    reason = f"{use.target} comes from a star import that may not be the last word on it"
    return Decline(CODE, reason, None, f"import it by name: from adaptiveneuralnetwork.training import {use.target}")
