"""The two ways to say what a loop did: what a rule emits depends on the style, what it knows does not.

The rules find out what a program means (arguments, order, time of reading); a wording turns that into new code.
``faithful`` keeps all that anybody may see, by the bridge where needed; ``guide`` writes the migration guide's own
forms, keeps what the training numbers depend on, and lists what it drops.
"""

from __future__ import annotations

import ast
from typing import Protocol

from ann_migrate.flow.flow import Use
from ann_migrate.rewriting.plan import Plan

Value = str | list[str | tuple[str, ...]]
"""The text of an argument; that of a list as the texts of its items, as
:func:`~ann_migrate.rewriting.calls.lay_out_list` takes them.
"""


class Wording(Protocol):
    """What the new code for one object looks like."""

    names_arguments: bool
    """Whether the model, the steps and the training loader are named too, as in the guide."""

    asks_for_config: bool
    """Whether the new code can ask a trainer for the config that it was made with."""

    def callbacks(self, plan: Plan, config: str) -> list[tuple[str, Value]]:
        """The keywords of the new Trainer behind device and clipping, with their values;
        ``config`` is the text that means the config.
        """

    def plan_in_place(self, plan: Plan) -> None:
        """Plan the constructor where its arguments cannot be repeated and no statement can be put before it.

        Raises:
            Decline: this style has no words for that.
        """

    def around_fit(self, plan: Plan, call: ast.Call) -> str | None:
        """The function to wrap around a ``fit`` call, so that those who read what ``train`` returned stay right.

        Raises:
            Decline: some reader cannot be kept right.
        """

    def plan_method(self, use: Use, plan: Plan) -> None:
        """Plan ``evaluate``, ``train_epoch``, ``save_checkpoint``, ``load_checkpoint`` or ``save_metrics``.

        Raises:
            Decline: this style has no words for the method, or some reader of its result cannot be kept right.
        """

    def plan_train_by_config(self, use: Use, plan: Plan) -> None:
        """Plan a ``train`` call that trains for the config's number of epochs, where only the loop knows the config.

        Raises:
            Decline: this style has no words for that.
        """

    def plan_starred_train(self, call: ast.Call, plan: Plan) -> None:
        """Plan a ``train`` call with ``*`` or ``**`` arguments.

        Raises:
            Decline: this style has no words for that.
        """

    def plan_config(self, use: Use, plan: Plan) -> None:
        """Plan a read of ``config`` where only the loop knows which it is.

        Raises:
            Decline: this style has no words for that.
        """

    def plan_history(self, use: Use, plan: Plan) -> None:
        """Plan a read of ``metrics_history``.

        Raises:
            Decline: some reader cannot be kept right.
        """

    def plan_quick_train(self, plan: Plan) -> None:
        """Plan a call of ``quick_train``.

        Raises:
            Decline: this style has no words for it.
        """

    def finish(self, plan: Plan) -> None:
        """What can be said only when all uses are planned.

        Raises:
            Decline: some reader cannot be kept right.
        """


def wording_of(style: str) -> Wording:
    """The wording of a style."""
    from ann_migrate.wordings.faithful import Faithful
    from ann_migrate.wordings.guide import Guide

    return Guide() if style == "guide" else Faithful()
