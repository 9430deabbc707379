"""Settings: the table ``[tool.ann-migrate]`` of the nearest ``pyproject.toml``. The command line beats them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ann_migrate.files.durable import read_file
from ann_migrate.rewriting.styles import STYLES

FILE = "pyproject.toml"
TABLE = "ann-migrate"


class SettingsError(ValueError):
    """The settings cannot be used; the message names the file, the key, what it holds and what is accepted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings say; None where they say nothing.

    Attributes:
        file: The file that they come from, if there is one with such a table.
        select: Codes of the rules that may act, or beginnings of codes.
        ignore: Codes of those that may not.
        unsafe: Whether to make rewrites that rest on an assumption.
        exclude: Patterns as in a ``.gitignore`` beside the file.
        style: ``faithful`` or ``guide``.
        docs: Whether to migrate code in documents and docstrings too.
        jobs: How many processes to use.
        hints: Whether to list other mentions of the legacy names.
        output_format: How to report.
    """

    file: Path | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    unsafe: bool | None = None
    exclude: tuple[str, ...] | None = None
    style: str | None = None
    docs: bool | None = None
    jobs: int | None = None
    hints: bool | None = None
    output_format: str | None = None


def load_settings(paths: Sequence[str | os.PathLike[str]]) -> Settings:
    """Read the settings for files and folders: of the nearest ``pyproject.toml`` at or above all of them.

    Args:
        paths: Files and folders that exist; none stands for the current folder.

    Raises:
        SettingsError: If that file cannot be read or holds what is no setting.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "pyproject.toml").write_text('[tool.ann-migrate]\\nignore = ["ANN205"]\\n')
        ...     load_settings([folder]).ignore
        ('ANN205',)
    """
    real = [Path(path).resolve() for path in paths] or [Path.cwd()]
    try:
        common = Path(os.path.commonpath([each if each.is_dir() else each.parent for each in real]))
    except ValueError:  # on several drives
        return Settings()
    nearest = next((folder / FILE for folder in (common, *common.parents) if (folder / FILE).is_file()), None)
    return Settings() if nearest is None else _read(nearest)


_CHOICES = {"style": STYLES, "output_format": ("text", "json", "sarif", "github")}
_LISTS = ("select", "ignore", "exclude")


def _read(path: Path) -> Settings:
    try:
        raw = read_file(str(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    if TABLE.encode() not in raw:  # most projects: no need for a parser
        return Settings()
    import tomllib

    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    tool = document.get("tool")
    table = tool.get(TABLE) if isinstance(tool, dict) else None
    if table is None:
        return Settings()
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: tool.{TABLE} is no table but {table!r}")
    known = [field.name.replace("_", "-") for field in fields(Settings) if field.name != "file"]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"{path}: unknown key {key!r} in [tool.{TABLE}]; known are {', '.join(known)}")
        name = key.replace("-", "_")
        expected = _expected(name)
        if not _fits(name, value):
            raise SettingsError(f"{path}: {key} in [tool.{TABLE}] is {value!r}, accepted is {expected}")
        values[name] = tuple(value) if isinstance(value, list) else value
    for name in ("select", "ignore"):
        from ann_migrate.rewriting.selection import check_codes

        try:
            check_codes(name, values.get(name, ()))
        except ValueError as error:
            raise SettingsError(f"{path}: {error}") from error
    return Settings(file=path, **values)


def _expected(name: str) -> str:
    if name in _CHOICES:
        return " or ".join(map(repr, _CHOICES[name]))
    return "a list of strings" if name in _LISTS else "a whole number from 1" if name == "jobs" else "true or false"


def _fits(name: str, value: object) -> bool:
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name in _LISTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if name == "jobs":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return isinstance(value, bool)
