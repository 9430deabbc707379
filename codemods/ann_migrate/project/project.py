"""What the analysis of one file may ask about the other files of its project. It reads nothing by itself: a reader is
given to it.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from ann_migrate.legacy_api import LEGACY_PATHS, NEEDLES
from ann_migrate.names.looked_up import GETTERS, lookups, may_mean
from ann_migrate.project.contents import Contents
from ann_migrate.project.import_paths import ImportPaths
from ann_migrate.project.meanings import Meanings
from ann_migrate.project.module_chains import ModuleChains
from ann_migrate.project.patches import Patches
from ann_migrate.project.reexports import STAR, Reexports

_MANY = 20
_WORD = re.compile(r"[^\W\d]\w*")
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
        >>> project.importers("jobs", "loop")
        [PosixPath('app.py')]
    """

    def __init__(
        self,
        modules: Mapping[str, Path],
        read: Callable[[Path], bytes],
        shown: Callable[[Path, int], str] = "{}:{}".format,
    ) -> None:
        self._modules = dict(modules)
        self._names = {path: name for name, path in self._modules.items()}
        self._paths = ImportPaths(self._modules)
        self._contents = Contents(self._names, read)
        self._shown = shown
        self._mentions: dict[str, list[Path]] = {}
        self._trees: dict[Path, ast.Module | None] = {}
        self._named_in_strings: dict[bytes, set[bytes]] = {}
        self._lookups: dict[Path, set[str | None]] = {}
        self._analysed: frozenset[Path] = frozenset()
        self._star_words: dict[str, list[frozenset[str]]] = {}

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

    def without(self, files: Iterable[Path]) -> Project:
        """The same project for an analysis of several files: questions about other files leave these out too."""
        _ = self.reexports  # found once, for all
        other = copy.copy(self)
        other._analysed = frozenset(files)
        return other

    def importers(self, module: str | None, name: str) -> list[Path]:
        """The other files that import ``name`` from ``module``, or use it as an attribute of that module."""
        if module is None:
            return []
        needle = name.encode()
        home = self._modules.get(module)
        is_package = home is not None and home.stem == "__init__"
        importing = self._contents.importing(module, is_package=is_package)
        found = [
            path
            for path in importing
            if self._is_other(path, module)
            if needle in self._contents.of(path) and self._imports(path, module, home, name)
        ]
        if home is not None:
            found += self._reading_through(home, importing, name)
        return list(dict.fromkeys(found))

    def _reading_through(self, home: Path, importing: Iterable[Path], name: str) -> Iterator[Path]:
        """The files that read ``name`` of a module by way of another module, one of those that import it; and those
        modules, through which files that are analysed may read it too.
        """
        aliases = {alias for path in importing for alias in self._chains.names_of(path, home)}
        words = [alias.encode() for alias in aliases]
        for path in self._mentioning(name):
            if path != home and any(word in self._contents.of(path) for word in words):
                through = self._chains.reads(path, home, name)
                if through is not None and path not in self._analysed:
                    yield path
                yield from (through or frozenset()) - self._analysed - {home}

    def looking_up(self, module: str | None, name: str) -> list[Path]:
        """The other files that may get ``module`` by a string (``sys.modules["jobs"]``) and read ``name`` of it."""
        if module is None:
            return []
        return [
            path
            for path in self._mentioning(name)
            if self._is_other(path, module)
            if any(may_mean(text, module, self.module(path)) for text in self._lookups_in(path))
        ]

    def words_of_star_importers(self, module: str) -> list[frozenset[str]]:
        """The words of each file that has all names of ``module`` by ``import *``, at whatever distance."""
        if module not in self._star_words:
            found: dict[Path, frozenset[str]] = {}
            pending = [module]
            while pending:
                name = pending.pop()
                home = self._modules.get(name)
                for path in self._contents.importing(name, is_package=home is not None and home.stem == "__init__"):
                    if path not in found and STAR.search(self._contents.of(path)) and self._stars(path, name, home):
                        text = self._contents.of(path).decode("utf-8", "replace")
                        found[path] = frozenset(_WORD.findall(text))
                        pending.append(self._names[path])
            self._star_words[module] = list(found.values())
        return self._star_words[module]

    def attribute_users(self, module: str | None, attribute: str) -> list[tuple[Path, int]]:
        """The other files, each with a line, that use ``.attribute`` on what may be an instance of a class of
        ``module``; the first of them, where they are many.

        ``self.attribute`` in a class without bases is about another object.
        """
        found: list[tuple[Path, int]] = []
        for path in self._mentioning(attribute):
            if self._is_other(path, module) and len(found) < _MANY:
                tree = self._tree(path)
                line = _attribute_line(tree, attribute) if tree is not None else 1
                if line is not None:
                    found.append((path, line))
        return found

    def derivers(self, module: str | None, class_name: str) -> list[Path]:
        """The other files with a class that may derive from ``class_name`` of ``module``."""
        return [
            path
            for path in self._contents.holding(class_name.encode())
            if self._is_other(path, module)
            if (tree := self._tree(path)) is None or _derives(tree, class_name)
        ]

    def imported_file(self, path: Path, level: int, module: str) -> tuple[Path | None, bool]:
        """The file that an import in ``path`` means, by the number of its dots and its dotted name, and whether that is
        sure.
        """
        return self._paths.file(path, level, module)

    def other_files(self, path: Path, level: int, module: str) -> list[Path]:
        """Further files that the import may mean."""
        return self._paths.others(path, level, module)

    def hides_module(self, package: Path, name: str) -> bool:
        """Whether a package's ``__init__.py`` binds the name of a module beneath it to anything else."""
        return self.reexports.hides_module(package, name)

    def naming_legacy(self) -> list[Path]:
        """The files that hold a legacy name."""
        return list(dict.fromkeys(path for needle in NEEDLES for path in self._contents.holding(needle)))

    def content(self, path: Path) -> bytes:
        """The bytes of a file of the project; empty where it cannot be read."""
        return self._contents.of(path)

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
        return Reexports(self._modules, self._paths, self._contents, self._tree)

    @cached_property
    def meanings(self) -> Meanings:
        """What names mean across the files of the project."""
        return Meanings(self._modules, self.reexports, self._tree)

    @cached_property
    def _chains(self) -> ModuleChains:
        return ModuleChains(self._paths, self._tree)

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
            string = re.compile(rb"[\"']([\w.]+[.:]" + re.escape(name) + rb")[\"']")
            files = {*self._contents.holding(b"." + name), *self._contents.holding(b":" + name)}
            found = (string.findall(self._contents.of(path)) for path in files)
            named = {each.replace(b":", b".") for some in found for each in some}
            self._named_in_strings[name] = named
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

    def _is_other(self, path: Path, module: str | None) -> bool:
        """Whether a file is neither the module that is asked for nor analysed with it."""
        return self._names[path] != module and path not in self._analysed

    def _mentioning(self, attribute: str) -> list[Path]:
        """The files that hold ``.attribute`` or the string ``"attribute"``."""
        known = self._mentions.get(attribute)
        if known is None:
            name = attribute.encode()
            needle = re.compile(rb"\.\s*" + name + rb"\b|[\"']" + name + rb"[\"']")
            files = self._contents.holding(name)
            known = self._mentions[attribute] = [path for path in files if needle.search(self._contents.of(path))]
        return known

    def _lookups_in(self, path: Path) -> set[str | None]:
        """The strings by which a file gets modules."""
        if path not in self._lookups:
            data = self._contents.of(path)
            tree = self._tree(path) if any(getter in data for getter in GETTERS) else None
            self._lookups[path] = {text for _, text in lookups(ast.walk(tree))} if tree is not None else set()
        return self._lookups[path]

    def _tree(self, path: Path) -> ast.Module | None:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self._contents.of(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._trees[path] = None
        return self._trees[path]

    def _stars(self, path: Path, module: str, home: Path | None) -> bool:
        """Whether a file has ``from module import *``."""
        tree = self._tree(path)
        return tree is None or any(
            alias.name == "*" and self._is_module(path, node, module, home)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        )

    def _is_module(self, path: Path, node: ast.ImportFrom, module: str, home: Path | None) -> bool:
        found, _ = self._paths.file(path, node.level, node.module or "")
        known = _absolute(node, self._package(path)) == module or found == home is not None
        return known or home in self._paths.others(path, node.level, node.module or "")

    def _imports(self, path: Path, module: str, home: Path | None, name: str) -> bool:
        tree = self._tree(path)
        if tree is None:
            return True
        package = self._package(path)
        aliases: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                source = _absolute(node, package)
                for alias in node.names:
                    if alias.name in (name, "*") and self._is_module(path, node, module, home):
                        return True
                    if f"{source}.{alias.name}" == module:
                        aliases.add(alias.asname or alias.name)
            elif isinstance(node, ast.Import):
                aliases.update(
                    alias.asname or alias.name
                    for alias in node.names
                    if alias.name == module or self._paths.file(path, 0, alias.name)[0] == home is not None
                )
        return bool(aliases) and _reads_of_module(tree, aliases, name)

    def _package(self, path: Path) -> str:
        module = self._names.get(path, "")
        return module if path.name == "__init__.py" else module.rpartition(".")[0]


def _reads_of_module(tree: ast.Module, aliases: set[str], name: str) -> bool:
    """Whether code reads ``name`` of a module that it has under one of the aliases, or hands the module on."""
    bases: set[ast.AST] = set()
    names: list[ast.Name] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            bases.add(node.value)
            if node.attr == name and ast.unparse(node.value) in aliases:
                return True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in aliases:
            names.append(node)
    return any(node not in bases for node in names)


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
