"""Two traces compared: what differs first, in the order in which it happened, and what differs in each channel."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.refinements import Refinement, refinement
from ann_compat.equivalence.tolerance import Tolerance, Tolerated, resolved
from ann_compat.equivalence.trace import Event, Forward, Result, Step, Trace
from ann_compat.equivalence.values import mismatch

_EVENT_CHANNELS: dict[str, type[Any]] = {"forward": Forward, "gradients": Step, "results": Result}
_EXEMPT_FROM_PREFIX = frozenset(CHANNELS) - {"forward", "gradients"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two runs differ.

    Attributes:
        channel: One of :data:`CHANNELS`.
        place: What differs.
        text: How, and by how much.
        position: Index of the event, for differences during the run; ``None`` for those at its end.
    """

    channel: str
    place: str
    text: str
    position: int | None = None

    def __str__(self) -> str:
        return f"{self.channel}: {self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing two runs gave.

    Attributes:
        differences: The first of each channel, the earliest in the run first. Empty if the runs are equal.
        refinement: What allowed the new run to go on where the old one raised.
    """

    differences: tuple[Difference, ...]
    refinement: Refinement | None = None

    @property
    def equal(self) -> bool:
        return not self.differences

    @property
    def first(self) -> Difference:
        return self.differences[0]


@dataclass(frozen=True, slots=True)
class Mode:
    """What is compared, and how strictly. The default, :data:`EXACT`, is everything, bit for bit.

    Args:
        channels: Those of :data:`CHANNELS` that are compared.
        tolerance: ``None`` for bit-equality, ``"torch"`` for what ``torch.testing.assert_close`` allows.

    Raises:
        ValueError: A channel is unknown, or there is none.
    """

    channels: tuple[str, ...] = CHANNELS
    tolerance: Tolerated = None

    def __post_init__(self) -> None:
        unknown = [channel for channel in self.channels if channel not in CHANNELS]
        if unknown or not self.channels:
            given = ", ".join(map(repr, unknown)) or "none"
            raise ValueError(f"channels must be some of {', '.join(CHANNELS)}, got {given}")

    def compare(self, old: Trace, new: Trace) -> Comparison:
        return compare(old, new, self.tolerance, frozenset(CHANNELS) - frozenset(self.channels))


EXACT = Mode()


def compare(old: Trace, new: Trace, tolerance: Tolerated = None, ignore: frozenset[str] = frozenset()) -> Comparison:
    """Compare the trace of the legacy run with that of the new one.

    Args:
        tolerance: By how much floating-point values may differ; default: not by a bit.
        ignore: Channels left out.
    """
    allowance = resolved(tolerance, old, new)
    allowed = refinement(old, new)
    if allowed is not None:
        ignore |= _EXEMPT_FROM_PREFIX
        old, new = _without(old, allowed.exempt), _without(new, allowed.exempt)
    found = [
        difference
        for channel in CHANNELS
        if channel not in ignore
        and (difference := _channel_difference(channel, old, new, allowance, prefix=allowed is not None))
    ]
    end = max(len(old.events), len(new.events)) + 1
    found.sort(key=lambda difference: end if difference.position is None else difference.position)
    return Comparison(tuple(found), allowed)


def _without(trace: Trace, attributes: tuple[str, ...]) -> Trace:
    """The trace with some attributes of its forward passes left out."""
    blank: Any = dict.fromkeys(attributes)
    events = [replace(event, **blank) if isinstance(event, Forward) else event for event in trace.events]
    return replace(trace, events=events)


def _channel_difference(
    channel: str, old: Trace, new: Trace, tolerance: Tolerance | None, *, prefix: bool
) -> Difference | None:
    if channel in _EVENT_CHANNELS:
        return _event_difference(channel, old.events, new.events, tolerance, prefix=prefix)
    if channel == "order":
        return _order_difference(old.events, new.events)
    if channel == "exception":
        return _exception_difference(old.exception, new.exception)
    before, after = getattr(old, channel), getattr(new, channel)
    if channel in ("console", "output"):
        return _text_difference(channel, before, after, tolerance)
    found = mismatch(before, after, tolerance)
    return Difference(channel, found.path or "the end of the run", found.text) if found else None


def _event_difference(
    channel: str, old: list[Event], new: list[Event], tolerance: Tolerance | None, *, prefix: bool
) -> Difference | None:
    kind = _EVENT_CHANNELS[channel]
    before = [(index, event) for index, event in enumerate(old) if isinstance(event, kind)]
    after = [event for event in new if isinstance(event, kind)]
    for (index, event), other in zip(before, after, strict=False):
        if found := mismatch(event, other, tolerance):
            return Difference(channel, f"{_described(event)}{found.path}", found.text, index)
    if len(before) == len(after) or (prefix and len(before) < len(after)):
        return None
    shorter = min(len(before), len(after))
    position = before[shorter][0] if shorter < len(before) else len(old)
    return Difference(
        channel, _COUNTED[channel], f"{len(before)} in the old run, {len(after)} in the new one", position
    )


_COUNTED = {"forward": "number of forward passes", "gradients": "number of optimizer steps", "results": "calls"}


def _described(event: Event) -> str:
    if isinstance(event, Forward):
        return f"{'training' if event.training else 'evaluation'} forward pass of {event.module}"
    if isinstance(event, Step):
        return f"step of {event.optimizer}"
    return event.call


def _order_difference(old: list[Event], new: list[Event]) -> Difference | None:
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        if type(before) is not type(after):
            return Difference("order", "what happens next", f"{_described(before)} != {_described(after)}", index)
    return None


def _exception_difference(old: BaseException | None, new: BaseException | None) -> Difference | None:
    """The new exception may be of a subclass: every ``except`` that caught the old one catches it."""
    if old is None and new is None:
        return None
    if old is not None and new is not None and isinstance(new, type(old)):
        return None
    return Difference("exception", "how the run ended", f"{_ending(old)} != {_ending(new)}")


def _ending(exception: BaseException | None) -> str:
    return "normally" if exception is None else f"{type(exception).__name__}: {exception}"


def _text_difference(channel: str, old: str, new: str, tolerance: Tolerance | None) -> Difference | None:
    before, after = old.splitlines(), new.splitlines()
    if tolerance is not None and len(before) == len(after):
        after = [
            line if _line_close(line, other, tolerance) else other for line, other in zip(before, after, strict=True)
        ]
    found = mismatch(before, after)
    return Difference(channel, f"line{found.path}", found.text) if found else None


def _line_close(old: str, new: str, tolerance: Tolerance) -> bool:
    """Whether two lines are equal but for printed fractions, which may be rounded to either side as well."""
    before, after = _FRACTION.split(old), _FRACTION.split(new)
    if before[::2] != after[::2]:
        return False
    for one, other in zip(before[1::2], after[1::2], strict=True):
        last_digit = 10.0 ** -len(one.partition(".")[2])
        a, b = float(one), float(other)
        if not (abs(a - b) <= 1.001 * last_digit or tolerance.floats_close(a, b)):
            return False
    return True


_FRACTION = re.compile(r"(-?\d+\.\d+)")
