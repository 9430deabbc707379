"""A subclass of TrainingLoop.

Its methods override steps of a loop that Trainer does not have in this form. The report says what hangs on the class:
where the project constructs it (or a class that derives from it), and where it is derived from again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from ann_migrate.flow.sites import NameUse
from ann_migrate.flow.subclasses import ClassUses
from ann_migrate.rules._base import Decline
from ann_migrate.text.tree import Tree

CODE = "ANN204"
ADVICE = "turn what the subclass adds into a Callback and pass it to Trainer"
VALID = ("class Mine(Base):\n    pass\n",)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Mine(TrainingLoop):
    pass
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Mine(TrainingLoop):
    pass
class Deep(Mine):
    pass
Deep(model, config).train(loader)
""",
)
_NAMED = 3
"""How many places are named."""


def explain_name(use: NameUse, tree: Tree) -> Decline | None:
    parent = tree.parent(use.node)
    if not (isinstance(parent, ast.ClassDef) and use.node in parent.bases):
        return None
    uses = use.subclass or ClassUses()
    reason = f"class {parent.name} derives from {use.target}{''.join(_told(uses))}"
    advice = f"{ADVICE} where the class is constructed" if uses.constructed else ADVICE
    return Decline(CODE, reason, None, advice)


def _told(uses: ClassUses) -> Iterator[str]:
    for what, places in (("constructed", uses.constructed), ("derived from again", uses.derived)):
        if places:
            yield f"; {what} at {_listed(places)}"


def _listed(places: Sequence[str]) -> str:
    named, more = ", ".join(places[:_NAMED]), len(places) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
