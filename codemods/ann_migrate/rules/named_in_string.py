"""A string that names the class or function.

``mock.patch("pkg.mod.TrainingLoop")``, ``monkeypatch.setattr(mod, "TrainingLoop", ...)``, ``getattr(mod,
"TrainingLoop")``: they find the name when the program runs, so the name must stay bound. So does
``importlib.import_module("adaptiveneuralnetwork.training").TrainingLoop``, where a string names the module.
"""

from __future__ import annotations

import ast

from ann_migrate.flow.sites import Form, NameUse
from ann_migrate.rules._base import Decline

CODE = "ANN208"
VALID = (
    """\
print("TrainingLoop")
""",
)
INVALID = (
    """\
import adaptiveneuralnetwork.training as t
cls = getattr(t, "TrainingLoop")
""",
    """\
from unittest import mock
mock.patch("adaptiveneuralnetwork.training.TrainingLoop")
""",
    """\
import importlib
training = importlib.import_module("adaptiveneuralnetwork.training")
training.TrainingLoop(model, config).train(loader)
""",
    """\
import sys
loop = getattr(sys.modules["adaptiveneuralnetwork.training"], "TrainingLoop")
""",
)


def explain_name(use: NameUse, tree: object) -> Decline | None:
    if use.form is not Form.STRING:
        return None
    if isinstance(use.node, ast.Attribute):
        reason = f"{use.target} is taken from a module that a string names"
        return Decline(CODE, reason, None, "import the module by an import statement, then run again")
    reason = f"a string names {use.target}"
    return Decline(CODE, reason, None, "name Trainer there once the code that is looked up uses it")
