"""The comment ``# ann-migrate: skip``: whoever writes it beside a use has the whole object left alone.

``skip[ANN205]`` and ``skip[ANN301, ANN4]`` only act where a rule with such a code (or beginning of a code) would. A
comment acts on the statement (or the header of the block) in whose lines it stands; one that has a line to itself acts
on the statement below it. At an import it acts on all that the import brings.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ann_migrate.result import Note, Position
from ann_migrate.text.source import Source
from ann_migrate.text.tree import Tree

SKIPPED = "ANN502"
UNUSED = "ANN504"

_DIRECTIVE = re.compile(r"#\s*ann-migrate\s*:\s*(?P<word>[\w-]*)\s*(?:\[(?P<codes>[^\]#]*)\])?", re.IGNORECASE)
_SLIP = re.compile(r"#\s*ann[-_ ]?migrate\s*:?\s*skip\s*(?:[\[#]|$)", re.IGNORECASE)
_NAME = re.compile(rb"ann[-_ ]?migrate", re.IGNORECASE)
_FILLER = frozenset((tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT))


@dataclass(eq=False)
class SkipComment:
    """One comment: where it is, the lines that it speaks of, and the codes it is limited to (None: all)."""

    position: Position
    lines: tuple[int, ...]
    codes: tuple[str, ...] | None
    fault: str = ""
    used: bool = False

    def names(self, code: str) -> bool:
        return self.codes is None or any(code.startswith(each) for each in self.codes)


class Skips:
    """The skip comments of one file."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self._tree = tree
        self._comments = tuple(_find(source)) if _NAME.search(source.data) else ()

    def __bool__(self) -> bool:
        return bool(self._comments)

    def forget_use(self) -> None:
        """Begin anew: no comment has done anything."""
        for comment in self._comments:
            comment.used = False

    def acts(self, nodes: Iterable[ast.AST], codes: Iterable[str]) -> SkipComment | None:
        """The comment that speaks of one of the nodes and of one of the codes; it has been of use then."""
        if not self._comments:
            return None
        spans = [statement_lines(self._tree, node) for node in nodes]
        codes = tuple(codes)
        acting = None
        for comment in self._comments:
            beside = any(line in span for line in comment.lines for span in spans)
            if not comment.fault and beside and any(comment.names(code) for code in codes):
                comment.used = True
                acting = acting or comment
        return acting

    def unused(self) -> Iterator[Note]:
        """What the report says of comments that did nothing."""
        for comment in self._comments:
            if comment.fault:
                yield Note(comment.position, f"this comment is not understood: {comment.fault}", UNUSED)
            elif not comment.used:
                only = f" of {', '.join(comment.codes)}" if comment.codes else ""
                yield Note(comment.position, f"unused skip comment: there is nothing{only} to skip here", UNUSED)


def statement_lines(tree: Tree, node: ast.AST) -> range:
    """The lines of the simple statement, or of the header of the block, that a node stands in."""
    statement = tree.statement(node)
    if not any(hasattr(statement, name) for name in ("body", "cases", "handlers")):
        return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    last = first = min(statement.lineno, getattr(node, "lineno", statement.lineno))
    last = max(last, statement.lineno, getattr(node, "end_lineno", None) or 0)
    pending = [child for child in ast.iter_child_nodes(statement) if not isinstance(child, _INNER)]
    while pending:
        part = pending.pop()
        last = max(last, getattr(part, "end_lineno", None) or 0)
        if not hasattr(part, "end_lineno"):
            pending.extend(ast.iter_child_nodes(part))
    return range(first, last + 1)


def _find(source: Source) -> Iterator[SkipComment]:
    text = source.data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    waiting: list[SkipComment] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in _FILLER:
                for comment in waiting:
                    comment.lines += (token.start[0],)
                waiting.clear()
            elif token.type == tokenize.COMMENT and (
                match := _DIRECTIVE.search(token.string) or _SLIP.search(token.string)
            ):
                row, column = token.start
                before = token.line[:column]
                offset = source.line_starts[row - 1] + len(before.encode("utf-8"))
                comment = _comment(match, source.position(offset + match.start()), row)
                if not before.strip():
                    waiting.append(comment)
                yield comment
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return  # Python's own parser took the file: what was found until here counts


def _comment(match: re.Match[str], position: Position, line: int) -> SkipComment:
    if match.re is _SLIP:
        return SkipComment(
            position, (line,), None, f"{match[0].rstrip('[# ')!r} stands where '# ann-migrate: skip' is expected"
        )
    word, listed = match["word"], match["codes"]
    if word.lower() != "skip":
        return SkipComment(position, (line,), None, f"{word or 'nothing'!r} stands where 'skip' is expected")
    if listed is None:
        return SkipComment(position, (line,), None)
    from ann_migrate.reports.codes import rule_codes

    codes = tuple(code.strip().upper() for code in listed.split(",") if code.strip())
    known = rule_codes()
    unknown = [code for code in codes if not any(each.startswith(code) for each in known)]
    fault = f"{unknown[0]} is no code of a rule" if unknown else "" if codes else "the brackets hold no code"
    return SkipComment(position, (line,), codes, fault)


_INNER = (ast.stmt, ast.excepthandler, ast.match_case)
