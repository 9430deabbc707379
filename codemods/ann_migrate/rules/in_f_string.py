"""A constructor, or a use that cannot be edited, inside an f-string.

What an f-string may hold, and where the parts of one stand, differs between Python versions. A use of an object is
rewritten there if its text is found where Python says, on one line, in one f-string; not in a format or an f-string
within another, nor where the text itself is printed (`f"{loop.train(loader)=}"`). A constructor becomes several lines,
for which an f-string has no room.
"""

from __future__ import annotations

import ast

from ann_migrate.rules._base import Decline
from ann_migrate.text.source import Source
from ann_migrate.text.tree import Tree

CODE = "ANN406"
VALID = (
    """\
f"{TrainingLoop(m, c)}"
""",
)
INVALID = (
    """\
from adaptiveneuralnetwork.training import TrainingLoop
print(f"{TrainingLoop(model, config).train(loader)[-1]}")
""",
    """\
from adaptiveneuralnetwork.training import TrainingLoop
loop = TrainingLoop(model, config)
print(f"{loop.evaluate(loader)=}")
""",
)


def check_constructor(call: ast.Call, tree: Tree) -> None:
    """Raise Decline if a constructor stands inside an f-string."""
    if any(isinstance(at, ast.JoinedStr) for at in tree.ancestors(call)):
        raise _decline(call)


def check_use(node: ast.expr, tree: Tree, source: Source) -> None:
    """Raise Decline if a use of an object stands where it cannot be edited inside an f-string."""
    strings = [at for at in tree.ancestors(node) if isinstance(at, ast.JoinedStr)]
    if strings and (len(strings) > 1 or not _is_found(node, strings[0], source) or _is_shown(node, strings[0], source)):
        raise _decline(node)


def _is_found(node: ast.expr, string: ast.JoinedStr, source: Source) -> bool:
    """Whether the text of a node stands on one line where it is said to, and nothing else is said to stand there."""
    try:
        span = source.span(node)
        text = source.text(span)
        same = ast.dump(ast.parse(f"({text})", mode="eval").body) == ast.dump(node)
        twins = [at for at in ast.walk(string) if isinstance(at, type(node)) and source.span(at) == span]
    except (SyntaxError, UnicodeDecodeError, ValueError, IndexError):
        return False
    return source.span(string).contains(span) and same and twins == [node] and "\n" not in text and "\r" not in text


def _is_shown(node: ast.expr, string: ast.JoinedStr, source: Source) -> bool:
    """Whether the f-string prints the text of the expression too: ``f"{expression=}"``."""
    before: ast.AST | None = None
    for part in string.values:
        if isinstance(part, ast.FormattedValue) and any(at is node for at in ast.walk(part)):
            break
        before = part
    printed = before.value if isinstance(before, ast.Constant) else None
    return isinstance(printed, str) and printed.rstrip().endswith("=") and source.node_text(node) in printed


def _decline(culprit: ast.AST) -> Decline:
    return Decline(
        CODE,
        "it stands inside an f-string, where it cannot be edited",
        culprit,
        "assign the value to a name before the f-string",
    )
