"""The equivalence harness: the legacy path and the new one, run on the same cases and compared bit for bit.

Nothing is imported until a name is used, so that a pytest plugin or a command's ``--help`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ann_compat.equivalence.assertion import assert_equivalent
    from ann_compat.equivalence.cases import CaseSpec
    from ann_compat.equivalence.compare import Comparison, Difference, compare
    from ann_compat.equivalence.harness import CaseResult, RunResult, run_case, run_cases
    from ann_compat.equivalence.sources import SourceResult, compare_source
    from ann_compat.equivalence.strategies import case_specs

__all__ = [
    "CaseResult",
    "CaseSpec",
    "Comparison",
    "Difference",
    "RunResult",
    "SourceResult",
    "assert_equivalent",
    "case_specs",
    "compare",
    "compare_source",
    "run_case",
    "run_cases",
]

_MODULES = {
    "CaseResult": "harness",
    "CaseSpec": "cases",
    "Comparison": "compare",
    "Difference": "compare",
    "RunResult": "harness",
    "SourceResult": "sources",
    "assert_equivalent": "assertion",
    "case_specs": "strategies",
    "compare": "compare",
    "compare_source": "sources",
    "run_case": "harness",
    "run_cases": "harness",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"ann_compat.equivalence.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
