"""Code blocks of a text document, line by line: where the code of each line stands, and how edits are put back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ann_migrate.documents.parts import Change, apply_changes

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
PROMPT, CONTINUED = ">>>", "..."

Splice = tuple[int, int, str]
"""The characters ``start .. end - 1`` of the document become a text."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of code: where the line starts, where the code in it starts, and where the next line starts."""

    start: int
    code: int
    next: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        lines: Its lines.
        prompts: Whether the lines have the prompts of an interactive session.
        outputs: Where an output is shown below a line, by the index of that line.
    """

    lines: tuple[CodeLine, ...]
    prompts: bool = False
    outputs: tuple[tuple[int, int], ...] = ()

    def text(self, document: str) -> str:
        """The code alone."""
        return "".join(document[line.code : line.next] for line in self.lines)


def document_lines(document: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Where each line of a range starts and ends, line end included."""
    for match in _LINE.finditer(document, start, len(document) if end is None else end):
        yield match.span()


def dedented(document: str, spans: Sequence[tuple[int, int]]) -> Block:
    """A block of lines without the indentation that they share; blank lines do not count."""
    indents = [_indent(document, span) for span in spans if document[slice(*span)].strip()]
    shared = min(indents, default=0)
    lines = tuple(CodeLine(span[0], span[0] + min(shared, _indent(document, span)), span[1]) for span in spans)
    return with_prompts_read(document, Block(lines))


def with_prompts_read(document: str, block: Block) -> Block:
    """The session that a block is, if its first line has a prompt; else the block."""
    texts = [document[line.code : line.next] for line in block.lines]
    first = next((text for text in texts if text.strip()), "")
    if not first.startswith(PROMPT):
        return block
    spans = [(line.code, line.next) for line in block.lines]
    found = session(document, spans)
    # The prefix that new lines get is what stands before the prompt, whatever that is.
    starts = {line.code: line.start for line in block.lines}
    lines = tuple(CodeLine(starts[line.start], line.code, line.next) for line in found.lines)
    return Block(lines, prompts=True, outputs=found.outputs)


def session(document: str, spans: Sequence[tuple[int, int]]) -> Block:
    r"""The interactive examples in some lines: what stands behind prompts, and the outputs between.

    Example:
        >>> text = ">>> if x:\n...     y\n1\n"
        >>> block = session(text, list(document_lines(text)))
        >>> block.text(text), block.outputs
        ('if x:\n    y\n', ((1, 20),))
    """
    lines: list[CodeLine] = []
    outputs: dict[int, int] = {}
    indent: str | None = None
    for start, end in spans:
        text = document[start:end]
        bare = text.lstrip(" \t")
        prefix = text[: len(text) - len(bare)]
        if _has_prompt(bare, PROMPT) or (indent is not None and prefix == indent and _has_prompt(bare, CONTINUED)):
            indent = prefix
            blank = 1 if bare[3:4] == " " else 0
            lines.append(CodeLine(start, start + len(prefix) + 3 + blank, end))
        elif not bare.strip():
            indent = None
        elif indent is not None:
            outputs.setdefault(len(lines) - 1, start + len(prefix))
            indent = None
    return Block(tuple(lines), prompts=True, outputs=tuple(outputs.items()))


def splices(document: str, block: Block, changes: Sequence[Change]) -> list[Splice]:
    """The changes of a block's code as splices of the document, whole lines at a time, each with its prefix."""
    texts = [document[line.code : line.next] for line in block.lines]
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
    statements = _statement_lines(apply_changes("".join(texts), changes)) if block.prompts else set()
    out: list[Splice] = []
    moved = 0
    for first, last, own in _runs(starts, changes):
        shifted = [Change(item.start - starts[first], item.end - starts[first], item.text) for item in own]
        lines = _LINE.findall(apply_changes("".join(texts[first : last + 1]), shifted))
        prefix = document[block.lines[first].start : block.lines[first].code]
        new = []
        for number, line in enumerate(lines, first + moved + 1):
            if block.prompts:
                prompt = PROMPT if number in statements else CONTINUED
                new.append(prefix.rstrip(" ")[:-3] + (f"{prompt} {line}" if line.strip() else prompt + line))
            else:
                new.append(prefix + line if line.strip() else line)
        moved += len(lines) - (last - first + 1)
        out.append((block.lines[first].start, block.lines[last].next, "".join(new)))
    return out


def changed_lines(document: str, block: Block, changes: Sequence[Change]) -> set[int]:
    """The indices of the lines that changes touch."""
    starts = [0]
    for line in block.lines:
        starts.append(starts[-1] + line.next - line.code)
    return {number for first, last, _ in _runs(starts, changes) for number in range(first, last + 1)}


def _runs(starts: Sequence[int], changes: Sequence[Change]) -> Iterator[tuple[int, int, list[Change]]]:
    """The ranges of lines that hold changes, each with its changes."""
    count = len(starts) - 1
    run: tuple[int, int, list[Change]] | None = None
    for change in changes:
        first = next((number for number in range(count) if starts[number + 1] > change.start), count - 1)
        last = next((number for number in range(first, count) if starts[number + 1] >= change.end), count - 1)
        joins = change.end == starts[last + 1] and change.text and not change.text.endswith(("\n", "\r"))
        last = min(last + 1, count - 1) if joins else last
        if run is not None and run[1] >= first:
            run = (run[0], max(run[1], last), [*run[2], change])
            continue
        if run is not None:
            yield run
        run = (first, last, [change])
    if run is not None:
        yield run


def _statement_lines(code: str) -> set[int]:
    """The lines at which a statement of the top level starts."""
    return {
        min(node.lineno, *(item.lineno for item in getattr(node, "decorator_list", [])), node.lineno)
        for node in ast.parse(code).body
    }


def _has_prompt(text: str, prompt: str) -> bool:
    return text.startswith(prompt) and (text[3:4] == " " or not text[3:].strip())


def _indent(document: str, span: tuple[int, int]) -> int:
    text = document[slice(*span)]
    return len(text) - len(text.lstrip(" \t")) if text.strip() else len(text.rstrip("\r\n"))
