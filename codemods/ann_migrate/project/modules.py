"""Under which dotted names the files of a project import each other."""

from __future__ import annotations

import os
from collections.abc import Iterable


def module_names(root: str, files: Iterable[str]) -> dict[str, str]:
    """Give each Python file of a project the dotted name under which other files import it.

    The name starts at the topmost package that the file lies in; a file in no package has its bare name, as a script
    beside it would import it. Where two files would share a name (``tests/a/utils.py`` and ``tests/b/utils.py``), each
    gets its path below *root* instead, so that no file is left out.

    Args:
        root: The folder of the project.
        files: Paths beneath it, written alike (absolute, say).

    Returns:
        Path by module name; ``pkg`` for ``pkg/__init__.py``. A stub has the name of its module, unless both are there.
        A notebook, which nothing imports, has its path below *root* for a name. Every name can be encoded as UTF-8.

    Example:
        >>> module_names("/p", ["/p/run.py", "/p/src/pkg/__init__.py", "/p/src/pkg/jobs.py"])
        {'run': '/p/run.py', 'pkg': '/p/src/pkg/__init__.py', 'pkg.jobs': '/p/src/pkg/jobs.py'}
    """
    listed = sorted(files)
    packages = {os.path.dirname(path) for path in listed if os.path.basename(path) in ("__init__.py", "__init__.pyi")}
    prefixes: dict[str, str] = {}

    def prefix(folder: str) -> str:
        """The dotted name of the package *folder* with a dot behind it; empty where it is none."""
        if folder not in packages:
            return ""
        if folder not in prefixes:
            parent, name = os.path.split(folder)
            prefixes[folder] = f"{prefix(parent)}{name}."
        return prefixes[folder]

    claims: dict[str, list[str]] = {}
    for path in listed:
        folder, base = os.path.split(path)
        stem = os.path.splitext(base)[0]
        claims.setdefault(prefix(folder)[:-1] if stem == "__init__" else prefix(folder) + stem, []).append(path)
    named: dict[str, str] = {}
    for name, paths in claims.items():
        sources = [path for path in paths if path.endswith(".py")] or [p for p in paths if not p.endswith(".ipynb")]
        owner = sources[0] if len(sources) == 1 else None
        for path in paths:
            named[_in_unicode(name if path == owner else _below(root, path))] = path
    return named


def _in_unicode(name: str) -> str:
    """A name with escapes for the bytes that are no text in the file system's encoding: no code can name such a file,
    but every name is searched for.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _below(root: str, path: str) -> str:
    """The path below *root* with dots, suffix and all where it is a stub: a name that no other file has."""
    relative = path[len(root) :].lstrip(os.sep)
    return relative.removesuffix(".py").replace(os.sep, ".")
