"""What the files of a project contain, asked by bytes: which of them hold a word, which may import a module.

The answers may name too many files, never too few; whoever asks parses those few. On a large tree nothing else is
affordable, and even one regular expression that starts with ``\\b`` over everything is not: it has no literal prefix
to search for. So a word is sought with ``in``, once, and all import lines are collected once, by their keyword.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

_LINE = rb"[^\n\\]*(?:\\(?:\r?\n)?[^\n\\]*)*"
_IMPORT_LINES = (re.compile(rb"import\b" + _LINE), re.compile(rb"from\b" + _LINE))
_WORDS = re.compile(rb"[\w\x80-\xff]+")
_FROM_DOTS = re.compile(rb"from[\s\\]*\.[\s\\.]*import\b")
_DOTS = b"."
_KEYWORDS = frozenset({b"from", b"import", b"as"})
_Index = dict[bytes, dict[Path, None]]


class Contents:
    """The bytes of some files, and what is quickly found in them.

    Args:
        paths: The files.
        read: Gives a file's bytes. Called at most once for each file; an OSError counts as an empty file.

    Example:
        >>> files = {Path("app.py"): b"from jobs import loop", Path("jobs.py"): b"loop = 1"}
        >>> contents = Contents(files, files.__getitem__)
        >>> contents.holding(b"loop")
        [PosixPath('app.py'), PosixPath('jobs.py')]
        >>> contents.importing("jobs")
        [PosixPath('app.py')]
    """

    def __init__(self, paths: Iterable[Path], read: Callable[[Path], bytes]) -> None:
        self._paths = list(paths)
        self._read = read
        self._bytes: dict[Path, bytes] = {}
        self._holding: dict[bytes, list[Path]] = {}

    def of(self, path: Path) -> bytes:
        """The bytes of one file."""
        data = self._bytes.get(path)
        if data is None:
            try:
                data = self._read(path)
            except OSError:
                data = b""
            self._bytes[path] = data
        return data

    def holding(self, text: bytes) -> list[Path]:
        """The files in which ``text`` occurs, in the order in which they were given."""
        found = self._holding.get(text)
        if found is None:
            found = self._holding[text] = [path for path, data in self._all if text in data]
        return found

    def importing(self, module: str, *, is_package: bool = False) -> list[Path]:
        """The files with an import statement that may be of ``module``, of a name in it, or (``is_package``) of a name
        in it by dots alone.
        """
        package, _, last = module.rpartition(".")
        named, opened = self._index
        found = dict(named.get(last.encode(), {}))
        # The names in parentheses stand on other lines: any name of the package may be there.
        found.update(opened.get(package.rpartition(".")[2].encode(), {}))
        found.update(opened.get(_DOTS, {}))
        if is_package:
            found.update(named.get(_DOTS, {}))
        return list(found)

    @cached_property
    def _all(self) -> list[tuple[Path, bytes]]:
        return [(path, self.of(path)) for path in self._paths]

    @cached_property
    def _index(self) -> tuple[_Index, _Index]:
        """The files by the words of their import lines, and by those of lines that open a parenthesis."""
        by_line: dict[bytes, dict[Path, None]] = {}
        for path, data in self._all:
            for lines in _IMPORT_LINES:
                for line in lines.findall(data):
                    by_line.setdefault(line, {})[path] = None
        named: _Index = {}
        opened: _Index = {}
        for line, paths in by_line.items():
            words = set(_WORDS.findall(line)) - _KEYWORDS
            if _FROM_DOTS.match(line):
                words.add(_DOTS)
            for index in (named, opened) if b"(" in line else (named,):
                for word in words:
                    if word in index:
                        index[word].update(paths)
                    else:
                        index[word] = dict(paths)
        return named, opened
