"""reStructuredText: ``.. code-block:: python`` and its like, literal blocks, and interactive examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ann_migrate.documents.blocks import Block, dedented, document_lines, session
from ann_migrate.documents.markdown import LANGUAGES

_DIRECTIVE = re.compile(r"(?P<indent>[ \t]*)\.\. +(?P<name>[\w-]+)::[ \t]*(?P<argument>[^\r\n]*?)[ \t]*[\r\n]*")
_LITERAL = re.compile(r"(?P<indent>[ \t]*(?:(?:[-*+]|#\.|\(?\w+[.)])[ \t]+)?)(?!\.\. )[^\r\n]*::[ \t]*[\r\n]*")
_OPTION = re.compile(r"[ \t]+:[\w-]+:")
_CODE = frozenset({"code-block", "code", "sourcecode"})
_TESTS = frozenset({"testcode", "testsetup", "testcleanup", "doctest"})
Spans = Sequence[tuple[int, int]]


def blocks(document: str, start: int = 0, end: int | None = None, *, one_session: bool = False) -> Iterator[Block]:
    r"""The Python blocks of a reStructuredText, in order.

    A literal block (``::``) has no language: it is taken, and is of no concern unless it is Python that uses the
    legacy API.

    Args:
        document: The text.
        start: Where to begin.
        end: Where to stop; the end of the text if not given.
        one_session: Whether all interactive examples outside of directives run in one session, as doctest runs those
            of a docstring; else each run of examples with nothing but blank lines between is one.

    Example:
        >>> text = ".. code-block:: python\n   :linenos:\n\n   x = 1\n\nOr:\n\n>>> y\n2\n"
        >>> [block.text(text) for block in blocks(text)]
        ['x = 1\n', 'y\n']
    """
    spans = list(document_lines(document, start, end))
    found: list[Block] = []
    examples: list[tuple[int, int]] = []
    language = "python"
    at = 0
    while at < len(spans):
        text = document[slice(*spans[at])]
        directive = _DIRECTIVE.fullmatch(text)
        literal = _LITERAL.fullmatch(text)
        if directive is not None and directive["name"] == "highlight":
            language = directive["argument"].lower()
        opened = directive or literal
        body = _body(document, spans, at + 1, opened["indent"]) if opened is not None else []
        if directive is not None and directive["name"] in _CODE | _TESTS:
            said = directive["argument"].lower() if directive["name"] in _CODE else "python"
            if (said or language) in LANGUAGES:
                found += _read(document, _without_options(document, body))
            at += 1 + len(body)
        elif directive is None and literal is not None and body and language in LANGUAGES | {"default", "python3"}:
            if one_session and next(filter(str.strip, (document[slice(*span)] for span in body))).lstrip().startswith(
                ">>>"
            ):
                examples += body
            else:
                found += _read(document, body)
            at += 1 + len(body)
        else:
            examples.append(spans[at])
            at += 1
    found += [session(document, examples)] if one_session else _sessions(document, examples)
    return iter(sorted((block for block in found if block.lines), key=lambda block: block.lines[0].start))


def _body(document: str, spans: Spans, at: int, indent: str) -> list[tuple[int, int]]:
    """The lines from one on that are indented more than some line, blank ones at the end left out."""
    body: list[tuple[int, int]] = []
    width = len(indent.expandtabs())
    for span in spans[at:]:
        text = document[slice(*span)]
        bare = text.lstrip(" \t")
        if bare.strip() and len(text[: len(text) - len(bare)].expandtabs()) <= width:
            break
        body.append(span)
    while body and not document[slice(*body[-1])].strip():
        body.pop()
    return body


def _without_options(document: str, body: Spans) -> Spans:
    at = 0
    while at < len(body) and _OPTION.match(document[slice(*body[at])]):
        at += 1
    return body[at:]


def _read(document: str, body: Spans) -> list[Block]:
    first = next((at for at, span in enumerate(body) if document[slice(*span)].strip()), len(body))
    return [dedented(document, body[first:])] if body[first:] else []


def _sessions(document: str, spans: Spans) -> Iterator[Block]:
    """Runs of examples: prose between two examples ends a session."""
    run: list[tuple[int, int]] = []
    in_example = False
    for span in spans:
        text = document[slice(*span)].lstrip(" \t")
        starts = text.startswith(">>>")
        if not text.strip():
            in_example = False
        elif not starts and not in_example:
            if run:
                yield session(document, run)
            run = []
            continue
        in_example = in_example or starts
        if run or starts:
            run.append(span)
        in_example = in_example and bool(text.strip())
    if run:
        yield session(document, run)
