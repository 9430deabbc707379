"""Legacy names that people's own modules hand on: ``from .compat import TrainingLoop``.

What a module binds to a legacy name by an import at its top level, others can import from it, under any alias and
through any number of modules. The exports of all modules are found to a fixpoint, starting from the files that hold
a legacy name and going on to those that import from a file that was found.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ann_migrate.legacy_api import LEGACY_PATHS, NEEDLES, STAR_NAMES
from ann_migrate.names.resolve import Export
from ann_migrate.project.contents import Contents
from ann_migrate.project.import_paths import ImportPaths, place_of

_HARMLESS_ROOTS = frozenset({"adaptiveneuralnetwork", "torch", "numpy"})
STAR = re.compile(rb"import[\s\\]*\*")
_MOST_VISITS = 30
"""A chain of modules that import in circles is followed so often; longer ones nobody writes."""
_VALUES = (ast.Call, ast.Constant, ast.BinOp, ast.Compare, ast.BoolOp, ast.Dict, ast.JoinedStr, ast.ListComp)
"""Expressions that bind nothing in the module but by a walrus."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Reexports:
    """What the modules of a project export of the legacy API.

    Args:
        modules: Path by dotted module name.
        paths: Which of them an import means.
        contents: Their bytes.
        parse: Gives the syntax tree of a file; None if it has none.
    """

    def __init__(
        self,
        modules: Mapping[str, Path],
        paths: ImportPaths,
        contents: Contents,
        parse: Callable[[Path], ast.Module | None],
    ) -> None:
        self._modules = modules
        self._paths = paths
        self._names = {path: name for name, path in modules.items()}
        self._contents = contents
        self._parse = parse
        self._exports: dict[Path, dict[str, Export]] = {}
        self._exported: set[str] = set()
        self._exporters: set[str] = set()
        self._find()

    @property
    def aliases(self) -> frozenset[str]:
        """The names, other than the legacy ones, under which some module exports a legacy name."""
        names = {name for exports in self._exports.values() for name in exports}
        return frozenset(name for name in names if name.encode() not in NEEDLES)

    def of(self, module: str) -> Mapping[str, Export]:
        """What a module exports, by name."""
        path = self._modules.get(module)
        return self._exports.get(path, {}) if path is not None else {}

    def seen_from(
        self, path: Path, imports: Iterable[ast.Import | ast.ImportFrom], mark: str = ""
    ) -> dict[str, Export]:
        """What the imports of a file reach, by dotted path as :mod:`ann_migrate.names.resolve` builds it.

        Args:
            path: The file.
            imports: Its import statements.
            mark: What relative paths begin with.
        """
        seen: dict[str, Export] = {}
        if not self._exports:
            return seen
        for node in imports:
            if isinstance(node, ast.Import):
                self._see_import(seen, path, node)
                continue
            prefix = f"{mark if node.level else ''}{'.' * node.level}{node.module or ''}"
            for alias in node.names:
                if alias.name in self._exported:
                    home, sure = self.file(path, node.level, node.module or "")
                    export = self._exports.get(home, {}).get(alias.name) if home is not None else None
                    if home is not None and export is not None:
                        seen[f"{prefix}.{alias.name}"] = self._as_seen(export, path, node.level, home, sure)
                        continue
                below = f"{node.module}.{alias.name}" if node.module else alias.name
                self._see_module(seen, path, node.level, below, f"{prefix}.{alias.name}")
        return seen

    def _see_import(self, seen: dict[str, Export], path: Path, node: ast.Import) -> None:
        for alias in node.names:
            self._see_module(seen, path, 0, alias.name, alias.name)
            root = alias.name.partition(".")[0]
            for name in self._exporters_below.get(root, ()) if not alias.asname else ():
                self._see_module(seen, path, 0, name, name)

    @cached_property
    def _exporters_below(self) -> dict[str, list[str]]:
        """The modules inside packages that export something, by the name of the outermost package."""
        found: dict[str, list[str]] = {}
        for file in self._exports:
            root, dot, _ = self._names[file].partition(".")
            if dot:
                found.setdefault(root, []).append(self._names[file])
        return found

    # -- which file an import means -----------------------------------------------------------------------------------

    def _see_module(self, seen: dict[str, Export], path: Path, level: int, module: str, prefix: str) -> None:
        if module.rpartition(".")[2] not in self._exporters:
            return
        home, sure = self.file(path, level, module)
        if home is None:
            return
        place = place_of(home)
        sure = sure and not self.hides_module(place.parent / "__init__.py", place.name)
        for name, export in self._exports.get(home, {}).items():
            seen[f"{prefix}.{name}"] = self._as_seen(export, path, level, home, sure)

    def _as_seen(self, export: Export, path: Path, level: int, home: Path, sure: bool) -> Export:
        return replace(export, sure=export.sure and sure, needed=not self._does_nothing(path, level, home))

    def file(self, path: Path, level: int, module: str) -> tuple[Path | None, bool]:
        """The file that an import in ``path`` means, and whether that is sure."""
        home, sure = self._paths.file(path, level, module)
        if home is not None or level or not module:
            return home, sure
        found = self._paths.ending_with(module)
        exporting = [file for file in found if file in self._exports]
        return (exporting[0], len(found) == 1 and "." in module) if exporting else (None, False)

    def hides_module(self, package: Path, name: str) -> bool:
        """Whether a package's ``__init__.py`` binds the name of a module beneath it to anything else."""
        data = self._contents.of(package) if package in self._names else b""
        tree = self._parse(package) if name.encode() in data else None
        return tree is not None and any(
            bound == name and not (isinstance(node, ast.ImportFrom) and node.level == 1 and node.module is None)
            for bound, node in _bindings(tree, walrus=b":=" in data, by_global=b"global" in data)
        )

    # -- what modules export ------------------------------------------------------------------------------------------

    def _find(self) -> None:
        pending = list(dict.fromkeys(path for needle in NEEDLES for path in self._contents.holding(needle)))
        visits: Counter[Path] = Counter()
        while pending:
            path = pending.pop()
            visits[path] += 1
            if path.suffix != ".py" or visits[path] > _MOST_VISITS:
                continue
            exports = self._exports_of(path)
            if exports == self._exports.get(path, {}):
                continue
            self._exports[path] = exports
            self._exported.update(exports)
            self._exporters.add(self._names[path].rpartition(".")[2])
            self._exporters.add(place_of(path.absolute()).name)
            needles = [name.encode() for name in exports]
            for user in self._contents.importing(self._names[path], is_package=path.stem == "__init__"):
                data = self._contents.of(user)
                if user != path and (STAR.search(data) or any(needle in data for needle in needles)):
                    pending.append(user)

    def _exports_of(self, path: Path) -> dict[str, Export]:
        tree = self._parse(path)
        if tree is None:
            return {}
        found: dict[str, list[Export | None]] = {}
        data = self._contents.of(path)
        for name, node in _bindings(tree, walrus=b":=" in data, by_global=b"global" in data):
            if isinstance(node, ast.ImportFrom) and name == "*":
                for starred, handed_on in self._starred(path, node):
                    found.setdefault(starred, []).append(handed_on)
            else:
                export = self._imported(path, node, name) if isinstance(node, ast.ImportFrom) else None
                found.setdefault(name, []).append(export)
        exports: dict[str, Export] = {}
        for name, bindings in found.items():
            known = [export for export in bindings if export is not None]
            if known:
                sure = len(known) == len(bindings) and all(export.sure for export in known)
                sure = sure and len({export.target for export in known}) == 1
                exports[name] = replace(known[0], sure=sure)
        for node in tree.body:  # Loop = TrainingLoop
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in exports:
                export = replace(exports[node.value.id], line=node.lineno)
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id not in exports:
                        exports[target.id] = replace(
                            export, name=target.id, sure=export.sure and len(found[target.id]) == 1
                        )
        return exports

    def _imported(self, path: Path, node: ast.ImportFrom, name: str) -> Export | None:
        alias = next(alias for alias in node.names if (alias.asname or alias.name) == name)
        target = LEGACY_PATHS.get(f"{node.module}.{alias.name}") if not node.level else None
        if target is not None:
            return Export(target, name, path, node.lineno)
        if alias.name not in self._exported:
            return None
        home, sure = self.file(path, node.level, node.module or "")
        export = self._exports.get(home, {}).get(alias.name) if home is not None and home != path else None
        return None if export is None else Export(export.target, name, path, node.lineno, export.sure and sure)

    def _starred(self, path: Path, node: ast.ImportFrom) -> Iterator[tuple[str, Export]]:
        if not node.level and node.module in STAR_NAMES:
            for target in sorted(set(LEGACY_PATHS.values())):
                yield target, Export(target, target, path, node.lineno)
            return
        home, sure = self.file(path, node.level, node.module or "")
        if home is None or home == path:
            return
        for name, export in self._exports.get(home, {}).items():
            if not name.startswith("_"):
                yield name, Export(export.target, name, path, node.lineno, export.sure and sure)

    # -- what importing a module does ---------------------------------------------------------------------------------

    def _does_nothing(self, path: Path, level: int, home: Path) -> bool:
        """Whether the import of ``home`` can leave ``path`` without any difference but the name."""
        for module in (home, *self._paths.packages_around(home)):
            around = module.stem == "__init__" and module.absolute().parent in path.absolute().parents
            if level and around:
                continue  # a package around the file is imported before it in any case
            if not self._is_inert(module, set()):
                return False
        return True

    def _is_inert(self, path: Path, seen: set[Path]) -> bool:
        """Whether running a module only defines names: imports of inert modules, functions and constants."""
        if path in seen:
            return True
        seen.add(path)
        tree = self._parse(path)
        return tree is not None and all(self._is_inert_statement(path, item, seen) for item in tree.body)

    def _is_inert_statement(self, path: Path, node: ast.stmt, seen: set[Path]) -> bool:
        if isinstance(node, ast.Import):
            return all(_is_harmless(alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            if not node.level and _is_harmless(node.module or ""):
                return True
            home, sure = self.file(path, node.level, node.module or "")
            return home is not None and sure and self._is_inert(home, seen)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return not node.decorator_list and not any(isinstance(part, ast.Call) for part in _outside_body(node))
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            simple = all(isinstance(target, ast.Name) for target in targets)
            return simple and not any(isinstance(part, ast.Call) for part in ast.walk(node))
        if isinstance(node, ast.Try):
            parts = [*node.body, *node.orelse, *node.finalbody, *(item for at in node.handlers for item in at.body)]
            return all(self._is_inert_statement(path, item, seen) for item in parts)
        return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _bindings(tree: ast.Module, *, walrus: bool, by_global: bool) -> Iterator[tuple[str, ast.AST]]:
    """Each name that a module binds at its top level (or in a function, by ``global``), with the node that does.

    Args:
        tree: The module.
        walrus: Whether there may be a walrus in it; else values need not be looked into.
        by_global: Whether there may be a ``global`` statement in it.
    """
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            if not isinstance(node, ast.Lambda):
                yield node.name, node
            for part in ast.walk(node) if by_global else ():
                if isinstance(part, ast.Global):
                    yield from ((name, part) for name in part.names)
        else:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id, node
            elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
                yield node.name, node
            children = ast.iter_child_nodes(node)
            pending.extend(children if walrus else (child for child in children if not isinstance(child, _VALUES)))


def _outside_body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    for part in (node.args, node.returns):
        if part is not None:
            yield from ast.walk(part)


def _is_harmless(module: str) -> bool:
    root = module.partition(".")[0]
    return root in _HARMLESS_ROOTS or root in sys.stdlib_module_names
