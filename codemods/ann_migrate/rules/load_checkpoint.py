"""``loop.load_checkpoint(path)`` becomes ``legacy_load_checkpoint(trainer, path)``.

The legacy method reads the legacy format, restores model, optimizer and history and returns the epoch; it arms no
resume.
"""

from __future__ import annotations

from ann_migrate.flow import Use
from ann_migrate.plan import Plan
from ann_migrate.rules._bridge import call_bridge

CODE = "ANN106"
ATTRIBUTES = ("load_checkpoint",)
VALID = ("model.load_checkpoint(p)\n",)
INVALID: tuple[tuple[str, str], ...] = ()


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``load_checkpoint`` call."""
    call_bridge(use, plan, "legacy_load_checkpoint", {"path": "path"})
    plan.note("reads the legacy checkpoint file")
