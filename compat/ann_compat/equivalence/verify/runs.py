"""What one run of the command left: its calls, files, output and end, read from the records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ann_compat.equivalence.verify.process import Ended
from ann_compat.equivalence.verify.recorder import read_records


@dataclass(slots=True)
class Call:
    """One outermost call of a training method, as the recorder wrote it.

    Attributes:
        kind: ``train`` (for ``fit`` too), ``train_epoch`` or ``evaluate``.
        method: The name that was really called.
        site: Where from.
        owner: The loop or trainer: ``number``, ``class`` and ``site`` of its construction; ``None`` if it was not made
            by a constructor (a copy, an unpickled one).
        start: State of model, optimizer and generators before it.
        events: Forward passes, losses and steps, in order.
        end: State after it; ``None`` if the process ended within the call.
        raised: The exception that ended it.
        history: The records that the object then had.
    """

    kind: str
    method: str
    site: dict[str, Any]
    owner: dict[str, Any] | None
    start: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    raised: dict[str, Any] | None = None
    history: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Process:
    """One Python process of the command."""

    label: str
    calls: list[Call] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)
    rng: dict[str, str] | None = None
    faults: list[str] = field(default_factory=list)
    outside_writes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """One run of the command.

    Attributes:
        files: What it wrote below the copy, and where that is kept (``None``: it removed the file).
        outside: The same for files elsewhere, by absolute path.
        stdout: What the program printed, in lines; what the library printed is not in it.
        stderr: The end of what it printed to standard error.
    """

    ended: Ended
    processes: list[Process]
    files: dict[str, Path | None]
    outside: dict[str, Path | None]
    stdout: list[bytes]
    stderr: str

    @property
    def training(self) -> list[Process]:
        """The processes that trained or evaluated anything."""
        return [process for process in self.processes if process.calls]

    @property
    def calls(self) -> list[Call]:
        return [call for process in self.processes for call in process.calls]

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [each for process in self.processes for each in process.objects]

    @property
    def steps(self) -> int:
        return sum(event["kind"] == "step" for call in self.calls for event in call.events)


def read_processes(folder: str) -> list[Process]:
    """Read the records of a run."""
    return [_process(label, records) for label, records in read_records(folder)]


def _process(label: str, records: Sequence[dict[str, Any]]) -> Process:
    process = Process(label)
    calls: dict[int, Call] = {}
    for record in records:
        kind = record["record"]
        if kind == "call":
            call = Call(record["kind"], record["method"], record["site"], record["object"], record["start"])
            calls[record["call"]] = call
            process.calls.append(call)
        elif kind == "event":
            # The rest of a call that began in the parent belongs to the parent's file.
            if record["call"] in calls:
                calls[record["call"]].events.append(record)
        elif kind == "return" and record["call"] in calls:
            call = calls[record["call"]]
            call.end, call.raised, call.history = record["end"], record["raised"], record["history"]
        elif kind == "object":
            process.objects.append(record)
        elif kind == "end":
            process.rng = record["rng"]
        elif kind == "fault":
            process.faults.append(record["traceback"])
        elif kind == "outside_write":
            process.outside_writes.append(record["path"])
    return process
