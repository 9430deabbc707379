"""From the paths that were given to the candidate files beneath them.

Every Python file and notebook is read once and asked whether it may name the legacy API; nothing else is done to those
that do not, so that a large tree costs little more than reading it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ann_migrate.documents import NOTEBOOKS, PAGES
from ann_migrate.files.durable import read_file
from ann_migrate.files.hint_files import MAX_BYTES as MAX_TEXT_BYTES
from ann_migrate.files.hint_files import TEXTS, may_mention
from ann_migrate.files.ignore import Patterns, compile_lines, is_ignored, patterns_above, patterns_in

MAX_BYTES = 5_000_000
"""Larger candidates are not analysed: no program is written by hand that long."""
MAX_NOTEBOOK_BYTES = 200_000_000
"""Notebooks hold pictures too."""

UNREADABLE = "ANN911"
LINK_LEAVES = "ANN912"
TOO_LARGE = "ANN913"
NOT_PYTHON = "ANN914"

SUFFIXES = (".py", ".pyi", *NOTEBOOKS)
PRUNED = frozenset(
    (
        "__pycache__",
        "__pypackages__",
        "_build",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "dist-packages",
        "venv",
    )
)
"""Folders that hold no source of the project's own; hidden ones and virtual environments are left out too."""

PROJECT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may name the legacy API: *path* as reports show it, *real* absolute and without links."""

    path: Path
    real: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file or folder that could not be looked into, or a candidate that is not ours to edit."""

    path: Path
    code: str
    reason: str
    raw: bytes = b""


@dataclass(slots=True)
class Discovery:
    """What was found.

    Attributes:
        scanned: How many files were looked at.
        candidates: Those that may name the legacy API, by path.
        troubles: What could not be looked at, and candidates that cannot be edited, by path.
        pruned: Folders that were passed over by name or by a ``.gitignore``; naming one as a PATH takes it.
        texts: Documents and configuration that mention the legacy names, and what they hold.
    """

    scanned: int = 0
    candidates: list[Candidate] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    pruned: list[Path] = field(default_factory=list)
    texts: list[tuple[Path, bytes]] = field(default_factory=list)


def discover(
    paths: Sequence[Path],
    *,
    may_be_candidate: Callable[[bytes], bool],
    exclude: Iterable[str] = (),
    exclude_beneath: Mapping[str, Iterable[str]] | None = None,
    docs: bool = False,
) -> Discovery:
    """Find the candidates at and beneath *paths*, in the order of their paths.

    Folders are searched for ``.py``, ``.pyi`` and ``.ipynb`` files, without hidden folders, virtual environments,
    caches and build results, and without what a ``.gitignore`` (nested ones and ``.git/info/exclude`` too) names. A
    path that is given is always taken. Links to files are resolved and their target taken once, where it lies beneath
    one of *paths*; links to folders are not followed.

    Args:
        paths: Files and folders.
        may_be_candidate: Says of a file's content whether the file is to be returned.
        exclude: Patterns as in a ``.gitignore``, relative to the current folder, of what to leave out even if given.
        exclude_beneath: Such patterns, for each folder that they are relative to.
        docs: Whether to take Markdown and reStructuredText files too.

    Raises:
        ValueError: If a path does not exist or is neither a file nor a folder, or a pattern is not valid.
    """
    excluded = [pattern for pattern in [_exclude_patterns(os.getcwd(), tuple(exclude))] if pattern]
    suffixes = (*SUFFIXES, *PAGES) if docs else SUFFIXES
    search = _Search(may_be_candidate, excluded[0] if excluded else None, suffixes)
    for base, lines in (exclude_beneath or {}).items():
        search.exclude_beneath(base, tuple(lines))
    folders = []
    for path in paths:
        kind = _kind(path)
        if stat.S_ISDIR(kind):
            folders.append(_Top(_plain(os.fspath(path)), os.path.realpath(path)))
        elif stat.S_ISREG(kind):
            search.take_file(os.fspath(path))
        else:
            raise ValueError(f"paths: {str(path)!r} is neither a file nor a folder")
    for top in folders:
        search.take_folder(top)
    search.take_links(folders)
    found = search.found
    found.candidates.sort(key=lambda candidate: candidate.path)
    found.troubles.sort(key=lambda trouble: trouble.path)
    found.pruned.sort()
    found.texts.sort()
    return found


