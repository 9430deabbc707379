"""``loop.save_metrics()`` becomes ``legacy_save_metrics(trainer)``.

Writes the records so far to ``config.metrics_file``, as the legacy method does.
"""

from __future__ import annotations

from ann_migrate.flow import Use
from ann_migrate.plan import Plan
from ann_migrate.rules._bridge import call_bridge

CODE = "ANN107"
ATTRIBUTES = ("save_metrics",)
VALID = ("model.save_metrics()\n",)
INVALID: tuple[tuple[str, str], ...] = ()


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``save_metrics`` call."""
    call_bridge(use, plan, "legacy_save_metrics", {})
    plan.note("writes the legacy metrics file")
