"""Copies of a program's tree: what is copied, what a run left in a copy, and what of that differs."""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CACHES = frozenset(
    {
        "__pycache__",
        ".git",
        ".hg",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        "node_modules",
    }
)
"""Folders that are neither copied nor compared; virtual environments, which hold a ``pyvenv.cfg``, are not either."""

MAX_ENTRIES = 100_000


class CopyError(Exception):
    """The tree cannot be copied; the message says why."""


@dataclass(slots=True)
class Copied:
    """What a copy holds.

    Attributes:
        left_out: What is not in it, relative paths with a reason where it is not a cache.
        stamps: Size and time of each file of the original, to see whether anything in it changes.
    """

    left_out: list[str] = field(default_factory=list)
    stamps: dict[str, tuple[int, int]] = field(default_factory=dict)


def copy_tree(root: str, target: str, *, exclude: Sequence[str], max_bytes: int) -> Copied:
    """Copy a tree, without caches, environments and what *exclude* matches.

    Links within the tree lead to the same place within the copy; links that leave it keep leading there.

    Args:
        root: The folder, absolute and without links.
        target: Where the copy shall be; must not exist.
        exclude: Patterns as in :func:`excluded`.
        max_bytes: How much may be copied.

    Raises:
        CopyError: It is larger, or has more than :data:`MAX_ENTRIES` files and folders.
    """
    copied = Copied()
    entries = _listed(root, exclude, copied.left_out, max_bytes)
    os.makedirs(target)
    for entry, relative in entries:
        goal = os.path.join(target, relative)
        try:
            if entry.is_symlink():
                os.symlink(_link_target(root, target, entry.path, os.readlink(entry.path)), goal)
            elif entry.is_dir(follow_symlinks=False):
                os.mkdir(goal)
            else:
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    copied.left_out.append(f"{relative}: no regular file")
                    continue
                shutil.copy2(entry.path, goal)
                copied.stamps[relative] = (status.st_size, status.st_mtime_ns)
        except OSError as error:
            copied.left_out.append(f"{relative}: {error.strerror or error}")
    return copied


def _listed(
    root: str, exclude: Sequence[str], left_out: list[str], max_bytes: int
) -> list[tuple[os.DirEntry[str], str]]:
    """All that is to be copied; given up as soon as it is too much, since the tree may be a whole disk."""
    entries = []
    sizes: dict[str, int] = {}
    total = 0
    for entry, relative in _walk(root, exclude, left_out):
        entries.append((entry, relative))
        if entry.is_file(follow_symlinks=False):
            sizes[relative] = size = entry.stat(follow_symlinks=False).st_size
            total += size
        if total > max_bytes or len(entries) > MAX_ENTRIES:
            largest = ", ".join(sorted(sizes, key=lambda name: -sizes[name])[:3])
            limits = f"{max_bytes / 2**20:,.4g} MiB and {MAX_ENTRIES:,} files and folders"
            raise CopyError(f"{root} holds more than can be copied ({limits}); exclude data, such as {largest}")
    return entries


def changed_stamps(root: str, stamps: dict[str, tuple[int, int]]) -> list[str]:
    """The files of the original tree that are no longer what was copied."""
    changed = []
    for relative, known in stamps.items():
        try:
            status = os.lstat(os.path.join(root, relative))
        except OSError:
            changed.append(relative)
            continue
        if (status.st_size, status.st_mtime_ns) != known:
            changed.append(relative)
    return changed


def snapshot(root: str, exclude: Sequence[str]) -> dict[str, tuple[int, int] | None]:
    """Each path below *root* with its size and time; ``None`` for a folder. Folders behind links are looked into."""
    found: dict[str, tuple[int, int] | None] = {}
    for entry, relative in _walk(root, exclude, [], follow=True):
        try:
            status = entry.stat()
        except OSError:  # a link that leads nowhere, or a file that is gone
            continue
        if stat.S_ISDIR(status.st_mode):
            found[relative] = None
        elif stat.S_ISREG(status.st_mode):
            found[relative] = (status.st_size, status.st_mtime_ns)
    return found


def keep_changes(
    root: str, before: dict[str, tuple[int, int] | None], target: Path, exclude: Sequence[str]
) -> dict[str, Path | None]:
    """Put what a run wrote aside: copies of new and changed files below *target*.

    Returns:
        For each path that is new or changed, where its content is kept; a folder is kept as such; ``None`` for what the
        run removed.

    Raises:
        OSError: What the run wrote cannot be read.
    """
    after = snapshot(root, exclude)
    kept: dict[str, Path | None] = dict.fromkeys(sorted(set(before) - set(after)))
    for relative, stamp in after.items():
        if relative in before and before[relative] == stamp:
            continue
        goal = target / relative
        if stamp is None:
            goal.mkdir(parents=True, exist_ok=True)
        else:
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(os.path.join(root, relative), goal)
        kept[relative] = goal
    return kept


def excluded(relative: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern matches the path below the root, its name, or a folder above it.

    Example:
        >>> excluded("runs/a.log", ["*.log"]), excluded("runs/a.log", ["runs"]), excluded("a.py", ["*.log"])
        (True, True, False)
    """
    parts = relative.split(os.sep)
    above = [os.sep.join(parts[: index + 1]) for index in range(len(parts))]
    return any(fnmatch.fnmatchcase(each, pattern.rstrip("/")) for pattern in patterns for each in (*above, *parts))


def remove_tree(path: str | Path) -> None:
    """Remove a folder, even if a program took the permission to write away from its parts."""
    for parent, folders, _ in os.walk(path):
        for name in folders:
            full = os.path.join(parent, name)
            if not os.path.islink(full):
                os.chmod(full, 0o700)
    shutil.rmtree(path, ignore_errors=True)


def _walk(
    root: str, exclude: Sequence[str], left_out: list[str], *, follow: bool = False
) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Each entry below *root* and its relative path, folders before what is in them, by name."""
    waiting = [(root, "")]
    visited = {os.path.realpath(root)}
    while waiting:
        folder, prefix = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            left_out.append(f"{prefix or '.'}: {error.strerror or error}")
            continue
        for entry in entries:
            relative = os.path.join(prefix, entry.name)
            is_folder = entry.is_dir(follow_symlinks=follow)
            if excluded(relative, exclude) or (is_folder and _is_cache(entry)):
                left_out.append(relative + (os.sep if is_folder else ""))
                continue
            if is_folder and follow and entry.is_symlink():
                real = os.path.realpath(entry.path)
                if real in visited or real.startswith(os.path.join(os.path.realpath(root), "")):
                    continue
                visited.add(real)
            yield entry, relative
            if is_folder:
                waiting.append((entry.path, relative))


def _is_cache(entry: os.DirEntry[str]) -> bool:
    return entry.name in CACHES or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _link_target(root: str, target: str, link: str, leads_to: str) -> str:
    """What a link must say in the copy to lead to the same file, or to that file's copy."""
    folder = os.path.dirname(link)
    full = os.path.normpath(os.path.join(folder, leads_to))
    inside = full == root or full.startswith(os.path.join(root, ""))
    if not inside:
        return full
    return os.path.join(target, os.path.relpath(full, root)) if os.path.isabs(leads_to) else leads_to
