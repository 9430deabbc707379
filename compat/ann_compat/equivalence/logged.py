"""What the values that a program gets, or keeps of itself, say of the cause of a difference."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

from ann_compat.equivalence.values import mismatch

RECORDS = "the records differ: read them through legacy_history"
PERCENT = "accuracy is counted otherwise: the legacy loop reports percent; read it through legacy_history"
NO_RECORDS = (
    "the new program does not get the records of the epochs there: it must read what fit gives by legacy_history"
)
ORDER = "the program saw the same in another order: arguments with effects must be evaluated in the order they had"
OFTEN = (
    "the program saw something another number of times: an expression with effects must be evaluated once, as before"
)
OTHER = "the program itself came to another value: a name, an argument or a result that it reads is another one now"

_STEP = re.compile(r"\[('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|-?\d+)\]")


def cause_of_values(old: Any, new: Any, path: str) -> str:
    """The likely cause of a difference in values that are no records of the training itself.

    Args:
        old, new: The values.
        path: The way to the first difference in them, as :func:`~ann_compat.equivalence.values.mismatch` gives it.

    Example:
        >>> cause_of_values(["loader", "epochs"], ["epochs", "loader"], "[0]") == ORDER
        True
        >>> cause_of_values([[{"train_loss": 0.5, "train_accuracy": 50.0}]], [None], "[0]") == NO_RECORDS
        True
    """
    if (cause := _of_logs(old, new)) is not None:
        return cause
    before, after = reached(old, path), reached(new, path)
    if _is_percent(before, after):
        return PERCENT
    if "_accuracy" in path:
        return PERCENT
    if holds_records(before):
        return RECORDS if isinstance(after, Mapping) or holds_records(after) else NO_RECORDS
    if holds_records(_around(old, path)):
        return RECORDS
    return OTHER


def reached(value: Any, path: str) -> Any:
    """What lies at a path such as ``[0]['val_loss']``; ``None`` if nothing does."""
    for step in _STEP.findall(path):
        try:
            value = value[ast.literal_eval(step)]
        except (LookupError, TypeError):
            return None
    return value


def holds_records(value: Any) -> bool:
    """Whether a value is a record of an epoch, or a list that has one."""
    if isinstance(value, list | tuple):
        return any(holds_records(item) for item in value)
    return isinstance(value, Mapping) and "train_loss" in value


def _around(value: Any, path: str) -> Any:
    """The innermost mapping on the way to a path."""
    found = None
    for end in (match.end() for match in _STEP.finditer(path)):
        at = reached(value, path[:end])
        found = at if isinstance(at, Mapping) else found
    return found


def _is_percent(old: Any, new: Any) -> bool:
    return isinstance(old, float) and isinstance(new, float) and old != 0 and math.isclose(old, 100 * new)


def _of_logs(old: Any, new: Any) -> str | None:
    """What the entries of two lists say: the same in another order, or one of them more often."""
    if not (isinstance(old, list) and isinstance(new, list)):
        return None
    missing, added = list(old), []
    for item in new:
        equal = next((index for index, other in enumerate(missing) if mismatch(other, item) is None), None)
        if equal is None:
            added.append(item)
        else:
            del missing[equal]
    if not missing and not added:
        return ORDER
    # What only one of the runs saw at all has another cause than one that was seen too often.
    return OFTEN if all(_is_in(item, new) for item in missing) and all(_is_in(item, old) for item in added) else None


def _is_in(item: Any, values: list[Any]) -> bool:
    return any(mismatch(value, item) is None for value in values)
