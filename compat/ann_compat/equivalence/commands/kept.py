"""Cases as people give them on the command line: a file, the id of a kept case, or JSON itself."""

from __future__ import annotations

import json
from pathlib import Path


def case_text(given: str, case_dir: Path) -> str:
    """The JSON that is meant.

    Raises:
        OSError: It is the name of a file that cannot be read.
        ValueError: It is neither, and no kept case has an id that begins so.
    """
    if given.lstrip().startswith("{"):
        return given
    if Path(given).exists() or any(mark in given for mark in "./\\"):
        return Path(given).read_text(encoding="utf-8")
    found = sorted(case_dir.glob(f"case-{given}*.json")) if given.isalnum() else []
    if len(found) != 1:
        raise ValueError(f"{'several kept cases begin' if found else 'no kept case begins'} so in {case_dir}")
    return found[0].read_text(encoding="utf-8")


def is_program(text: str) -> bool:
    """Whether the JSON is that of a generated program, which names its version ``program``.

    Raises:
        ValueError: It is not JSON.
    """
    data = json.loads(text)
    return isinstance(data, dict) and "program" in data
