"""What the analysis of one file may ask about the other files of its project. It reads nothing by itself: a reader is
given to it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path

from ann_migrate.contents import Contents
from ann_migrate.legacy_api import LEGACY_PATHS, NEEDLES
from ann_migrate.meanings import Meanings
from ann_migrate.patches import Patches
from ann_migrate.reexports import Reexports

_BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr"})


class Project:
    """The Python files around the file that is analysed, by module name.

    Args:
        modules: Dotted module name of each file of the project (``pkg`` for ``pkg/__init__.py``).
        read: Gives a file's bytes. Called at most once for each file and only when a question needs it; an OSError
            counts as "not there".
        shown: How a line of those bytes is named to people (default: ``app.py:3``).

    Example:
        >>> files = {Path("app.py"): b"from jobs import loop", Path("jobs.py"): b"loop = 1"}
        >>> project = Project({"app": Path("app.py"), "jobs": Path("jobs.py")}, files.__getitem__)
        >>> project.module(Path("jobs.py"))
        'jobs'
        >>> project.importer("jobs", "loop")
        PosixPath('app.py')
    """

    def __init__(
        self,
        modules: Mapping[str, Path],
        read: Callable[[Path], bytes],
        shown: Callable[[Path, int], str] = "{}:{}".format,
    ) -> None:
        self._modules = dict(modules)
        self._names = {path: name for name, path in self._modules.items()}
        self._contents = Contents(self._names, read)
        self._shown = shown
        self._mentions: dict[str, list[Path]] = {}
        self._trees: dict[Path, ast.Module | None] = {}
        self._named_in_strings: dict[bytes, set[bytes]] = {}

    @classmethod
    def single(cls) -> Project:
        """A project of one file: nothing is known of others (standard input, one file on its own)."""
        return cls({}, lambda path: b"")

    def module(self, path: Path) -> str | None:
        """The dotted name under which other files import ``path``; None where unknown."""
        return self._names.get(path)

    def holds(self, module: str) -> bool:
        """Whether a module (or a package above it) is part of this project."""
        parts = module.split(".")
        return any(".".join(parts[:end]) in self._modules for end in range(1, len(parts) + 1))

    def importer(self, module: str | None, name: str) -> Path | None:
        """A file that imports ``name`` from ``module``, or uses it as an attribute of that module."""
        if module is None:
            return None
        needle = name.encode()
        home = self._modules.get(module)
        is_package = home is not None and home.stem == "__init__"
        for path in self._contents.importing(module, is_package=is_package):
            if self._names[path] != module and needle in self._contents.of(path) and self._imports(path, module, name):
                return path
        return None

    def attribute_user(self, module: str | None, attribute: str, class_name: str) -> tuple[Path, int] | None:
        """A file and line that uses ``.attribute`` on what may be an instance of ``class_name`` of ``module``.

        ``self.attribute`` in a class that has neither ``class_name`` among its bases nor any base of its project is
        about another object.
        """
        for path in self._mentioning(attribute):
            if self._names[path] == module:
                continue
            tree = self._tree(path)
            if tree is None:
                return path, 1
            line = _attribute_line(tree, attribute)
            if line is not None:
                return path, line
        return None

    def deriver(self, module: str | None, class_name: str) -> Path | None:
        """A file with a class that may derive from ``class_name`` of ``module``."""
        for path in self._contents.holding(class_name.encode()):
            if self._names[path] != module:
                tree = self._tree(path)
                if tree is None or _derives(tree, class_name):
                    return path
        return None

    def parsed(self, path: Path, data: bytes) -> ast.Module | None:
        """The syntax tree of a file, if it has been needed already and was made from this very UTF-8 text."""
        tree = self._trees.get(path)
        return tree if tree is not None and self._contents.of(path) == data and data.isascii() else None

    def legacy_export(self, module: str, name: str) -> str | None:
        """The legacy name (``TrainingLoop`` or ``quick_train``) that ``module`` binds ``name`` to by an import, its own
        or through other modules, if any.
        """
        export = self.reexports.of(module).get(name)
        return export.target if export is not None else None

    def legacy_attribute(self, attribute: str, module: str | None) -> str | None:
        """The legacy name that the dotted path of an attribute leads to, as ``module`` would import it, if any:
        ``app.training.TrainingLoop`` where ``app`` imports the package's module.
        """
        path = self._modules.get(module or "")
        if path is None or attribute.rpartition(".")[2].encode() not in NEEDLES:
            return None
        return LEGACY_PATHS.get(self.meanings.of_path(attribute, path))

    @cached_property
    def reexports(self) -> Reexports:
        """The legacy names that modules of the project hand on."""
        return Reexports(self._modules, self._contents, self._tree)

    @cached_property
    def meanings(self) -> Meanings:
        """What names mean across the files of the project."""
        return Meanings(self._modules, self.reexports, self._tree)

    @cached_property
    def _patches(self) -> Patches:
        return Patches(self._contents, self.meanings)

    def holding_words(self, words: Iterable[str]) -> set[Path]:
        """The files in which one of some names stands as a word."""
        found: set[Path] = set()
        for word in words:
            name = word.encode()
            whole = re.compile(rb"(?<![\w\x80-\xff])" + re.escape(name) + rb"(?![\w\x80-\xff])")
            found.update(path for path in self._contents.holding(name) if whole.search(self._contents.of(path)))
        return found

    def shown(self, path: Path, line: int) -> str:
        """A line of a file as people find it: ``app.py:3``, ``book.ipynb:cell 2:3``."""
        return self._shown(path, line)

    def patch(self, attribute: str) -> str | None:
        """Where an attribute of a module (``pkg.mod.TrainingLoop``) is replaced while the program runs, as people find
        it; None where no file does that.

        Example:
            >>> files = {Path("test_app.py"): b"import app; monkeypatch.setattr(app, 'TrainingLoop', Fake)"}
            >>> Project({"test_app": Path("test_app.py")}, files.__getitem__).patch("app.TrainingLoop")
            'test_app.py:1'
        """
        place = self._patches.place(attribute)
        return self.shown(*place) if place is not None else None

    def may_use_reexport(self, raw: bytes) -> bool:
        """Whether a file's bytes hold another name under which some module exports a legacy name."""
        return any(
            re.search(rb"(?<![\w\x80-\xff])" + alias.encode() + rb"(?![\w\x80-\xff])", raw)
            for alias in self.reexports.aliases
            if alias.encode() in raw
        )

    def names_in_string(self, dotted: str) -> bool:
        """Whether some file holds a string like ``"pkg.mod.TrainingLoop"``: it is likely to patch that binding."""
        name = dotted.rpartition(".")[2].encode()
        named = self._named_in_strings.get(name)
        if named is None:
            string = re.compile(rb"[\"']([\w.]+\." + re.escape(name) + rb")[\"']")
            found = (string.findall(self._contents.of(path)) for path in self._contents.holding(b"." + name))
            named = self._named_in_strings[name] = {each for some in found for each in some}
        return dotted.encode() in named

    def string_that_names(self, dotted: str) -> tuple[Path, int] | None:
        """The file and line of the first such string."""
        string = re.compile(rb"[\"']" + re.escape(dotted.encode()) + rb"[\"']")
        for path in self._contents.holding(dotted.encode()):
            data = self._contents.of(path)
            if (match := string.search(data)) is not None:
                return path, len(re.findall(rb"\r\n|\r|\n", data[: match.start()])) + 1
        return None

    # -- helpers ------------------------------------------------------------------------------------------------------

    def _mentioning(self, attribute: str) -> list[Path]:
        """The files that hold ``.attribute`` or the string ``"attribute"``."""
        known = self._mentions.get(attribute)
        if known is None:
            name = attribute.encode()
            needle = re.compile(rb"\.\s*" + name + rb"\b|[\"']" + name + rb"[\"']")
            files = self._contents.holding(name)
            known = self._mentions[attribute] = [path for path in files if needle.search(self._contents.of(path))]
        return known

    def _tree(self, path: Path) -> ast.Module | None:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self._contents.of(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[path] = None
        return self._trees[path]

    def _imports(self, path: Path, module: str, name: str) -> bool:
        tree = self._tree(path)
        if tree is None:
            return True
        package = self._package(path)
        aliases: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                source = _absolute(node, package)
                for alias in node.names:
                    if source == module and alias.name in (name, "*"):
                        return True
                    if f"{source}.{alias.name}" == module:
                        aliases.add(alias.asname or alias.name)
            elif isinstance(node, ast.Import):
                aliases.update(alias.asname or alias.name for alias in node.names if alias.name == module)
        return any(
            isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) in aliases
            for node in ast.walk(tree)
        )

    def _package(self, path: Path) -> str:
        module = self._names.get(path, "")
        return module if path.name == "__init__.py" else module.rpartition(".")[0]


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - (node.level - 1)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _derives(tree: ast.Module, name: str) -> bool:
    """Whether a class has a base of this name, or of one under which the name is imported."""
    nodes = list(ast.walk(tree))
    aliases = {name}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            aliases |= {alias.asname for alias in node.names if alias.name == name and alias.asname}
    bases = (base for node in nodes if isinstance(node, ast.ClassDef) for base in node.bases)
    return any(ast.unparse(base).rpartition(".")[2] in aliases for base in bases)


def _attribute_line(tree: ast.Module, attribute: str) -> int | None:
    """The first line where ``.attribute`` (or its name in a getattr-like string) is used on something not surely
    unrelated.
    """
    unrelated: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and all(
            isinstance(base, ast.Name) and base.id == "object" for base in node.bases
        ):
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                    unrelated.add(part)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == attribute and node not in unrelated:
            return node.lineno
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BY_NAME):
            continue
        if any(isinstance(part, ast.Constant) and part.value == attribute for part in ast.walk(node)):
            return node.lineno
    return None
