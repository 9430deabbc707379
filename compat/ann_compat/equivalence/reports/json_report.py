"""The JSON report: every value of a run, under a name and version of its own; ``report.schema.json`` describes it."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Any

from ann_compat.equivalence.outcome import Outcome

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


def json_text(outcome: Outcome) -> str:
    """The report, with numbers that JSON does not know as text."""
    return json.dumps(_plain(outcome.to_dict()), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
