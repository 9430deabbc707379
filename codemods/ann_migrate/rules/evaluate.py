"""``loop.evaluate(loader)`` becomes ``legacy_evaluate(trainer, loader)``.

The legacy method returns ``val_loss`` and ``val_accuracy`` (percent) and leaves the model in evaluation mode;
``Trainer.evaluate`` reports a fraction under other conditions. The bridge evaluates by the legacy rule.
"""

from __future__ import annotations

from ann_migrate.flow import Use
from ann_migrate.plan import Plan
from ann_migrate.rules._bridge import call_bridge

CODE = "ANN103"
ATTRIBUTES = ("evaluate",)
VALID = ("model.evaluate(loader)\n",)
INVALID: tuple[tuple[str, str], ...] = ()


def plan_use(use: Use, plan: Plan) -> None:
    """Plan the edit of one ``evaluate`` call."""
    call_bridge(use, plan, "legacy_evaluate", {"test_loader": "loader"})
    plan.note("evaluates by the legacy rule: accuracy in percent")
