"""Whether a file that this Python cannot parse is written in the syntax of a newer one.

LibCST parses what Python learnt later, whichever Python runs it, and no more than that. But deep nesting overflows its
parser's stack, which ends the process, so it is asked in one of its own.

What is looked for (https://docs.python.org/3/whatsnew/): type parameters, the ``type`` statement and f-strings with any
expression in them (3.12), defaults of type parameters (3.13), t-strings and ``except`` without parentheses (3.14).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ann_migrate.legacy_api import QUICK_TRAIN, TRAINING_LOOP

if TYPE_CHECKING:
    import libcst

TIMEOUT = 30.0
_SUSPECT = re.compile(
    rb"""\b(?:def|class)\s+\w+\s*\[ | ^\s*type\s+\w | \b(?:[ft]r?|r[ft])['"] | ^\s*except\b.*,""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""A text without any of these is not worth a process."""
_LEGACY = {TRAINING_LOOP, QUICK_TRAIN}
_PATH_OF_LEGACY = re.compile(rf"\.(?:{TRAINING_LOOP}|{QUICK_TRAIN})\b")


@dataclass(frozen=True, slots=True)
class NewerSyntax:
    """What a file needs.

    Attributes:
        version: The Python that can parse it.
        names_legacy: Whether its code, or a string that can be an import path, names the legacy API: not only a
            comment.
    """

    version: tuple[int, int]
    names_legacy: bool


def newer_syntax(data: bytes) -> NewerSyntax | None:
    """What a text needs that the running Python cannot parse, or None if no newer Python is known to parse it either.

    Args:
        data: The text in UTF-8, without a byte order mark.

    Example:
        >>> newer_syntax(b"def (:")
    """
    if _SUSPECT.search(data) is None:
        return None
    # -P: the current folder is the user's project, which may have modules of any name.
    command = [sys.executable, "-P", "-m", "ann_migrate.text.newer_syntax"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        run = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=TIMEOUT, check=False)
        answer = json.loads(run.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):  # no answer: the parser went down with its process
        return None
    if answer is None or tuple(answer["version"]) <= sys.version_info[:2]:
        return None
    major, minor = answer["version"]
    return NewerSyntax((major, minor), answer["names_legacy"])


def examine(data: bytes) -> NewerSyntax | None:
    """Do the work of :func:`newer_syntax` in this process.

    Example:
        >>> examine(b"type Loops = list[TrainingLoop]")
        NewerSyntax(version=(3, 12), names_legacy=True)
        >>> examine(b"print 'x'")
    """
    import libcst

    try:
        module = libcst.parse_module(data.decode("utf-8"))
    except (libcst.ParserSyntaxError, RecursionError, UnicodeDecodeError):
        return None
    version, names_legacy = (3, 0), False
    pending: list[tuple[libcst.CSTNode, str]] = [(module, "")]
    while pending:
        node, quote = pending.pop()
        version = max(version, _needs(node, module, quote))
        names_legacy = names_legacy or _names_legacy(node)
        if isinstance(node, libcst.FormattedString):
            quote = node.end
        pending.extend((child, quote) for child in node.children)
    return NewerSyntax(version, names_legacy)


def _needs(node: libcst.CSTNode, module: libcst.Module, quote: str) -> tuple[int, int]:
    """The Python that brought the syntax of a node; *quote* is that of the f-string around it, if there is one."""
    import libcst

    if isinstance(node, libcst.TemplatedString) or (
        isinstance(node, libcst.ExceptHandler | libcst.ExceptStarHandler)
        and isinstance(node.type, libcst.Tuple)
        and not node.type.lpar
    ):
        return 3, 14
    if isinstance(node, libcst.TypeParam) and node.default is not None:
        return 3, 13
    if isinstance(node, libcst.TypeParameters | libcst.TypeAlias):
        return 3, 12
    if isinstance(node, libcst.FormattedStringExpression) and quote:
        parts = (node.whitespace_before_expression, node.expression, node.whitespace_after_expression)
        code = "".join(map(module.code_for_node, parts))
        if any(mark in code for mark in (quote, "\\", "#")) or (len(quote) == 1 and ("\n" in code or "\r" in code)):
            return 3, 12
    return 3, 0


def _names_legacy(node: libcst.CSTNode) -> bool:
    import libcst

    if isinstance(node, libcst.Name):
        return node.value in _LEGACY
    return isinstance(node, libcst.SimpleString) and _PATH_OF_LEGACY.search(node.value) is not None


if __name__ == "__main__":
    found = examine(sys.stdin.buffer.read())
    print(json.dumps(found and {"version": found.version, "names_legacy": found.names_legacy}))
