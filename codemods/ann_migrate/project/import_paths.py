"""Which file of a project an import statement means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path


class ImportPaths:
    """The Python files of a project, as import statements find them.

    Args:
        modules: Path by dotted module name.

    Example:
        >>> paths = ImportPaths({"pkg": Path("pkg/__init__.py"), "pkg.app": Path("pkg/app.py")})
        >>> paths.file(Path("pkg/__init__.py"), 1, "app")
        (PosixPath('pkg/app.py'), True)
        >>> paths.file(Path("run.py"), 0, "pkg.app")
        (PosixPath('pkg/app.py'), True)
        >>> paths.file(Path("run.py"), 0, "torch")
        (None, False)
    """

    def __init__(self, modules: Mapping[str, Path]) -> None:
        self._modules = modules

    def file(self, path: Path, level: int, module: str) -> tuple[Path | None, bool]:
        """The file that ``from <level dots><module> import ...`` in ``path`` means, and whether that is sure; a package
        is its ``__init__.py``.
        """
        parts = module.split(".") if module else []
        folder = path.absolute().parent
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return self._by_place.get(folder.joinpath(*parts)), True
        if not parts:
            return None, False
        beside = self._by_place.get(folder.joinpath(*parts))
        known = self._modules.get(module)
        if beside is not None and known in (None, beside):
            # A script finds what lies beside it; a module of a package does so only when it is run as a script.
            return beside, known == beside or not self._is_in_package(path)
        if known is not None:
            return known, "." in module or known.stem == "__init__"
        return None, False

    def others(self, path: Path, level: int, module: str) -> list[Path]:
        """Further files that an import may mean: what lies beside the file, where that is run as a script; if nothing
        is known, what a folder on ``sys.path`` may hold.
        """
        if level or not module:
            return []
        found, _ = self.file(path, level, module)
        if found is None:
            return self.ending_with(module)
        beside = self._by_place.get(path.absolute().parent.joinpath(*module.split(".")))
        return [beside] if beside is not None and beside != found else []

    def ending_with(self, module: str) -> list[Path]:
        """The files whose paths end as the dotted name does: what an import may find by a folder on ``sys.path``."""
        tail = tuple(module.split("."))
        return [file for place, file in self._by_last_part.get(tail[-1], ()) if place.parts[-len(tail) :] == tail]

    def packages_around(self, path: Path) -> Iterator[Path]:
        """The ``__init__.py`` files that are run before a module can be imported, innermost first."""
        folder = place_of(path.absolute()).parent
        while (package := self._by_place.get(folder)) is not None:
            yield package
            folder = folder.parent

    def _is_in_package(self, path: Path) -> bool:
        return path.absolute().parent in self._by_place

    @cached_property
    def _by_place(self) -> dict[Path, Path]:
        return {place_of(path.absolute()): path for path in self._modules.values() if path.suffix == ".py"}

    @cached_property
    def _by_last_part(self) -> dict[str, list[tuple[Path, Path]]]:
        found: dict[str, list[tuple[Path, Path]]] = {}
        for place, path in self._by_place.items():
            found.setdefault(place.name, []).append((place, path))
        return found


def place_of(path: Path) -> Path:
    """The path of a module without its suffix; of a package, its folder."""
    return path.parent if path.stem == "__init__" else path.with_suffix("")
