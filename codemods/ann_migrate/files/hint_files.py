"""Which files that are not Python are searched for mentions of the legacy names, and what is found there."""

from __future__ import annotations

import re
from pathlib import Path

from ann_migrate.legacy_api import NEEDLES
from ann_migrate.result import Hint, Position

DOCUMENTS = (".md", ".rst", ".txt")
CONFIGURATION = (".yaml", ".yml", ".toml", ".cfg", ".ini", ".json", ".sh")
TEXTS = (*DOCUMENTS, *CONFIGURATION)
MAX_BYTES = 1_000_000
"""Larger texts are not searched: they are data."""

WORD = re.compile(rb"(?<![A-Za-z0-9_])(?:" + b"|".join(NEEDLES) + rb")(?![A-Za-z0-9_])")
"""A legacy name, whole."""
_LONGEST = 160


def may_mention(raw: bytes) -> bool:
    """Whether a text names the legacy API.

    Example:
        >>> may_mention(b"_target_: adaptiveneuralnetwork.training.TrainingLoop"), may_mention(b"MyTrainingLoops")
        (True, False)
    """
    return any(needle in raw for needle in NEEDLES) and WORD.search(raw) is not None


def text_hints(path: Path, raw: bytes) -> tuple[Hint, ...]:
    """The mentions in a file that is not Python, in order; one a line."""
    kind = "configuration" if path.suffix.lower() in CONFIGURATION else "document"
    hints = []
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", raw), 1):
        if match := WORD.search(line):
            column = len(line[: match.start()].decode("utf-8", "replace")) + 1
            hints.append(Hint(path, Position(number, column), kind, shown_line(line)))
    return tuple(hints)


def shown_line(line: bytes) -> str:
    """A line as a report shows it: as text, without the white space around it, cut if it is long."""
    text = line.decode("utf-8", "backslashreplace").strip()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
