"""What ``.gitignore`` files say, exactly as git reads them: https://git-scm.com/docs/gitignore.

Paths are asked about one level at a time, a folder before what is in it, so that a pattern need only be held against
the path itself. (Matching descendants too, as the common libraries do, reads ``!a/`` after ``a/b`` as "take a/b".)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ann_migrate.files.durable import read_file


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: what it matches, whether by the whole path or the last part, and whether it takes back."""

    matches: re.Pattern[str]
    anchored: bool
    folders_only: bool
    negated: bool


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one file; they hold for what lies beneath the folder *base*."""

    base: str
    patterns: tuple[Pattern, ...]

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """True to ignore *path*, false to take it whatever files above say, None when nothing here matches."""
        relative = path[len(self.base) :].lstrip(os.sep).replace(os.sep, "/")
        name = relative.rpartition("/")[2]
        for pattern in reversed(self.patterns):
            if pattern.folders_only and not is_folder:
                continue
            if pattern.matches.fullmatch(relative if pattern.anchored else name):
                return not pattern.negated
        return None


def is_ignored(stack: Sequence[Patterns], path: str, *, is_folder: bool) -> bool:
    """Ask the files of *stack*, outermost first; the innermost that has something to say decides."""
    for patterns in reversed(stack):
        verdict = patterns.verdict(path, is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False


def patterns_in(folder: str) -> tuple[Patterns, ...]:
    """Return the patterns of the ``.gitignore`` in *folder*, if it has any."""
    return _read(folder, os.path.join(folder, ".gitignore"))


def patterns_above(top: str) -> tuple[Patterns, ...]:
    """Return what the repository around the folder *top* ignores, unless it ignores *top*: somebody named that."""
    repository = top
    while not os.path.lexists(os.path.join(repository, ".git")):
        parent = os.path.dirname(repository)
        if parent == repository:
            return ()
        repository = parent
    stack = _read(repository, os.path.join(repository, ".git", "info", "exclude"))
    folder = repository
    steps = top[len(repository) :].strip(os.sep)
    for step in steps.split(os.sep) if steps else ():
        stack = (*stack, *patterns_in(folder))
        folder = os.path.join(folder, step)
        if is_ignored(stack, folder, is_folder=True):
            return ()
    return stack


def compile_lines(lines: Iterable[str]) -> tuple[Pattern, ...]:
    r"""Compile the lines of a file; comments, empty lines and what is no pattern are passed over, as git does.

    Example:
        >>> rules = Patterns("/r", compile_lines(["*.tmp.py", "!keep.tmp.py", "/gen/"]))
        >>> rules.verdict("/r/a/x.tmp.py", is_folder=False), rules.verdict("/r/keep.tmp.py", is_folder=False)
        (True, False)
        >>> rules.verdict("/r/gen", is_folder=True), rules.verdict("/r/a/gen", is_folder=True)
        (True, None)
    """
    return tuple(pattern for line in lines if (pattern := _compile(line)) is not None)


def _read(base: str, file: str) -> tuple[Patterns, ...]:
    try:
        lines = os.fsdecode(read_file(file).removeprefix(b"\xef\xbb\xbf")).split("\n")
    except OSError:
        return ()
    patterns = compile_lines(line.removesuffix("\r") for line in lines)
    return (Patterns(base, patterns),) if patterns else ()


def _compile(line: str) -> Pattern | None:
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    text = line[negated:]
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    text = text.removeprefix("/")
    try:
        return Pattern(re.compile(_regex(text), re.DOTALL), anchored, folders_only, negated) if text else None
    except re.error:
        return None


def _regex(text: str) -> str:
    """Translate wildcards: ``*`` and ``?`` stop at a slash, ``**`` between slashes does not."""
    out = []
    at = 0
    while at < len(text):
        rest = text[at:]
        at_start = at == 0 or text[at - 1] == "/"
        if at_start and rest.startswith("**/"):
            out.append("(?:.*/)?")
            at += 3
        elif at_start and rest == "**":
            out.append(".+")
            at += 2
        elif text[at] == "*":
            out.append("[^/]*")
            at += 1
        elif text[at] == "?":
            out.append("[^/]")
            at += 1
        elif text[at] == "[":
            part, at = _character_class(text, at)
            out.append(part)
        elif text[at] == "\\" and at + 1 < len(text):
            out.append(re.escape(text[at + 1]))
            at += 2
        else:
            out.append(re.escape(text[at]))
            at += 1
    return "".join(out)


def _character_class(text: str, at: int) -> tuple[str, int]:
    """Translate ``[...]`` at *at*; returns the expression and where it ends. Unclosed, it matches nothing."""
    end = at + 1
    negated = text[end : end + 1] in ("!", "^")
    end += negated
    first = end
    members = []
    while end < len(text) and (text[end] != "]" or end == first):
        end += text[end] == "\\"
        character = text[end : end + 1]
        # A bare "-" between two members makes a range, as in a regular expression.
        members.append("-" if character == "-" and text[end - 1] != "\\" else re.escape(character))
        end += 1
    if end >= len(text):
        return "(?!)", len(text)
    return f"(?!/)[{'^' if negated else ''}{''.join(members)}]", end + 1
