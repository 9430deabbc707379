"""Hypothesis strategy for programs, which shrinks by putting dimensions back to their simplest values."""

from __future__ import annotations

from hypothesis import strategies as st

from ann_compat.equivalence.program_verdict import DECLINED
from ann_compat.equivalence.programs import DIMENSIONS, ProgramSpec, mended

UNDERSTOOD = 8
"""How many times as likely as one that is declined a value is: with several such values, little of a program counts."""


def program_specs() -> st.SearchStrategy[ProgramSpec]:
    """Programs of all kinds; values that cannot stand together are mended, so that every draw counts."""
    return st.fixed_dictionaries(
        {**{name: st.sampled_from(_weighted(name)) for name in DIMENSIONS}, "seed": st.integers(0, 999)}
    ).map(mended)


def _weighted(name: str) -> list[str]:
    values = DIMENSIONS[name]
    shown = [value for value in values if (name, value) not in DECLINED]
    # The simplest value stands first, and about half of the draws take it: what is there at all is then seen better.
    simplest = [values[0]] * (len(shown) * UNDERSTOOD // 2)
    return [*simplest, *shown * UNDERSTOOD, *(value for value in values if value not in shown)]
