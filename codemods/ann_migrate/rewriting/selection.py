"""Which rules may act: ``--select`` and ``--ignore``, by codes and beginnings of codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DESELECTED = "ANN503"


@dataclass(frozen=True, slots=True)
class Selection:
    """The codes that may act. The longest code or beginning of a code that fits decides; ``ignore`` wins a tie.

    Args:
        select: Codes or beginnings of codes (``ANN1``); none means all.
        ignore: Those to leave out of them.
        unsafe: Whether rewrites may act that rest on an assumption.

    Example:
        >>> selection = Selection(select=("ANN1", "ANN205"), ignore=("ANN11",))
        >>> [selection.allows(code) for code in ("ANN101", "ANN111", "ANN205", "ANN302")]
        [True, False, True, False]
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    unsafe: bool = False

    def allows(self, code: str) -> bool:
        """Whether the rule with this code may act."""
        chosen = _longest(self.select, code) if self.select else 0
        return chosen > _longest(self.ignore, code)

    def first_refused(self, codes: Iterable[str]) -> str | None:
        """The first of the codes that may not act."""
        if not self.select and not self.ignore:
            return None
        return next((code for code in codes if not self.allows(code)), None)


def check_codes(argument: str, given: Iterable[str]) -> tuple[str, ...]:
    """The given codes and beginnings of codes, in capitals.

    Raises:
        ValueError: If one of them fits no code of a rule.
    """
    codes = tuple(code.strip().upper() for code in given)
    if codes:
        from ann_migrate.reports.codes import rule_codes

        known = rule_codes()
        for code in codes:
            if not code or not any(each.startswith(code) for each in known):
                problem = "; files with problems are left out by exclude" if code.startswith("ANN9") else ""
                raise ValueError(f"{argument}: {code!r} is no code of a rule, known are {', '.join(known)}{problem}")
    return codes


def _longest(prefixes: tuple[str, ...], code: str) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)
