"""A method of the loop that becomes a function of the bridge."""

from __future__ import annotations

from collections.abc import Mapping

from ann_migrate.arguments import Arguments
from ann_migrate.calls import New, method_to_function
from ann_migrate.flow import Use
from ann_migrate.legacy_api import METHODS
from ann_migrate.plan import Plan
from ann_migrate.rules import bound_method


def call_bridge(use: Use, plan: Plan, function: str, parameters: Mapping[str, str]) -> None:
    """Plan ``loop.method(a, b)`` to ``function(loop, a, b)``; ``parameters`` maps legacy parameter names to the
    function's.

    Arguments that stand in the signature's order become positional, others are named: either way they are evaluated
    as before.
    """
    if use.call is None:
        raise bound_method.decline(use)
    signature = METHODS[use.attribute.attr]
    arguments = Arguments(use.call, signature)
    in_order = arguments.order == list(signature.parameters)[: len(arguments.order)]
    new = [New(number, None if in_order else parameters[name]) for number, name in enumerate(arguments.order)]
    plan.records_needed = True
    name = plan.symbol(f"ann_compat.{function}", use.call)
    plan.edit(use.call, lambda text: method_to_function(text, name, new))
