"""What occurred in generated programs: activity, and which rules of the codemod acted in which places and holders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

from ann_compat.equivalence.coverage import Cell, Coverage
from ann_compat.equivalence.outcome import Activity
from ann_compat.equivalence.program_run import ProgramResult
from ann_compat.equivalence.program_verdict import predict
from ann_compat.equivalence.programs import DIMENSIONS, ProgramSpec, mended
from ann_compat.equivalence.trace import Step

CONTEXTS = ("placement", "binding")
"""The dimensions that rules are set against."""

REQUIRED = {"must be migrated": 0.6, "migrated": 0.6 * 0.85, "must be left alone": 0.0, "trained in both texts": 0.5}
"""The share of the programs in which each must occur: a tool that leaves everything alone proves nothing."""

_USES = {
    "again": "ANN102",
    "evaluate": "ANN103",
    "train_epoch": "ANN104",
    "save": "ANN105",
    "load": "ANN106",
    "save_metrics": "ANN107",
    "history": "ANN108",
    "model": "ANN109",
    "learning_rate": "ANN109",
    "criterion": "ANN109",
    "config": "ANN110",
    "current_epoch": "ANN113",
}
"""The rules for the uses of an object; the codemod names only the rule of the object itself."""


class ProgramCounts:
    """Counts what occurred in each program that was checked."""

    def __init__(self) -> None:
        self.programs = 0
        self.occurred: Counter[str] = Counter()
        self.hits: dict[str, Counter[Cell]] = {dimension: Counter() for dimension in CONTEXTS}

    def add(self, checked: ProgramResult) -> None:
        self.programs += 1
        self.occurred.update(
            {
                "must be migrated": checked.prediction.migrated,
                "migrated": checked.migrated,
                "must be left alone": not checked.prediction.migrated,
                "trained in both texts": checked.new is not None
                and any(isinstance(event, Step) for event in checked.new.events),
            }
        )
        codes = {site.code for site in checked.migration.sites}
        if checked.migrated:
            codes |= set(_use_codes(checked.spec))
        for dimension, hits in self.hits.items():
            hits.update((code, getattr(checked.spec, dimension)) for code in codes)

    def activity(self) -> tuple[Activity, ...]:
        return tuple(Activity(name, self.occurred[name], self.programs, share) for name, share in REQUIRED.items())

    def coverage(self) -> tuple[Coverage, ...]:
        """A matrix of the rules for each context."""
        found = []
        for dimension, hits in self.hits.items():
            # Three values together reach a few cells more than those that are listed beforehand.
            reachable = reachable_cells(dimension) | hits.keys()
            rows = tuple(sorted({code for code, _ in reachable}))
            found.append(Coverage(f"rule x {dimension}", rows, DIMENSIONS[dimension], dict(hits), frozenset(reachable)))
        return tuple(found)


@cache
def reachable_cells(dimension: str) -> frozenset[Cell]:
    """The rules that must act with each value of a dimension, in any program with one other value not the simplest."""
    return frozenset(
        (code, value)
        for value in DIMENSIONS[dimension]
        for other, others in DIMENSIONS.items()
        for other_value in others
        if other != dimension
        for spec in [mended({dimension: value, other: other_value})]
        if getattr(spec, dimension) == value
        for code in _predicted_codes(spec)
    )


def _predicted_codes(spec: ProgramSpec) -> Iterator[str]:
    prediction = predict(spec)
    yield from prediction.others
    if len(prediction.codes) == 1:
        yield from prediction.codes
    if prediction.migrated:
        yield "ANN111" if spec.binding.startswith("quick") else "ANN101"
        yield from _use_codes(spec)


def _use_codes(spec: ProgramSpec) -> Iterator[str]:
    if not spec.binding.startswith("quick"):
        yield "ANN102"
    if spec.other_use in _USES:
        yield _USES[spec.other_use]
