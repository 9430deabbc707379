"""Arguments that the legacy signature does not take.

Too many, too few, unknown or doubled: the call raises TypeError as it stands.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN402"
VALID = ("TrainingLoop(model)\n",)
INVALID = (
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(model).train(loader)\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config, epochs=3).train(loader)
""",
    "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(model, config).train()\n",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config, model=model).train(loader)
""",
)


def decline(call: ast.Call, what: str) -> Decline:
    return Decline(CODE, f"{what}: this call raises TypeError as it stands", call, "correct the call")
