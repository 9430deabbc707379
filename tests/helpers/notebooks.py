"""Notebooks for the tests: built from the texts of cells, taken apart again, run from the top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ann_migrate.result import FileResult
from ann_migrate.running.engine import Project, migrate_bytes

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
LOOP = "loop = TrainingLoop(model, config)"


def code(source: str | list[str], outputs: list[Any] | None = None) -> dict[str, Any]:
    """A code cell as Jupyter writes it; its source as one string a line unless a list is given."""
    lines = source.splitlines(keepends=True) if isinstance(source, str) else source
    return {
        "cell_type": "code",
        "execution_count": 7,
        "id": "c0ffee",
        "metadata": {"tags": ["train"]},
        "outputs": outputs or [],
        "source": lines,
    }


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source.splitlines(keepends=True)}


def notebook(*cells: dict[str, Any] | str, indent: int | None = 1, **dump: Any) -> bytes:
    """A notebook's bytes, laid out as Jupyter does unless said otherwise."""
    content = {
        "cells": [code(cell) if isinstance(cell, str) else cell for cell in cells],
        "metadata": {"language_info": {"name": "python", "version": "3.11"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(content, indent=indent, **{"ensure_ascii": False, **dump}) + "\n").encode()


def sources(raw: bytes) -> list[str]:
    """The text of each cell."""
    return ["".join(cell["source"]) for cell in json.loads(raw)["cells"]]


def migrate(raw: bytes, project: Project | None = None) -> FileResult:
    """Migrate a notebook, and hold the result to what must be true of every one."""
    result = migrate_bytes(raw, path=Path("book.ipynb"), project=project)
    assert result.problem is None or not result.problem.internal, result.problem
    if result.changed:
        assert without_sources(result.after) == without_sources(raw)
        again = migrate_bytes(result.after, path=Path("book.ipynb"), project=project)
        assert not again.changed
        assert again.problem is None
    return result


def without_sources(raw: bytes) -> Any:
    """The content without the text of code cells, the order of keys kept."""
    content = json.loads(raw, object_pairs_hook=list)
    return [(key, [_bare(cell) for cell in value] if key == "cells" else value) for key, value in content]


def _bare(cell: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    if ("cell_type", "code") not in cell:
        return cell
    return [(key, type(value) if key == "source" else value) for key, value in cell]
