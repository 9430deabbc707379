"""Unified diffs of bytes that ``git apply`` takes: any encoding, any line ending, with or without a final newline."""

from __future__ import annotations

import difflib
import io
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineEdit:
    """Lines ``before_start .. before_end - 1`` became lines ``after_start .. after_end - 1``, all counted from 1.

    An empty range (start equal to end) on one side means an insertion or a deletion at that place.
    """

    before_start: int
    before_end: int
    after_start: int
    after_end: int


def unified_diff(before: bytes, after: bytes, name: str, *, context: int = 3) -> bytes:
    r"""Return the difference of two contents of one file as a patch; empty when they are equal.

    Args:
        before: The old content.
        after: The new content.
        name: The file's path as the patch shall name it behind ``a/`` and ``b/``: relative, with forward slashes.
        context: How many unchanged lines to show around a change.

    Example:
        >>> print(unified_diff(b"x\ny\n", b"x\nz", "m.py").decode())
        --- a/m.py
        +++ b/m.py
        @@ -1,2 +1,2 @@
         x
        -y
        +z
        \ No newline at end of file
        <BLANKLINE>
    """
    old, new = _lines(before), _lines(after)
    groups = list(_matcher(old, new).get_grouped_opcodes(context))
    if not groups:
        return b""
    out = [b"--- " + _label("a/" + name), b"+++ " + _label("b/" + name)]
    for group in groups:
        old_range = _range(group[0][1], group[-1][2])
        new_range = _range(group[0][3], group[-1][4])
        out.append(f"@@ -{old_range} +{new_range} @@\n".encode())
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                out.extend(_marked(b" ", line) for line in old[old_start:old_end])
                continue
            out.extend(_marked(b"-", line) for line in old[old_start:old_end])
            out.extend(_marked(b"+", line) for line in new[new_start:new_end])
    return b"".join(out)


def line_edits(before: bytes, after: bytes) -> list[LineEdit]:
    r"""Return which lines were replaced by which, first to last. Lines end at ``\n`` as in a patch.

    Example:
        >>> line_edits(b"x\ny\n", b"x\nz\nz\n")
        [LineEdit(before_start=2, before_end=3, after_start=2, after_end=4)]
    """
    return [
        LineEdit(old_start + 1, old_end + 1, new_start + 1, new_end + 1)
        for tag, old_start, old_end, new_start, new_end in _matcher(_lines(before), _lines(after)).get_opcodes()
        if tag != "equal"
    ]


def _matcher(old: list[bytes], new: list[bytes]) -> difflib.SequenceMatcher[bytes]:
    return difflib.SequenceMatcher(None, old, new)


def _lines(content: bytes) -> list[bytes]:
    return io.BytesIO(content).readlines()  # at "\n" only, as git does; bytes.splitlines also splits at "\r"


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    # An empty range names the line before it.
    return f"{start + 1 if length else start},{length}"


_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def _label(name: str) -> bytes:
    """Return a path as git writes it in a header: quoted as in C if need be, a tab behind it if it has a blank."""
    raw = os.fsencode(name)
    if any(byte < 32 or byte in (34, 92, 127) for byte in raw):
        quoted = "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in raw)
        return f'"{quoted}"\n'.encode("ascii")
    return raw + (b"\t\n" if b" " in raw else b"\n")
