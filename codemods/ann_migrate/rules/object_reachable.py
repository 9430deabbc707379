"""The object can be reached from code that is not followed.

An attribute used on something that is not surely an instance of the class, a base class that may know the attribute,
``getattr`` by name, a class variable, a module variable that another file imports.

With ``--unsafe``, attributes of the same name in *other* files are assumed to be those of another class, and what
``__all__`` names to be used in the project only; the report says so under what is not kept.
"""

from __future__ import annotations

from ann_migrate.flow.flow import Escape
from ann_migrate.rules._base import Decline

CODE = "ANN305"
ADVICE = "keep uses of the loop inside the class or function that makes it"
_REASONS = {
    "outside": "the attribute that holds the loop is used outside of its class",
    "base": "a base class that is not known may use the attribute that holds the loop",
    "class attribute": "the name that holds the loop is an attribute of a class too",
    "by name": "the name that holds the loop is used in a string",
    "imported": "the name that holds the loop is exported to other files",
}
VALID = ()
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Job:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)
for job in jobs:
    job.loop.train(loader)
""",
    """\
from mine import Base
from adaptiveneuralnetwork.training import TrainingLoop
class Job(Base):
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
class Job:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)
    def run(self, loader):
        getattr(self, "loop").train(loader)
""",
)


def explain_escape(escape: Escape, tree: object) -> Decline | None:
    if escape.how not in _REASONS:
        return None
    where = f" ({escape.where})" if escape.where else ""
    return Decline(CODE, _REASONS[escape.how] + where, escape.node, ADVICE)
