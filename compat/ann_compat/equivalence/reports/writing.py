"""Writing reports where people and their tools look for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ann_compat.equivalence.outcome import Outcome


def write_reports(outcome: Outcome, names: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Write each report and yield a line about it.

    Args:
        outcome: What the run found.
        names: Of ``junit``, ``json``, ``md``, ``html``, which are written to ``folder``, and ``github``, whose lines
            go to standard output. Where GitHub has a step summary, the Markdown is added to it.
        folder: Made if there is none.

    Raises:
        OSError: It cannot be written.
    """
    for name in names:
        if name == "github":
            from ann_compat.equivalence.reports.github import github_text

            yield from github_text(outcome).splitlines()
            continue
        file, render = _FILES[name]
        text = render(outcome)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file
        path.write_text(text, encoding="utf-8", errors="replace")
        yield f"{name}: {path}"
        if name == "md":
            _add_to_step_summary(text)


def _junit(outcome: Outcome) -> str:
    from ann_compat.equivalence.reports.junit import junit_text

    return junit_text(outcome)


def _json(outcome: Outcome) -> str:
    from ann_compat.equivalence.reports.json_report import json_text

    return json_text(outcome)


def _markdown(outcome: Outcome) -> str:
    from ann_compat.equivalence.reports.markdown import markdown_text

    return markdown_text(outcome)


def _html(outcome: Outcome) -> str:
    from ann_compat.equivalence.reports.html import html_text

    return html_text(outcome)


_FILES: dict[str, tuple[str, Callable[[Outcome], str]]] = {
    "junit": ("junit.xml", _junit),
    "json": ("report.json", _json),
    "md": ("summary.md", _markdown),
    "html": ("report.html", _html),
}


def _add_to_step_summary(text: str) -> None:
    from ann_compat.equivalence.reports.markdown import step_summary

    path = step_summary()
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
