"""IPython's own syntax in a cell: told from Python, and masked so that the rest can be analysed in place.

``%magic``, ``!shell``, ``help?`` lines and the right sides of ``x = !ls`` are replaced by as many other characters, so
that every position stays. What they do with Python's names cannot be followed; the names are collected.
"""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass

from ann_migrate.legacy_api import PACKAGE

PYTHON_CELLS = frozenset({"time", "capture", "prun"})
"""Cell magics whose cell is Python that runs in the notebook's namespace."""

OTHER_CELLS = frozenset(
    ("!", "bash", "cmd", "file", "html", "HTML", "javascript", "js", "latex", "markdown", "perl", "pypy", "python")
) | {"python2", "python3", "ruby", "script", "sh", "svg", "SVG", "sx", "system", "writefile"}
"""Cell magics whose cell is of no concern: another language, a file, or Python in a process of its own."""

_SCAN = re.compile(
    r"""
    (?P<string> [rRbBuUfF]{0,2} (?: \"\"\"(?:[^\\]|\\.)*?\"\"\" | '''(?:[^\\]|\\.)*?'''
              | "(?:[^"\\\r\n]|\\(?:\r\n|.))*" | '(?:[^'\\\r\n]|\\(?:\r\n|.))*' ) )
  | (?P<comment> \#[^\r\n]* )
  | (?P<open> [(\[{] ) | (?P<close> [)\]}] )
  | (?P<joined> \\(?:\r\n|\r|\n) )
  | (?P<newline> \r\n|\r|\n )
  | \w+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_REST = r"(?:[^\r\n\\]|\\(?:\r\n|\r|\n)|\\)*"
_MAGIC = re.compile(rf"(?P<indent>[ \t]*)(?P<body>(?:[%!?]){_REST})")
_HELP = re.compile(r"(?P<indent>[ \t]*)(?P<body>[%\w.*\[\]]+\?\??[ \t]*)(?=\r|\n|\Z)")
_ASSIGNED = re.compile(rf"[ \t]*[A-Za-z_][\w.\[\]'\", \t*]*=[ \t]*(?P<body>[%!]{_REST})")
_TIMED = re.compile(r"%time[ \t]+(?=[^\s\-])")
_WORD = re.compile(r"[A-Za-z_]\w*")
_IN_SHELL = re.compile(r"\{([^{}]*)\}|\$(\w+)")
_BINDING = re.compile(r"^[ \t]*([A-Za-z_][\w]*)[ \t]*(?::[^=\r\n]*)?=(?!=)", re.MULTILINE)
_IMPORT = re.compile(
    rf"^[ \t]*(?:from[ \t]+{PACKAGE.decode()}[\w.]*[ \t]+import[ \t]*(?:\([^()]*\)|[^\r\n\\;#(]+)"
    rf"|import[ \t]+{PACKAGE.decode()}[^\r\n\\;#]*)",
    re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>[!\w]+)(?P<line>[^\r\n]*)(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell, told apart.

    Attributes:
        code: The Python in it, each character where it stands in the cell; None where it is not Python.
        masked: The ranges of characters in which ``code`` is not what the cell has.
        names: Python names that may be used in a way that cannot be seen.
        assigned: Those of them that may be bound again.
        is_other: The cell is of no concern: another language, a file.
        imports: Of a cell that is not Python, the statements that look like imports of the library.
    """

    code: str | None
    masked: tuple[tuple[int, int], ...] = ()
    names: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    is_other: bool = False
    imports: tuple[str, ...] = ()


def read_cell(text: str) -> Cell:
    r"""Tell the Python of a cell from the rest.

    Example:
        >>> cell = read_cell("%time loop.train(data)\n!echo {config}\n")
        >>> cell.code, cell.names
        ('0;    loop.train(data)\n0             \n', ('config',))
        >>> read_cell("pip install torch").code is None
        True
    """
    if _parses(text):
        return Cell(text)
    code, masked, names = text, [], []
    if match := _CELL_MAGIC.match(text):
        name = match["name"]
        if name in OTHER_CELLS:
            return Cell(None, is_other=True)
        if name not in PYTHON_CELLS:
            return _unreadable(text[match.end() :])
        names += _WORD.findall(match["line"])
        masked.append((match.start(), match.end("line")))
        code = _blank(text[: match.end("line")]) + text[match.end("line") :]
    for start, end, replacement, used in _masks(code):
        masked.append((start, end))
        names += used
        code = code[:start] + replacement + code[end:]
    if not _parses(code):
        return _unreadable(text)
    return Cell(code, tuple(masked), _unique(names))


def _unreadable(text: str) -> Cell:
    imports = [match.group().strip() for match in _IMPORT.finditer(text) if _parses(match.group().strip())]
    bound = [alias.asname or alias.name for line in imports for alias in ast.parse(line).body[0].names]  # type: ignore[attr-defined]
    assigned = [*_BINDING.findall(text), *(name.partition(".")[0] for name in bound if name != "*")]
    return Cell(None, names=_unique(_WORD.findall(text)), assigned=_unique(assigned), imports=tuple(imports))


def _parses(code: str) -> bool:
    try:
        code.encode("utf-8")
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _masks(code: str) -> list[tuple[int, int, str, list[str]]]:
    """What to put in place of each magic: its range, as many characters of Python, and the names that it uses."""
    found: list[tuple[int, int, str, list[str]]] = []
    depth, at, fresh = 0, 0, True
    while at < len(code):
        if fresh and depth == 0:
            if match := _MAGIC.match(code, at) or _HELP.match(code, at):
                start, end = match.span("body")
                timed = _TIMED.match(code, start)
                if timed:
                    found.append((start, timed.end(), "0;" + " " * (timed.end() - start - 2), []))
                    at, fresh = timed.end(), False
                    continue
                found.append((start, end, _dummy(code[start:end]), _used(code[start:end])))
                at, fresh = end, False
                continue
            if match := _ASSIGNED.match(code, at):
                start, end = match.span("body")
                timed = _TIMED.match(code, start)
                if timed:
                    found.append((start, timed.end(), " " * (timed.end() - start), []))
                    at, fresh = timed.end(), False
                    continue
                found.append((start, end, _dummy(code[start:end]), _used(code[start:end])))
                at, fresh = end, False
                continue
        token = _SCAN.match(code, at)
        assert token is not None
        at = token.end()
        fresh = token.lastgroup == "newline"
        depth = max(0, depth + (token.lastgroup == "open") - (token.lastgroup == "close"))
    return found


def _used(magic: str) -> list[str]:
    """The names that a magic may use: all but its own, and of a shell line only those that are put into it."""
    if magic.startswith("!"):
        return [name for part in _IN_SHELL.findall(magic) for text in part for name in _WORD.findall(text)]
    return _WORD.findall(re.sub(r"\A%+\w+", "", magic))


def _dummy(text: str) -> str:
    """A number and blanks, as long as the text and with its line ends."""
    return "0" + _blank(text[1:])


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _unique(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if not keyword.iskeyword(name)))
