"""A method of the object used as a value.

``Thread(target=loop.train, args=(loader,))``, ``partial(loop.train, loader)``, ``f = loop.train``: the arguments are
given elsewhere, and ``fit`` takes them in another order.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Use
from ann_migrate.rules._base import Decline

CODE = "ANN307"
VALID = ("other.train\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
run(loop.train)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
step = TrainingLoop(model, config).train_epoch
""",
)


def decline(use: Use) -> Decline:
    reason = f"the method {use.attribute.attr!r} is used as a value, so its arguments are not visible"
    return Decline(CODE, reason, use.attribute, "pass a lambda that calls the method")
