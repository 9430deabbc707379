"""What two runs wrote: JSON, CSV and ``.pt`` files compared as values, others as bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ann_compat.equivalence.verify import cause
from ann_compat.equivalence.verify.protocol import Difference

CLOCK_COLUMNS = ("timestamp", "epoch_time")


def files_difference(old: Mapping[str, Path | None], new: Mapping[str, Path | None]) -> Iterator[Difference]:
    """Yield where files that were written, changed or removed differ, by path."""
    for name in sorted({*old, *new}):
        place = f"file {name}"
        if name not in old or name not in new:
            was, now = (_state(each[name]) if name in each else "untouched" for each in (old, new))
            yield Difference("files", place, was, now, cause.FILES if name in old else "")
            continue
        before, after = old[name], new[name]
        if before is None or after is None or before.is_dir() or after.is_dir():
            if _state(before) != _state(after):
                yield Difference("files", place, _state(before), _state(after), cause.FILES)
        elif (found := _content_difference(before, after, name)) is not None:
            yield Difference("files", place, *found)


def _state(kept: Path | None) -> str:
    if kept is None:
        return "removed"
    return "a folder" if kept.is_dir() else f"written, {kept.stat().st_size} bytes"


def _content_difference(old: Path, new: Path, name: str) -> tuple[str, str, str] | None:
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return None
    values = [_values(content, name) for content in (before, after)]
    if values[0] is None or values[1] is None:
        return f"{len(before)} bytes", f"{len(after)} others", ""
    # Both imported here: torch costs a second, and most runs write no file that differs in its bytes.
    from ann_compat.equivalence.values import mismatch

    found = mismatch(values[0], values[1])
    if found is None:
        return None
    return "as the old program wrote it", f"{found.path}: {found.text}", cause.history(found.path)


def _values(content: bytes, name: str) -> list[Any] | None:
    """What a file says, in a list so that ``null`` is a value too; None where only its bytes can be compared."""
    try:
        if name.endswith(".json"):
            return [json.loads(content)]
        if name.endswith((".jsonl", ".ndjson")):
            return [[json.loads(line) for line in content.splitlines()]]
        if name.endswith(".csv"):
            return [_without_clock(list(csv.reader(io.StringIO(content.decode(), newline=""))))]
        if name.endswith((".pt", ".pth")):
            import torch

            return [torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)]
    except Exception:  # what cannot be read as such is compared as bytes
        return None
    return None


def _without_clock(rows: list[list[str]]) -> list[list[str]]:
    """The rows without the columns that hold clock readings of records of epochs."""
    if not rows or "train_loss" not in rows[0]:
        return rows
    clock = {index for index, name in enumerate(rows[0]) if name in CLOCK_COLUMNS}
    return [rows[0], *([cell for index, cell in enumerate(row) if index not in clock] for row in rows[1:])]