def project_root(real: str) -> str | None:
    """Return the nearest folder at or above the real path *real* that looks like the top of a project, if any."""
    folder = real
    while True:
        if any(os.path.lexists(os.path.join(folder, marker)) for marker in PROJECT_MARKERS):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def python_files(root: str) -> Iterator[str]:
    """Yield the real paths of the Python files and notebooks beneath the folder *root*, in no certain order."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            listing = _list(folder, SUFFIXES)
        except OSError:
            continue
        if listing.is_environment and folder != root:
            continue
        waiting.extend(os.path.join(folder, name) for name in listing.folders if not _is_pruned(name))
        yield from (os.path.join(folder, name) for name in listing.files)


class _Search:
    def __init__(
        self, may_be_candidate: Callable[[bytes], bool], exclude: Patterns | None, suffixes: tuple[str, ...]
    ) -> None:
        self.found = Discovery()
        self._suffixes = suffixes
        self._may_be_candidate = may_be_candidate
        self._exclude = exclude
        self._beneath: list[Patterns] = []
        self._visited: set[str] = set()
        self._explicit: set[str] = set()
        self._links: list[tuple[str, str]] = []

    def exclude_beneath(self, base: str, lines: tuple[str, ...]) -> None:
        patterns = _exclude_patterns(os.path.realpath(base), lines)
        if patterns is not None:
            self._beneath.append(patterns)

    def take_file(self, shown: str) -> None:
        real = os.path.realpath(shown)
        if real in self._explicit or self._excluded(real, real):
            return
        self._explicit.add(real)
        examined = self._examine(real)
        if examined is None:
            return
        suffix = os.path.splitext(shown)[1].lower()
        if suffix in PAGES and suffix not in self._suffixes:
            examined = examined[0], (NOT_PYTHON, "is a document; the code in it is migrated with --docs")
        self._keep(shown, real, *examined)

    def take_folder(self, top: _Top) -> None:
        if self._excluded(top.real, top.real, is_folder=True):
            return
        waiting: list[tuple[str, tuple[Patterns, ...]]] = [(top.real, patterns_above(top.real))]
        while waiting:
            folder, patterns = waiting.pop()
            if folder in self._visited:
                continue
            self._visited.add(folder)
            try:
                listing = _list(folder, self._suffixes)
            except OSError as error:
                reason = f"cannot be listed: {error.strerror or error}"
                self.found.troubles.append(Trouble(Path(top.show(folder)), UNREADABLE, reason))
                continue
            if listing.is_environment and folder != top.real:
                self.found.pruned.append(Path(top.show(folder)))
                continue
            if listing.has_gitignore:
                patterns = (*patterns, *patterns_in(folder))
            prefix = os.path.join(folder, "")
            for name in listing.folders:
                child = prefix + name
                if _is_pruned(name) or self._ignored(child, top, patterns, is_folder=True):
                    if name[0] != "." and name != "__pycache__":
                        self.found.pruned.append(Path(top.show(child)))
                else:
                    waiting.append((child, patterns))
            for name in listing.files:
                real = prefix + name
                if real in self._explicit:
                    continue
                examined = self._examine(real)
                # Patterns are matched for candidates only: they are few, and matching costs more than reading.
                if examined is not None and not self._ignored(real, top, patterns):
                    self._keep(top.show(real), real, *examined)
            for name in listing.texts:
                self._take_text(prefix + name, top, patterns)
            for name in listing.links:
                if not self._ignored(prefix + name, top, patterns):
                    self._links.append((top.show(prefix + name), prefix + name))

    def _take_text(self, real: str, top: _Top, patterns: tuple[Patterns, ...]) -> None:
        try:
            raw = read_file(real) if os.stat(real).st_size <= MAX_TEXT_BYTES else b""
        except OSError:
            return  # no code depends on it: nothing to report
        if may_mention(raw) and not self._ignored(real, top, patterns):
            self.found.texts.append((Path(top.show(real)), raw))

    def take_links(self, tops: Sequence[_Top]) -> None:
        """Take the targets of the links that were met, now that all files which are met anyway are known."""
        known = set(self._explicit)
        for shown, link in sorted(self._links):
            real = os.path.realpath(link)
            met = os.path.dirname(real) in self._visited and real.endswith(self._suffixes)
            if met or real in known or not os.path.isfile(real):
                continue  # a link that leads nowhere, or to a folder, holds no code
            known.add(real)
            top = next((top for top in tops if is_beneath(real, top.real)), None)
            examined = self._examine(real, leaves=top is None)
            if examined is not None:
                self._keep(top.show(real) if top else shown, real, *examined)

    def _examine(self, real: str, *, leaves: bool = False) -> tuple[bytes, tuple[str, str] | None] | None:
        """Read a file: its content and what is wrong with it, or None when it is of no interest."""
        self.found.scanned += 1
        try:
            raw = read_file(real)
        except OSError as error:
            return b"", (UNREADABLE, f"cannot be read: {error.strerror or error}")
        if not self._may_be_candidate(raw):
            return None
        limit = MAX_NOTEBOOK_BYTES if real.lower().endswith(NOTEBOOKS) else MAX_BYTES
        if len(raw) > limit:
            return raw, (TOO_LARGE, f"names the legacy API, but has {len(raw):,} bytes, which is over {limit:,}")
        if leaves:
            return raw, (LINK_LEAVES, f"is a link out of the given paths; to migrate its target, name it: {real}")
        return raw, None

    def _keep(self, shown: str, real: str, raw: bytes, trouble: tuple[str, str] | None) -> None:
        if trouble is None:
            self.found.candidates.append(Candidate(Path(shown), real, raw))
        else:
            self.found.troubles.append(Trouble(Path(shown), *trouble, raw))

    def _ignored(self, real: str, top: _Top, patterns: tuple[Patterns, ...], *, is_folder: bool = False) -> bool:
        return self._excluded(real, top.real, is_folder=is_folder) or is_ignored(patterns, real, is_folder=is_folder)

    def _excluded(self, real: str, top: str, *, is_folder: bool = False) -> bool:
        for patterns in self._beneath:
            if is_beneath(real, patterns.base) and patterns.verdict(real, is_folder=is_folder):
                return True
        exclude = self._exclude
        if exclude is None:
            return False
        if not is_beneath(real, exclude.base):  # outside the current folder: relative to what was given
            exclude = Patterns(top if real != top else os.path.dirname(top), exclude.patterns)
        return bool(exclude.verdict(real, is_folder=is_folder))


@dataclass(frozen=True, slots=True)
class _Top:
    """A folder that was given, as it was written and as it really is."""

    shown: str
    real: str

    def show(self, real: str) -> str:
        """Return *real*, which lies at or beneath this folder, in the words of whoever gave the folder."""
        rest = real[len(self.real) :].lstrip(os.sep)
        return os.path.join(self.shown, rest) if self.shown and rest else rest or self.shown or os.curdir


@dataclass(slots=True)
class _Listing:
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    has_gitignore: bool = False
    is_environment: bool = False


def _list(folder: str, suffixes: tuple[str, ...]) -> _Listing:
    listing = _Listing()
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                listing.folders.append(name)
            elif name.endswith(suffixes):
                if entry.is_file(follow_symlinks=False):
                    listing.files.append(name)
                elif entry.is_symlink():
                    listing.links.append(name)
            elif name == ".gitignore":
                listing.has_gitignore = True
            elif name == "pyvenv.cfg":
                listing.is_environment = True
            elif name.endswith(TEXTS) and entry.is_file(follow_symlinks=False):
                listing.texts.append(name)
    return listing


def _is_pruned(name: str) -> bool:
    return name[0] == "." or name in PRUNED or name.endswith(".egg-info")


def is_beneath(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it; both real."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def _kind(path: Path) -> int:
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise ValueError(
            f"paths: {str(path)!r} cannot be found: {getattr(error, 'strerror', None) or error}"
        ) from error


def _plain(shown: str) -> str:
    return "" if os.path.normpath(shown) == os.curdir else shown


def _exclude_patterns(base: str, lines: tuple[str, ...]) -> Patterns | None:
    for line in lines:
        if not compile_lines([line]):
            raise ValueError(f"exclude: {line!r} is not a pattern as in a .gitignore")
    return Patterns(base, compile_lines(lines)) if lines else None
