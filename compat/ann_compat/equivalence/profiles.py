"""How much a run does: the profiles of the command line, and what a project's ``pyproject.toml`` says."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    "pr": {"max_examples": 800, "max_time": 45.0, "mutants": 25, "jobs": 2},
    "ci": {"max_examples": 3000, "max_time": 300.0, "mutants": 1000, "jobs": 2},
    "nightly": {"max_examples": 1_000_000, "max_time": 1800.0, "mutants": 1000, "jobs": 2, "seed": "random"},
}
"""``pr`` takes less than a minute on two cores and is the same each time; ``ci`` some minutes, the same each time;
``nightly`` half an hour, with another seed each night, which its report names."""


@dataclass(frozen=True, slots=True)
class Share:
    """A family's part of a run.

    Args:
        cases: For each generated config.
        time: Of the time, relative to that of the other families.
    """

    cases: float
    time: float


GENERATED: dict[str, Share] = {
    "configs": Share(1.0, 0.5),
    "stateful": Share(0.1, 0.2),
    "programs": Share(0.5, 0.3),
}
"""The families of generated cases; :mod:`~ann_compat.equivalence.families` has a function ``run_`` each."""

FAMILIES = ("own", *GENERATED)
"""All that ``--family`` may name."""

SETTINGS: dict[str, type | tuple[type, ...]] = {
    "cases": str,
    "profile": str,
    "family": str,
    "max-examples": int,
    "max-time": (int, float),
    "seed": (int, str),
    "jobs": int,
    "mutants": int,
    "channels": (str, list),
    "tolerance": str,
    "report": (str, list),
    "report-dir": str,
    "case-dir": str,
}
"""What ``[tool.ann-equiv]`` may set: the options of ``ann-equiv run`` of those names, and ``cases``."""


def project_settings(folder: Path) -> dict[str, Any]:
    """What ``[tool.ann-equiv]`` in the ``pyproject.toml`` of ``folder`` says; empty if there is none.

    Raises:
        ValueError: The file is not TOML, or the table has an unknown key or a value of another type.
    """
    path = folder / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("ann-equiv", {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    for name, value in table.items():
        if name not in SETTINGS:
            raise ValueError(f"{path}: [tool.ann-equiv] has no setting {name!r}; there are {', '.join(SETTINGS)}")
        wanted = SETTINGS[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            kinds = " or ".join(_WORDS[kind] for kind in (wanted if isinstance(wanted, tuple) else (wanted,)))
            example = " like 'package.module:name'" if name == "cases" else ""
            raise ValueError(f"{path}: [tool.ann-equiv] {name} must be {kinds}{example}, got {value!r}")
    return dict(table)


_WORDS: dict[type, str] = {str: "text", int: "an integer", float: "a number", list: "a list"}
