"""Markdown and reStructuredText files."""

from __future__ import annotations

import codecs
from pathlib import Path

from ann_migrate.documents import markdown, rst
from ann_migrate.documents.blocks import Block
from ann_migrate.documents.page import migrate_page, spliced
from ann_migrate.project import Project
from ann_migrate.result import FileResult, Problem
from ann_migrate.selection import Selection

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
        document = raw[len(bom) :].decode("utf-8")
    except UnicodeDecodeError as error:
        return FileResult(path, raw, raw, problem=Problem(NOT_UTF8, f"not UTF-8: {error}"))
    reader = rst if path.suffix.lower() == ".rst" else markdown

    def extract(text: str) -> list[Block]:
        return list(reader.blocks(text))

    page = migrate_page(document, extract, path, project, style, selection=selection)
    if page.failure is not None:
        reason = f"internal check failed, the file is left as it is: {page.failure}"
        return FileResult(path, raw, raw, problem=Problem(FAILED_CHECK, reason, internal=True))
    after = bom + spliced(document, page.splices).encode("utf-8")
    return FileResult(path, raw, after, tuple(page.sites), notes=tuple(page.notes))
