"""In which contexts each behaviour occurred: the coverage of generated cases."""

from __future__ import annotations

from collections import Counter

from ann_compat.equivalence.activity import BEHAVIOURS
from ann_compat.equivalence.cases import CHOICES
from ann_compat.equivalence.coverage import Cell, Coverage
from ann_compat.equivalence.harness import CaseResult

DIMENSIONS = ("model", "loader", "form", "input_form", "optimizer", "criterion", "dtype")
"""The fields of a case that make the contexts."""


class Contexts:
    """Counts, for each case that was compared, the behaviours that occurred in each of its contexts."""

    def __init__(self) -> None:
        self.hits: dict[str, Counter[Cell]] = {dimension: Counter() for dimension in DIMENSIONS}

    def add(self, case: CaseResult) -> None:
        for dimension, hits in self.hits.items():
            hits.update((behaviour, getattr(case.spec, dimension)) for behaviour in case.activity)

    def coverage(self) -> tuple[Coverage, ...]:
        """A matrix of behaviours for each dimension."""
        rows = tuple(behaviour.name for behaviour in BEHAVIOURS if behaviour.required is not None)
        return tuple(
            Coverage(
                f"behaviour x {dimension}",
                rows,
                CHOICES[dimension],
                {cell: count for cell, count in hits.items() if cell[0] in rows},
                frozenset(
                    (row, value) for row in rows for value in CHOICES[dimension] if can_occur(row, dimension, value)
                ),
            )
            for dimension, hits in self.hits.items()
        )


def can_occur(behaviour: str, dimension: str, value: str) -> bool:
    """Whether a case with this value can show the behaviour."""
    if (dimension, value) == ("input_form", "channels_last"):
        # No flat view of it exists, so the first forward pass raises.
        return behaviour in _WITHOUT_A_STEP
    if (dimension, value) == ("form", "quick"):
        # quick_train makes an AdaptiveModel, its optimizer and its criterion itself.
        return (
            not ({"model", "optimizer", "criterion"} & _ONLY.get(behaviour, {}).keys()) or behaviour == "AdaptiveModel"
        )
    return value in _ONLY.get(behaviour, {}).get(dimension, (value,))


def _but(dimension: str, value: str) -> tuple[str, ...]:
    return tuple(choice for choice in CHOICES[dimension] if choice != value)


_WITHOUT_A_STEP = ("raised", "checkpoint written", "metrics file written")
_ONLY: dict[str, dict[str, tuple[str, ...]]] = {
    "shuffling": {"loader": _but("loader", "batches")},
    "4-D input": {"input_form": ("image",)},
    "3-D or 5-D input": {"input_form": ("sequence", "volume"), "model": _but("model", "adaptive")},
    "dropout": {"model": ("dropout",)},
    "batch norm": {"model": ("batch_norm",)},
    "alternating branch": {"model": ("alternating",)},
    "frozen parameters": {"model": ("frozen",)},
    "parameter outside the optimizer": {
        "model": ("outside_optimizer",),
        "optimizer": _but("optimizer", "default"),
    },
    "stateful model": {"model": ("stateful",)},
    "AdaptiveModel": {"model": ("adaptive",), "input_form": ("flat", "image")},
    "explicit optimizer": {"optimizer": _but("optimizer", "default")},
    "custom criterion": {"criterion": _but("criterion", "default")},
    "regression": {"criterion": ("mse",)},
}
"""Behaviours that only some values of a dimension can show."""
