"""What rules are made of: the verdict that declines, and the shape that a rule module has."""

from __future__ import annotations

import ast
from typing import Protocol

from ann_migrate.result import Position


class Decline(Exception):  # noqa: N818 - a verdict, not an error
    """An object or a site is left as it is; says why, where, and what its author can do.

    Args:
        code: The code of the rule that declines, such as ``ANN301``.
        reason: One sentence that names the construct.
        culprit: The node that is the cause, where that is not the site itself.
        advice: What the author can do about it.
    """

    def __init__(self, code: str, reason: str, culprit: ast.AST | None = None, advice: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.culprit = culprit
        self.advice = advice


class Left(Exception):  # noqa: N818 - a verdict, not an error
    """A site is left as it is because somebody wished so.

    Args:
        code: The code of the rule that says so.
        reason: One sentence: by which wish.
        wish: Where it stands, if it is in the file.
    """

    def __init__(self, code: str, reason: str, wish: Position | None = None) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason
        self.wish = wish


class Rule(Protocol):
    """What every rule module has. ``__doc__`` is its page in the catalogue.

    ``VALID`` holds sources that the rule leaves alone; ``INVALID`` holds, for a rule that rewrites, pairs of source
    and expected output, and for a rule that declines, sources (left byte for byte) whose site gets the rule's code.
    ``GUIDE``, where there is one, holds pairs of source and output in the guide's style; the ``INVALID`` cases of rules
    whose ``STYLE`` is ``guide`` are declined in that style.
    """

    CODE: str
    VALID: tuple[str, ...]
    INVALID: tuple[str, ...] | tuple[tuple[str, str], ...]
    __doc__: str
