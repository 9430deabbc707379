"""Which files are analysed together: those between which an object goes, found step by step.

A file is first analysed on its own. Where an object escapes to other files, all of them are analysed as one program;
where it then escapes to yet others, these join them, until nothing new is named. Groups that meet become one, so that
each file is in one group at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Group = frozenset[Path]
Outcome = TypeVar("Outcome")

MOST_FILES = 40
"""Larger groups are not analysed as one: their objects stay declined, each with the file that it escapes to."""


def analyse_crossing(
    concerned: Mapping[Path, Group],
    analyse: Callable[[Sequence[Group]], Sequence[tuple[Outcome, Group]]],
) -> dict[Group, Outcome]:
    """Analyse files together to a fixpoint.

    Args:
        concerned: For each file that was analysed on its own, the others to which an object of it escapes.
        analyse: Analyses groups of files, each as one program, and says of each what came out and to which other files
            an object still escapes.

    Returns:
        What came out for the groups at the end.

    Example:
        >>> a, b, c = Path("a.py"), Path("b.py"), Path("c.py")
        >>> further = {frozenset({a, b}): frozenset({c})}
        >>> def analyse(groups):
        ...     return [("+".join(sorted(map(str, group))), further.get(group, frozenset())) for group in groups]
        >>> list(analyse_crossing({a: frozenset({b}), b: frozenset(), c: frozenset()}, analyse).values())
        ['a.py+b.py+c.py']
    """
    groups = merged(files | {path} for path, files in concerned.items() if files)
    outcomes: dict[Group, Outcome] = {}
    while waiting := [group for group in groups if group not in outcomes and len(group) <= MOST_FILES]:
        for group, (outcome, further) in zip(waiting, analyse(waiting), strict=True):
            outcomes[group] = outcome
            groups.append(group | further)
        groups = merged(groups)
    return {group: outcomes[group] for group in groups if group in outcomes}


def merged(groups: Iterable[Group]) -> list[Group]:
    """The groups with those made one that share a file.

    Example:
        >>> a, b, c = Path("a.py"), Path("b.py"), Path("c.py")
        >>> [len(group) for group in merged([frozenset({a}), frozenset({b, c}), frozenset({c})])]
        [1, 2]
    """
    found: list[Group] = []
    for group in groups:
        apart = [other for other in found if not other & group]
        found = [*apart, group.union(*(other for other in found if other & group))]
    return found
