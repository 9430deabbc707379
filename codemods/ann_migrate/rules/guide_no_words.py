"""What the guide has no words for.

With `--style guide` nothing of the bridge is used. Some uses cannot be said without it: ``quick_train``,
``save_metrics``, a value of ``load_checkpoint``, an argument that would be evaluated twice where no statement can be
put before.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline

CODE = "ANN701"
STYLE = "guide"
VALID = ("from adaptiveneuralnetwork.training import Trainer\ntrainer.fit(loader, num_epochs=2)\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import quick_train
result = quick_train(config, loader)
print(result["final_metrics"]["train_loss"])
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
loop.train(loader)
loop.save_metrics()
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
run = lambda: TrainingLoop(build(), load()).train(loader)
""",
)


def decline(what: str, culprit: ast.AST | None, advice: str) -> Decline:
    return Decline(CODE, f"the guide's forms have no words for {what}", culprit, f"{advice}, or use --style faithful")
