"""The name in ``__all__``.

It exports the legacy class; the import stays for whoever imports it from here. Nothing is to be done.
"""

from __future__ import annotations

from ann_migrate.flow.sites import Form, NameUse

CODE = "ANN501"
VALID = (
    """\
__all__ = ["TrainingLoop"]
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
__all__ = ["TrainingLoop"]
""",
)


def explain_ignored(use: NameUse) -> str | None:
    return f"__all__ exports {use.target}: the import stays" if use.form is Form.EXPORT else None
