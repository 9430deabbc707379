"""The pure heart of the codemod: bytes in, verdicts and bytes out. It touches no disk and executes nothing that it
reads.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ann_migrate.documents import NOTEBOOKS, PAGES
from ann_migrate.legacy_api import NEEDLES
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Problem
from ann_migrate.rewriting.selection import Selection, check_codes
from ann_migrate.rewriting.styles import STYLES, Style
from ann_migrate.text.source import INVALID_SYNTAX, NEWER_SYNTAX, TOO_DEEP, Source, SourceError

__all__ = ["Options", "Project", "may_be_candidate", "migrate_bytes"]


_WHOLE_NAME = re.compile(rb"(?<![A-Za-z0-9_])(?:" + b"|".join(NEEDLES) + rb")(?![A-Za-z0-9_])")


@dataclass(frozen=True)
class Options:
    """How to rewrite.

    Args:
        style: ``faithful`` keeps numbers, files and records as they were; ``guide`` writes the migration guide's own
            forms, keeps the training numbers and lists what else it drops.
        docs: Whether to migrate the code in documents and docstrings too.
        select: Codes of the rules that may act, or beginnings of codes; none means all.
        ignore: Codes of those that may not.
        unsafe: Whether to make rewrites that rest on an assumption: that an attribute in another file with the name of
            the one that holds the loop is another class's, that nobody outside the project uses what ``__all__`` names.

    Raises:
        ValueError: an unknown style, a code of no rule.
    """

    style: Style = "faithful"
    docs: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    unsafe: bool = False

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style: got {self.style!r}, accepted are {', '.join(map(repr, STYLES))}")
        object.__setattr__(self, "select", check_codes("select", self.select))
        object.__setattr__(self, "ignore", check_codes("ignore", self.ignore))

    @property
    def selection(self) -> Selection:
        """The rules that may act."""
        return Selection(self.select, self.ignore, self.unsafe)


def may_be_candidate(raw: bytes) -> bool:
    """Whether a file can have a site at all: a search for the legacy names that costs almost nothing.

    Example:
        >>> may_be_candidate(b"import torch"), may_be_candidate(b"loop = TrainingLoop(m, c)")
        (False, True)
    """
    return any(needle in raw for needle in NEEDLES) and _WHOLE_NAME.search(raw) is not None


def may_matter(raw: bytes) -> bool:
    """Whether a file may be a candidate, or hold a skip comment: one that does nothing is reported.

    Example:
        >>> may_matter(b"x = 1  # ann-migrate: skip"), may_matter(b"x = 1")
        (True, False)
    """
    return may_be_candidate(raw) or b"# ann-migrate:" in raw


def migrate_bytes(
    raw: bytes, *, path: Path, project: Project | None = None, options: Options | None = None
) -> FileResult:
    """Migrate one file: Python, or a notebook where the path ends in ``.ipynb``.

    Args:
        raw: The file's bytes.
        path: Its path, for the report and to find it in ``project``; never opened.
        project: What is known of other files (default: nothing).
        options: How to rewrite.

    Returns:
        The verdict on each site, and the new bytes (equal to ``raw`` where nothing changes). A file that cannot be
        analysed has a ``problem`` and no sites. Nothing is raised for any input.

    Example:
        >>> code = b"from adaptiveneuralnetwork.training import TrainingLoop\\n"
        >>> code += b"TrainingLoop(model, config).train(loader, None, 3)\\n"
        >>> result = migrate_bytes(code, path=Path("run.py"))
        >>> result.sites[0].outcome.value, b".fit(loader, num_epochs=3)" in result.after
        ('rewritten', True)
    """
    options = options or Options()
    project = project or Project.single()
    if not may_matter(raw) and not project.may_use_reexport(raw):
        return FileResult(path, raw, raw)
    try:
        return _migrate(raw, path, project, options)
    except SourceError as error:
        return _unreadable(raw, path, error.problem)
    except (RecursionError, MemoryError):
        return FileResult(path, raw, raw, problem=Problem(TOO_DEEP, "nested too deeply to be analysed"))


def _unreadable(raw: bytes, path: Path, problem: Problem) -> FileResult:
    """The result for a file that cannot be analysed. One that only a newer Python can parse is no broken one, and it is
    no concern of ours if its code does not name the legacy API.
    """
    is_code = problem.position is not None and path.suffix.lower() not in (*NOTEBOOKS, *PAGES)
    if problem.code == INVALID_SYNTAX and is_code:
        from ann_migrate.text.newer_syntax import newer_syntax

        if (newer := newer_syntax(Source.decode(raw).data)) is not None:
            if not newer.names_legacy:
                return FileResult(path, raw, raw)
            wanted, running = (".".join(map(str, version)) for version in (newer.version, sys.version_info[:2]))
            reason = f"this is syntax of Python {wanted}, and ann-migrate runs under {running}: run it under {wanted}"
            problem = Problem(NEWER_SYNTAX, f"{reason} or newer", problem.position)
    return FileResult(path, raw, raw, problem=problem)


def _migrate(raw: bytes, path: Path, project: Project, options: Options) -> FileResult:
    suffix = path.suffix.lower()
    if suffix in NOTEBOOKS:
        from ann_migrate.documents.notebook import migrate_notebook

        return migrate_notebook(raw, path, project, options.style, options.selection)
    if options.docs and suffix in PAGES:
        from ann_migrate.documents.text import migrate_text_document

        return migrate_text_document(raw, path, project, options.style, options.selection)
    if options.docs:
        from ann_migrate.documents.docstrings import migrate_module

        return migrate_module(raw, path, project, options.style, options.selection)
    from ann_migrate.rewriting.migration import Migration

    return Migration(Source.decode(raw), path, project, options.style, selection=options.selection).result(raw)
