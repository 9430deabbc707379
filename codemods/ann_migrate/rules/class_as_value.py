"""The class or function used as a value.

``partial(TrainingLoop, config=c)``, ``map(TrainingLoop, ...)``, ``cls = TrainingLoop``, ``{"loop": TrainingLoop}``,
``@TrainingLoop``: who calls it, and how, is not visible here. This is what remains when no other rule of the range
knows the use.
"""

from __future__ import annotations

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline

CODE = "ANN299"
ADVICE = "call it directly, or write a function that makes the Trainer and pass that"
VALID = ("class TrainingLoop: ...\ncls = TrainingLoop\n",)
INVALID = (
    """\
from functools import partial
from adaptiveneuralnetwork.training import TrainingLoop
make = partial(TrainingLoop, config=c)
""",
    "from adaptiveneuralnetwork.training import TrainingLoop\ncls = TrainingLoop\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
REGISTRY = {"loop": TrainingLoop}
""",
    "from adaptiveneuralnetwork.training import quick_train\nrun(quick_train)\n",
)


def explain_name(use: NameUse, tree: object) -> Decline:
    return Decline(CODE, f"{use.target} is used as a value: who calls it is not visible here", None, ADVICE)
