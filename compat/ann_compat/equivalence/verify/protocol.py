"""What ``ann-migrate`` asks and what it is answered: one JSON document each, of schema :data:`SCHEMA_VERSION`.

The question is one line on standard input, which the asker then keeps open: its end means that the asker is gone, and
everything is stopped and removed. The answer is one line on standard output. ``ann_migrate.commands.verify`` writes and
reads the same documents without importing this package; fields may be added within a version, none is removed or
changes its meaning.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SCHEMA_VERSION = 1

Kind = Literal["equal", "differs", "unverifiable"]


@dataclass(frozen=True, slots=True)
class MigratedSite:
    """A rewritten use of the legacy API that is called: where its name stood, and where the call ended.

    Attributes:
        line: Of the name, from 1.
        column: Of the name, in characters, from 1: both as the report shows them.
        call_end: Line from 1, and column from 0 in UTF-8 bytes, behind the call's closing bracket: as Python's own
            positions count. No other call ends there.
    """

    line: int
    column: int
    call_end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RewrittenFile:
    """A file to rewrite: *path* is relative to the root, with forward slashes."""

    path: str
    before: bytes
    after: bytes
    sites: tuple[MigratedSite, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What to verify.

    Attributes:
        root: The folder to copy, absolute and without links.
        cwd: Where below it the command is run.
        command: The command, as a shell would split it; no shell runs it.
        timeout: Seconds that each run may take.
        seed: For all generators and for ``PYTHONHASHSEED``.
        exclude: Patterns of paths that are neither copied nor compared.
        workspace: An empty folder for copies and records. Whoever asks removes it in the end.
        max_bytes: A tree that is larger is not copied.
        files: What would be rewritten.
        applied: Whether it has been: the tree is as it became, and the old code is what is put into the copies.
        dropped: Channels (``files``, ``output``) in which the new code differs on purpose: they are not compared.
    """

    root: str
    cwd: str
    command: str
    timeout: float
    seed: int
    exclude: tuple[str, ...]
    workspace: str
    max_bytes: int
    files: tuple[RewrittenFile, ...]
    applied: bool = False
    dropped: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Request:
        """Read the question.

        Raises:
            ValueError: It is of another schema.
        """
        version = document.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ValueError(f"schema_version: got {version!r}, accepted is {SCHEMA_VERSION}")
        files = tuple(
            RewrittenFile(
                path=file["path"],
                before=base64.b64decode(file["before"]),
                after=base64.b64decode(file["after"]),
                sites=tuple(
                    MigratedSite(site["line"], site["column"], (site["call_end"][0], site["call_end"][1]))
                    for site in file["sites"]
                ),
            )
            for file in document["files"]
        )
        names = ("root", "cwd", "command", "timeout", "seed", "workspace", "max_bytes")
        return cls(
            **{name: document[name] for name in names},
            exclude=tuple(document["exclude"]),
            files=files,
            dropped=tuple(document.get("dropped", ())),
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two runs differ first.

    Attributes:
        channel: What differs: ``calls``, ``initialisation``, ``forward``, ``loss``, ``step``, ``exception``,
            ``history``, ``state``, ``rng``, ``files``, ``output`` or ``exit_code``.
        place: Where: which call at which line, which step, which value.
        old: What the old program had there.
        new: What the new one had.
        cause: What probably made the difference and how to mend it; empty where nothing is likely.
    """

    channel: str
    place: str
    old: str
    new: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class SitePlace:
    """A migrated site, as the report names it."""

    path: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict and what it rests on.

    Attributes:
        verdict: ``equal``: all that was recorded is. ``differs``: something is not. ``unverifiable``: neither is known.
        reason: Why, in one sentence.
        difference: The first one, if any.
        output: The end of what a failed run printed to standard error.
        covered: The migrated sites whose objects were trained or evaluated.
        uncovered: Those that the command did not reach: nothing is said of them.
        calls: How many calls of ``train``/``fit``, ``train_epoch`` and ``evaluate`` were compared.
        steps: How many optimizer steps.
        seconds: How long the slowest run took.
        not_copied: What of the tree was not.
        not_compared: What the runs left that was not compared, a sentence each.
        written_outside: Files that the program wrote by absolute paths outside the tree; compared, but really written.
    """

    verdict: Kind
    reason: str
    difference: Difference | None = None
    output: str = ""
    covered: tuple[SitePlace, ...] = ()
    uncovered: tuple[SitePlace, ...] = ()
    calls: int = 0
    steps: int = 0
    seconds: float = 0.0
    not_copied: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    written_outside: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The answer as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}
