"""Files of two runs: compared as values where they can be, with the clock's readings left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ann_compat.equivalence.verify import cause
from ann_compat.equivalence.verify.files import files_difference
from ann_compat.equivalence.verify.protocol import Difference

RECORD = {"epoch": 0, "timestamp": 1.5, "train_loss": 0.25, "train_accuracy": 50.0, "epoch_time": 0.1}
LATER = {**RECORD, "timestamp": 9.5, "epoch_time": 0.7}
OTHER = {**LATER, "train_loss": 0.2500001}


def differences(old: bytes, new: bytes, name: str, folder: Path) -> list[Difference]:
    paths = folder / "old", folder / "new"
    for path, content in zip(paths, (old, new), strict=True):
        path.write_bytes(content)
    return list(files_difference({name: paths[0]}, {name: paths[1]}))


def as_json(records: Any) -> bytes:
    return json.dumps(records).encode()


def as_lines(records: Any) -> bytes:
    return b"\n".join(map(as_json, records)) + b"\n"


def as_csv(records: Any) -> bytes:
    rows = [list(records[0]), *([str(value) for value in record.values()] for record in records)]
    return "\r\n".join(",".join(row) for row in rows).encode()


def as_torch(records: Any, folder: Path) -> bytes:
    torch.save({"model": torch.ones(3), "metrics_history": records}, folder / "saved")
    return (folder / "saved").read_bytes()


@pytest.mark.parametrize("name", ["m.json", "m.jsonl", "m.csv", "m.pt"])
def test_records_are_equal_but_for_the_clock(name: str, tmp_path: Path) -> None:
    write = {"m.json": as_json, "m.jsonl": as_lines, "m.csv": as_csv, "m.pt": lambda each: as_torch(each, tmp_path)}[
        name
    ]
    assert differences(write([RECORD]), write([LATER]), name, tmp_path) == []
    (found,) = differences(write([RECORD]), write([OTHER]), name, tmp_path)
    assert (found.channel, found.place, found.cause) == ("files", f"file {name}", cause.RECORDS)
    assert "0.2500001" in found.new


def test_tensors_are_compared_bit_for_bit(tmp_path: Path) -> None:
    contents = []
    for value in (0.0, -0.0):
        torch.save({"weight": torch.tensor([value])}, tmp_path / "saved")
        contents.append((tmp_path / "saved").read_bytes())
    (found,) = differences(contents[0], contents[1], "a.pt", tmp_path)
    assert "['weight']" in found.new


def test_an_accuracy_that_became_a_fraction_is_named(tmp_path: Path) -> None:
    (found,) = differences(as_json([RECORD]), as_json([{**RECORD, "train_accuracy": 0.5}]), "m.json", tmp_path)
    assert found.cause == cause.PERCENT


@pytest.mark.parametrize(("name", "old"), [("m.json", b"{cut of"), ("m.pt", b"no archive"), ("m.log", b"1.5")])
def test_what_cannot_be_read_as_values_is_compared_as_bytes(name: str, old: bytes, tmp_path: Path) -> None:
    assert differences(old, old, name, tmp_path) == []
    (found,) = differences(old, old + b"!", name, tmp_path)
    assert (found.old, found.new) == (f"{len(old)} bytes", f"{len(old) + 1} others")


def test_a_file_that_only_one_run_wrote_or_removed_is_a_difference(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_bytes(b"{}")
    (missing,) = files_difference({"m.json": file}, {})
    assert (missing.old, missing.new, missing.cause) == ("written, 2 bytes", "untouched", cause.FILES)
    (added,) = files_difference({}, {"checkpoints": tmp_path})
    assert (added.old, added.new, added.cause) == ("untouched", "a folder", "")
    (removed,) = files_difference({"m.json": file}, {"m.json": None})
    assert removed.new == "removed"
    assert list(files_difference({"x": None, "y": tmp_path}, {"x": None, "y": tmp_path})) == []
