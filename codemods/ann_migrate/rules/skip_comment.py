"""Left alone by a skip comment.

``# ann-migrate: skip`` beside any use leaves the whole object as it is: its constructor and every other use. With codes
in brackets, ``skip[ANN301]``, it acts only where one of these rules would. The comment stands at the end of a line of
the statement, or on a line of its own above it; at an import it is about all that the import brings. A comment that
does nothing is reported (ANN504).
"""

from __future__ import annotations

from ann_migrate.rewriting.skips import SKIPPED, SkipComment
from ann_migrate.rules._base import Left

CODE = SKIPPED
VALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
print(vars(TrainingLoop))  # ann-migrate: skip[ANN205]
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
TrainingLoop(model, config).train(loader)  # ann-migrate: skip
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
if ready:
    # Compared with the new loop in the paper.  # ann-migrate: skip[ANN102]
    loop.train(loader)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop  # ann-migrate: skip
print(vars(TrainingLoop))
""",
)


def left(comment: SkipComment) -> Left:
    """The verdict on a site that a comment has left alone."""
    return Left(CODE, "left alone by a skip comment", comment.position)
