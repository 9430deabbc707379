"""What a run of ``ann-equiv`` found, as plain values: what every report is made from, and what crosses processes."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from ann_compat.equivalence.coverage import Coverage

SCHEMA = "ann-equiv-report/1"
"""Name and version of the JSON form; the number grows when a field is renamed, removed or means something else."""

Verdict = Literal["EQUAL", "DIFFERENT", "VACUOUS", "UNSTEADY", "ERROR"]
"""``UNSTEADY``: the environment does not repeat itself, so nothing can be said. ``ERROR``: the tool itself failed."""

EQUAL, DIFFERENT, USAGE, INTERNAL, VACUOUS = range(5)
"""The exit codes."""

EXIT_CODES: dict[Verdict, int] = {
    "EQUAL": EQUAL,
    "DIFFERENT": DIFFERENT,
    "UNSTEADY": INTERNAL,
    "ERROR": INTERNAL,
    "VACUOUS": VACUOUS,
}

_SERIOUSNESS: tuple[Verdict, ...] = ("EQUAL", "VACUOUS", "ERROR", "UNSTEADY", "DIFFERENT")


@dataclass(frozen=True, slots=True)
class Activity:
    """How often a behaviour occurred.

    Attributes:
        required: The share of cases in which it must occur; 0 for at least one case, ``None`` for not at all.
    """

    name: str
    count: int
    cases: int
    required: float | None = None

    @property
    def share(self) -> float:
        return self.count / self.cases if self.cases else 0.0

    @property
    def enough(self) -> bool:
        return self.required is None or (self.count > 0 and self.share >= self.required)

    def __str__(self) -> str:
        if self.count == 0:
            return f"{self.name}: never occurred"
        return f"{self.name}: {self.share:.1%} of the cases, required {self.required or 0:.0%}"


@dataclass(frozen=True, slots=True)
class Curve:
    """One number of the history of a run, epoch by epoch, on both paths; ``None`` where it is not finite."""

    metric: str
    old: tuple[float | None, ...]
    new: tuple[float | None, ...]

    @property
    def equal(self) -> bool:
        return self.old == self.new


@dataclass(frozen=True, slots=True)
class Curves:
    """The history of one run on both paths."""

    title: str
    curves: tuple[Curve, ...]

    @property
    def equal(self) -> bool:
        return all(curve.equal for curve in self.curves)


@dataclass(frozen=True, slots=True)
class Failure:
    """A case in which the two paths differ.

    Attributes:
        id: Short name, under which it is kept.
        family: What kind of case it is.
        title: The case in a few words.
        where: The place in the run: call, epoch, batch, phase.
        channel: What was compared there.
        difference: What differs, and by how much.
        channels: The other channels that differ.
        cause: The likely cause and its mend.
        fields: What of the case is not at its default.
        case: The whole case as JSON values, or ``None`` where only code describes it.
        reproduce: A line to paste that shows it again.
        explain: A line to paste that looks for the layer at which the paths part.
        found_after: How many cases were run until it was found.
        times: In how many cases a difference of this cause was seen.
        file, line: Where to point at.
        curves: Loss and accuracy of both paths.
    """

    id: str
    family: str
    title: str
    where: str
    channel: str
    difference: str
    channels: tuple[str, ...] = ()
    cause: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    case: dict[str, Any] | None = None
    reproduce: str | None = None
    explain: str | None = None
    found_after: int = 0
    times: int = 1
    file: str | None = None
    line: int | None = None
    curves: Curves | None = None


@dataclass(frozen=True, slots=True)
class FamilyOutcome:
    """What one family of cases gave.

    Attributes:
        name: ``configs``, ``stateful``, ``programs``, ``own`` or ``files``.
        cases: How many were compared.
        controls: How many times the legacy path was compared with itself.
        activity: What occurred in how many of them.
        allowed: For each entry of the table of refinements, in how many cases it was used.
        lacking: What should have occurred and did not: why equality says too little.
        notes: Further lines for the reader.
        problem: In one line, why the family was not run to its end.
        trace: The traceback of an internal error.
    """

    name: str
    verdict: Verdict
    cases: int = 0
    seconds: float = 0.0
    controls: int = 0
    activity: tuple[Activity, ...] = ()
    allowed: dict[str, int] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    curves: tuple[Curves, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class MutantOutcome:
    """What became of a planted defect.

    Attributes:
        equivalent: Why no run can tell it from the right code; such a one is not hunted.
        examples: Cases until the first that differed.
        channels: That saw it.
    """

    name: str
    defect: str
    caught: bool
    examples: int = 0
    channels: tuple[str, ...] = ()
    seconds: float = 0.0
    equivalent: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run.

    Attributes:
        command: The command line that repeats it.
        blind: What the self-test found that the harness does not see.
    """

    command: str
    seed: int
    profile: str | None
    tolerance: str
    channels: tuple[str, ...]
    started: str
    seconds: float
    families: tuple[FamilyOutcome, ...]
    mutants: tuple[MutantOutcome, ...] = ()
    blind: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: versions())

    @property
    def verdict(self) -> Verdict:
        """Of all families, the most serious one; an environment that does not repeat itself is none of the code."""
        found: list[Verdict] = [family.verdict for family in self.families]
        found += ["ERROR"] if self.blind or any(not m.caught and not m.equivalent for m in self.mutants) else []
        return most_serious(found)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    @property
    def failures(self) -> list[Failure]:
        return [failure for family in self.families for failure in family.failures]

    @property
    def cases(self) -> int:
        return sum(family.cases for family in self.families)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; the schema is ``reports/report.schema.json``."""
        data = {"schema": SCHEMA, "verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}
        for family, shown in zip(self.families, data["families"], strict=True):
            shown["coverage"] = [matrix.to_dict() for matrix in family.coverage]
        return data


def lacking(activity: Iterable[Activity]) -> tuple[str, ...]:
    """What should have occurred and did not, a line each."""
    return tuple(str(item) for item in activity if not item.enough)


def verdict_of(failures: Sequence[Failure], missing: Sequence[str]) -> Verdict:
    """Of a family that ran to its end."""
    return "DIFFERENT" if failures else "VACUOUS" if missing else "EQUAL"


def most_serious(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides about the exit code; ``EQUAL`` if there is none."""
    return max(verdicts, key=_SERIOUSNESS.index, default="EQUAL")


def versions() -> dict[str, str]:
    """Of what a result may depend on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("adaptiveneuralnetwork", "torch", "numpy", "hypothesis"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
