"""A name that is not surely the legacy one.

Two bindings of the name disagree (a fallback in ``except ImportError``, an ``if``/``else`` with two imports, a later
assignment), or the module's attribute is replaced somewhere, here or in another file (`mock.patch` in a test). What the
call makes then depends on the run. A patch of the package's own attribute
(`mock.patch("adaptiveneuralnetwork.training.TrainingLoop")`) reaches the names that are read when the code runs: behind
a module (`training.TrainingLoop`), and imported in a function. What a module imports at its top level is a binding of
its own.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import NameUse
from ann_migrate.rules._base import Decline

CODE = "ANN201"
ADVICE = "bind the name once, by one import"
PATCHED_ADVICE = "let the patch replace what the code will use (Trainer), or drop it, and migrate both together by hand"
VALID = (
    "class TrainingLoop: ...\nTrainingLoop()\n",
    "from pykeen.training import TrainingLoop\nTrainingLoop(1, 2)\n",
)
INVALID = (
    """\
try:
    from adaptiveneuralnetwork.training import TrainingLoop
except ImportError:
    TrainingLoop = None
TrainingLoop(model, config).train(loader)
""",
    """\
if fast:
    from adaptiveneuralnetwork.training import TrainingLoop
else:
    from mine import TrainingLoop
TrainingLoop(model, config).train(loader)
""",
    """\
import adaptiveneuralnetwork.training as t
t = other
t.TrainingLoop(model, config).train(loader)
""",
)


def explain_name(use: NameUse, tree: object) -> Decline | None:
    if use.doubt == "ambiguous":
        return Decline(
            CODE,
            f"the name of {use.target} may mean different things, here or in the module that it is imported from",
            None,
            ADVICE,
        )
    if use.doubt == "patched":
        where = f"at {use.patch}" if isinstance(use.patch, str) else "in this file"
        culprit = use.patch if isinstance(use.patch, ast.expr) else None
        reason = f"the module's attribute {use.target} is replaced {where}, so what the name means depends on the run"
        return Decline(CODE, reason, culprit, PATCHED_ADVICE)
    return None
