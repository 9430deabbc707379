"""Names of a module that other files read through a third one: ``app.jobs.make`` where ``app`` imports ``jobs``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ann_migrate.project.import_paths import ImportPaths
from ann_migrate.text.tree import dotted

_Import = tuple[int, str, str]
"""The dots of an import, its dotted name, and what it takes from there (nothing: the module itself)."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A module that a name or chain may be, and the modules whose imports lead there."""

    end: Path
    through: frozenset[Path] = frozenset()


class ModuleChains:
    """Which modules the names and attribute chains of files may be.

    Args:
        paths: Which file an import means.
        parse: Gives the syntax tree of a file; None if it has none.
    """

    def __init__(self, paths: ImportPaths, parse: Callable[[Path], ast.Module | None]) -> None:
        self._paths = paths
        self._parse = parse
        self._imports: dict[Path, dict[str, list[_Import]]] = {}
        self._known: dict[tuple[Path, str], frozenset[_Way]] = {}

    def names_of(self, path: Path, home: Path) -> set[str]:
        """The names that a file has for a module."""
        return {name for name in self._imported(path) if any(way.end == home for way in self._modules(path, name))}

    def reads(self, path: Path, home: Path, name: str) -> frozenset[Path] | None:
        """Whether a file reads ``name`` of a module by some chain, or hands the module on: the modules that such chains
        go through; None where it does not.
        """
        tree = self._parse(path)
        if tree is None:
            return frozenset()
        nodes = list(ast.walk(tree))
        bases = {node.value for node in nodes if isinstance(node, ast.Attribute)}
        found: list[frozenset[Path]] = []
        for node in nodes:
            if not isinstance(node, (ast.Name, ast.Attribute)):
                continue
            named = isinstance(node, ast.Attribute) and node.attr == name
            ways = self._meant(path, node.value) if named and isinstance(node, ast.Attribute) else frozenset()
            if isinstance(node.ctx, ast.Load) and node not in bases:
                ways |= self._meant(path, node)
            found += [way.through for way in ways if way.end == home]
        return frozenset().union(*found) if found else None

    def _meant(self, path: Path, node: ast.AST) -> frozenset[_Way]:
        parts = dotted(node)
        if parts is None:
            return frozenset()
        ways = self._modules(path, parts[0])
        for part in parts[1:]:
            ways = frozenset(inner for way in ways for inner in self._inside(way, part))
        return ways

    def _inside(self, way: _Way, name: str) -> Iterator[_Way]:
        for inner in self._modules(way.end, name):
            yield _Way(inner.end, way.through | inner.through | {way.end})
        beneath = self._paths.file(way.end, 1, name)[0] if way.end.stem == "__init__" else None
        if beneath is not None:
            yield _Way(beneath, way.through)

    def _modules(self, path: Path, name: str) -> frozenset[_Way]:
        """The modules that a name of a file may be."""
        key = path, name
        if key not in self._known:
            self._known[key] = frozenset()  # for imports that go in circles
            imports = self._imported(path)
            found = [self._of(path, each) for each in imports.get(name, ())]
            found += [self._of(path, (level, module, name)) for level, module, _ in imports.get("*", ())]
            self._known[key] = frozenset().union(*found)
        return self._known[key]

    def _of(self, path: Path, item: _Import) -> frozenset[_Way]:
        level, module, taken = item
        homes = self._files(path, level, module)
        if not taken:
            return frozenset(map(_Way, homes))
        ways = (_Way(way.end, way.through | {home}) for home in homes for way in self._modules(home, taken))
        return frozenset([*ways, *map(_Way, self._files(path, level, f"{module}.{taken}" if module else taken))])

    def _files(self, path: Path, level: int, module: str) -> list[Path]:
        found, _ = self._paths.file(path, level, module)
        return [*([found] if found is not None else []), *self._paths.others(path, level, module)]

    def _imported(self, path: Path) -> dict[str, list[_Import]]:
        """What the imports of a file bind, wherever they stand."""
        if path not in self._imports:
            found: dict[str, list[_Import]] = {}
            tree = self._parse(path)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        item = (node.level, node.module or "", alias.name)
                        found.setdefault(alias.asname or alias.name, []).append(item)
                elif isinstance(node, ast.Import):
                    for alias in node.names:
                        root = alias.name.partition(".")[0]
                        found.setdefault(alias.asname or root, []).append((0, alias.name if alias.asname else root, ""))
            self._imports[path] = found
        return self._imports[path]
