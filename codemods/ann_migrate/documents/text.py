"""Markdown and reStructuredText files."""

from __future__ import annotations

import codecs
from pathlib import Path

from ann_migrate.documents import markdown, rst
from ann_migrate.documents.analysis import Analysis
from ann_migrate.documents.page import Extract, PageResult, migrate_page, positions, spliced
from ann_migrate.files.hint_files import text_hints
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Hint, Problem
from ann_migrate.rewriting.selection import Selection
from ann_migrate.text.source import SourceError

NOT_UTF8 = "ANN923"
FAILED_CHECK = "ANN990"


def migrate_text_document(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> FileResult:
    r"""Migrate the Python code blocks of a Markdown or reStructuredText file.

    Args:
        raw: The file's bytes, UTF-8.
        path: Its path; ``.rst`` is reStructuredText, all else Markdown.
        project: What is known of other files.
        style: The style of the new code.
        selection: The rules that may act (default: all).

    Returns:
        The verdicts and the new bytes. What stands outside of the changed lines of code stays byte for byte.

    Example:
        >>> code = "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(m, c).train(x, None, 3)\n"
        >>> page = f"# Training\n\n```python\n{code}```\n"
        >>> result = migrate_text_document(page.encode(), Path("README.md"), Project.single(), "faithful")
        >>> print(result.sites[0].position, b".fit(x, num_epochs=3)\n```\n" in result.after)
        5:1 True
    """
    bom = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    try:
        document, page = _page(raw, path, project, style, selection)
    except UnicodeDecodeError as error:
        return FileResult(path, raw, raw, problem=Problem(NOT_UTF8, f"not UTF-8: {error}"))
    if page.failure is not None:
        reason = f"internal check failed, the file is left as it is: {page.failure}"
        return FileResult(path, raw, raw, problem=Problem(FAILED_CHECK, reason, internal=True))
    after = bom + spliced(document, page.splices).encode("utf-8")
    hints = _hints(document, page, path)
    return FileResult(path, raw, after, tuple(page.sites), notes=tuple(page.notes), hints=hints)


def analyse_text_document(
    raw: bytes, path: Path, project: Project, style: str, selection: Selection | None = None
) -> list[Analysis]:
    """The programs that the blocks of a document are read as.

    Raises:
        SourceError: The document is not UTF-8.
    """
    try:
        return _page(raw, path, project, style, selection)[1].analyses
    except UnicodeDecodeError as error:
        raise SourceError(Problem(NOT_UTF8, f"not UTF-8: {error}")) from error


def _page(raw: bytes, path: Path, project: Project, style: str, selection: Selection | None) -> tuple[str, PageResult]:
    document = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    return document, migrate_page(document, _extract(path), path, project, style, selection=selection)


def _extract(path: Path) -> Extract:
    reader = rst if path.suffix.lower() == ".rst" else markdown
    return lambda text: list(reader.blocks(text))


def _hints(document: str, page: PageResult, path: Path) -> tuple[Hint, ...]:
    """The mentions in the prose, and in comments and strings of the blocks; one a line."""
    position = positions(document)
    code = {position(line.code).line for block in _extract(path)(document) for line in block.lines}
    prose = [hint for hint in text_hints(path, document.encode("utf-8")) if hint.position.line not in code]
    return tuple(sorted([*prose, *page.hints], key=lambda hint: hint.position.line))
