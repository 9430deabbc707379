"""Documents for the tests: migrated, and held to what must be true of every one."""

from __future__ import annotations

import difflib
from pathlib import Path

from ann_migrate.result import FileResult, Outcome
from ann_migrate.running.engine import Options, migrate_bytes

CHAIN = "TrainingLoop(model, config).train(loader, num_epochs=2)"


def migrate(text: str | bytes, name: str) -> FileResult:
    """Migrate a document; nothing changes a second time, and something changes if and only if a site was rewritten."""
    raw = text.encode() if isinstance(text, str) else text
    options = Options(docs=True)
    result = migrate_bytes(raw, path=Path(name), options=options)
    assert result.problem is None or not result.problem.internal, result.problem
    again = migrate_bytes(result.after, path=Path(name), options=options)
    assert again.after == result.after
    assert result.changed == any(site.outcome is Outcome.REWRITTEN for site in result.sites)
    return result


def outcomes(result: FileResult) -> list[tuple[str, str]]:
    return [(str(site.position), site.outcome.value) for site in result.sites]


def notes(result: FileResult) -> list[tuple[str, str]]:
    return [(str(note.position), note.text) for note in result.notes]


def new_lines(result: FileResult) -> list[str]:
    """The lines that were put in."""
    before, after = (text.decode().splitlines() for text in (result.before, result.after))
    return [line[2:] for line in difflib.ndiff(before, after) if line.startswith("+ ")]
