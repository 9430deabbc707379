"""A comment that would be lost.

A comment inside the call that belongs to no argument of the new one.
"""

from __future__ import annotations

from ann_migrate.rules._base import Decline

CODE = "ANN407"
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
metrics = (
    TrainingLoop  # the old loop
    (model, config)
    .train(loader)
)
""",
)


def decline(comment: str) -> Decline:
    reason = f"a comment inside the call has no place in the new one: {comment.strip()}"
    return Decline(CODE, reason, None, "move the comment above the statement")
