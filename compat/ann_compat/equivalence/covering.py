"""A pairwise covering array: few programs in which any two values of any two dimensions meet.

A value for which the codemod declines hides whatever else stands in the program: all that can be seen is that nothing
was touched. So pairs are counted among the other values, in programs without such a one; and each of those stands in
:data:`HIDING_PROGRAMS` further programs, among values that are not the simplest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, islice

from ann_compat.equivalence.program_verdict import DECLINED
from ann_compat.equivalence.programs import DIMENSIONS, ProgramSpec, compatible, mended

Value = tuple[str, str]
Pair = tuple[Value, Value]

HIDING_PROGRAMS = 2
"""For each value that is declined."""

_AROUND = ("decoy", "trivia")
_ORDER = list(DIMENSIONS)
_SHOWN = {name: [value for value in values if (name, value) not in DECLINED] for name, values in DIMENSIONS.items()}
"""The values that hide nothing; the simplest is one of them."""


@cache
def covering_array() -> tuple[ProgramSpec, ...]:
    """Programs in which each pair of :func:`feasible_pairs` occurs, those that cover most first.

    Greedy and without chance: the same each time.
    """
    open_pairs = dict.fromkeys(feasible_pairs())
    programs: list[ProgramSpec] = []
    unseen = dict.fromkeys((name, value) for name in (*_AROUND, *_SHOWN) for value in _SHOWN[name])
    while open_pairs:
        # Each value is seen early; of one that was not, nearly all pairs are open, so that each program covers some.
        values = _next(_first_seen(*next(iter(unseen))) if unseen else dict(next(iter(open_pairs))), open_pairs)
        for item in values.items():
            unseen.pop(item, None)
        for pair in pairs_of(values.items()):
            open_pairs.pop(pair, None)
        programs.append(ProgramSpec(**values, seed=len(programs)))
    hiding = [
        _with_hiding(name, value, len(programs) + number * len(DECLINED) + place, number)
        for number in range(HIDING_PROGRAMS)
        for place, (name, value) in enumerate(DECLINED)
    ]
    return tuple(_mixed(programs, hiding))


def feasible_pairs() -> list[Pair]:
    """The pairs of values that can stand together, and hide nothing."""
    return [
        ((one, value), (other, other_value))
        for one, other in combinations(_ORDER, 2)
        for value in _SHOWN[one]
        for other_value in _SHOWN[other]
        if compatible(one, value, other, other_value)
    ]


def pairs_of(values: Iterable[Value]) -> list[Pair]:
    """The pairs that a program with these values shows: all, or none if one of the values hides the others."""
    items = sorted(values, key=lambda item: _ORDER.index(item[0]))
    return [] if any(item in DECLINED for item in items) else list(combinations(items, 2))


def _first_seen(name: str, value: str) -> dict[str, str]:
    """What goes with a value in the first program that has it: layout and decoys stand around the simplest code, and
    whatever place has the code, it trains.
    """
    around = ("binding", "placement") if name in _AROUND else ("arguments", "data") if name == "placement" else ()
    return {name: value, **{other: _SHOWN[other][0] for other in around}}


def _next(chosen: dict[str, str], open_pairs: dict[Pair, None]) -> dict[str, str]:
    """The values of a program that holds the chosen ones, and shows as many of the open pairs as there is room for."""
    while len(chosen) < len(_ORDER):
        best: tuple[int, Value] | None = None
        for dimension in _ORDER:
            if dimension in chosen:
                continue
            for value in _SHOWN[dimension]:
                if not all(compatible(dimension, value, *item) for item in chosen.items()):
                    continue
                gain = sum(_pair((dimension, value), item) in open_pairs for item in chosen.items())
                if best is None or gain > best[0]:
                    best = gain, (dimension, value)
        assert best is not None, "the first value of a dimension goes with every other"
        chosen[best[1][0]] = best[1][1]
    return {dimension: chosen[dimension] for dimension in _ORDER}


def _with_hiding(name: str, value: str, place: int, number: int) -> ProgramSpec:
    """A program with a value that is declined, among others that change from program to program."""
    # Each dimension with its own step, so that the dimensions do not go round together.
    others = {
        each: _SHOWN[each][(place * (index + 1) + number) % len(_SHOWN[each])] for index, each in enumerate(_ORDER)
    }
    fitting = {each: other for each, other in others.items() if each != name and compatible(name, value, each, other)}
    return mended({**fitting, name: value, "seed": place})


def _mixed(programs: list[ProgramSpec], hiding: list[ProgramSpec]) -> Iterator[ProgramSpec]:
    """Two of the first to one of the others: so short runs see something of all."""
    others = iter(hiding)
    for index, program in enumerate(programs):
        yield program
        if index % 2:
            yield from islice(others, 1)
    yield from others


def _pair(one: Value, other: Value) -> Pair:
    return (one, other) if _ORDER.index(one[0]) < _ORDER.index(other[0]) else (other, one)
