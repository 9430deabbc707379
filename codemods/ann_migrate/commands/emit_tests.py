"""``--emit-tests FOLDER``: tests that run each migrated site of a project old against new, for as long as people want.

The folder gets the files as they were (``legacy/``, under names that no tool takes for Python), a list of their sites
(``migrated.json``), and one readable test file, which is its owner's to change. What the tests do is in
``ann_compat.equivalence.migrated``.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ann_migrate.commands.verify import called_sites, common_root, dropped_channels
from ann_migrate.files.durable import sync_folder, temp_name, write_new_file
from ann_migrate.result import FileResult

SCHEMA_VERSION = 1
MANIFEST = "migrated.json"
TESTS = "test_migrated.py"

_TEMPLATE = '''\
"""Old against new: every site that ann-migrate rewrote must train as it did before, bit for bit.

Each command runs in copies of the project: twice with the files as they were (they are in legacy/), once as they are
now, with the same seeds. A site that no command reaches fails: add a command that reaches it. Delete this folder when
you no longer need the old behaviour.
"""

from pathlib import Path

import pytest

from ann_compat.equivalence.migrated import MigratedProject

PROJECT = MigratedProject(Path(__file__).with_name("{manifest}"))
COMMANDS = [
{commands}
]
SEEDS = [0]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("site", PROJECT.sites)
def test_the_site_trains_as_before(site, seed):
    PROJECT.check(site, COMMANDS, seed)
'''


class EmitError(Exception):
    """No tests can be written there; the message says why."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was written.

    Attributes:
        folder: Where.
        sites: How many sites have a test.
        without: Files that have none, with the reason.
        failure: Why nothing was written, if so.
    """

    folder: str
    sites: int = 0
    without: tuple[tuple[str, str], ...] = ()
    failure: str = ""


def emitted_lines(emitted: Emitted) -> Iterator[str]:
    """Yield what was written, for people.

    Example:
        >>> list(emitted_lines(Emitted("tests/migrated", 2)))
        ['Wrote tests of 2 sites, old against new, to tests/migrated. To run them: pytest tests/migrated']
    """
    for path, reason in emitted.without:
        yield f"{path}: no test was written: {reason}"
    if emitted.failure:
        yield f"no test was written to {emitted.folder}: {emitted.failure}"
    elif emitted.sites:
        sites = f"{emitted.sites} site{'s' if emitted.sites > 1 else ''}"
        run = shlex.join(["pytest", emitted.folder])
        yield f"Wrote tests of {sites}, old against new, to {emitted.folder}. To run them: {run}"


def emitted_document(emitted: Emitted) -> dict[str, Any]:
    """Return what was written as JSON values, for the report."""
    without = [{"path": path, "reason": reason} for path, reason in emitted.without]
    return {"folder": emitted.folder, "sites": emitted.sites, "without": without, "failure": emitted.failure or None}


def check_folder(folder: Path, results: Sequence[FileResult]) -> None:
    """Refuse, before anything is written, a folder that the tests of *results* cannot go to.

    Raises:
        EmitError: *folder* is no folder, or has tests of one of the files from an earlier run.
    """
    if folder.exists() and not folder.is_dir():
        raise EmitError(f"{folder} is not a folder")
    root = common_root(results)
    known = {file["path"] for file in _manifest(folder, root)["files"]}
    again = sorted(known & {_relative(result.path, root) for result in results if result.changed})
    if again:
        raise EmitError(f"{folder} has tests of {', '.join(again[:3])} from an earlier run: name another folder")


def emit_tests(folder: Path, results: Sequence[FileResult], *, command: str | None = None) -> Emitted:
    """Write tests of the migrated sites.

    Args:
        folder: Where; made if need be. Tests of other files that are there stay.
        results: The files that were written.
        command: What reaches the sites, run in the current folder; by default each file is run.

    Returns:
        What was written. Where the system refuses, the reason; the list of sites is written last, so that what is
        there is whole or not used.

    Raises:
        EmitError: As for :func:`check_folder`.
    """
    check_folder(folder, results)
    try:
        return _emit(folder, results, common_root(results), command)
    except OSError as error:
        return Emitted(str(folder), failure=str(error))


def _emit(folder: Path, results: Sequence[FileResult], root: str, command: str | None) -> Emitted:
    manifest = _manifest(folder, root)
    without, commands, count = [], [], 0
    for result in results:
        path = _relative(result.path, root)
        if result.path.suffix not in (".py", ".pyi"):
            without.append((path, "not a Python file, so no command runs it"))
            continue
        sites = list(called_sites(result))
        if not sites and not result.together:  # what goes together is needed as it was, all of it
            without.append((path, "no site in it is a call"))
            continue
        legacy = f"legacy/{path}.legacy"
        _write(folder / legacy, result.before)
        manifest["files"].append(
            {"path": path, "legacy": legacy, "sites": sites, "dropped": dropped_channels([result])}
        )
        commands.append(_command(Path(root, path)))
        count += len(sites)
    if count:
        tests = folder / TESTS
        if not tests.exists():
            chosen = [command] if command else commands
            listed = "\n".join(f"    {json.dumps(each, ensure_ascii=False)}," for each in chosen)
            _write(tests, _TEMPLATE.format(manifest=MANIFEST, commands=listed).encode())
        _write(folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    return Emitted(str(folder), count, tuple(without))


def _manifest(folder: Path, root: str) -> dict[str, Any]:
    """What is there, or an empty one."""
    path = folder / MANIFEST
    if not path.exists():
        return {
            "schema_version": SCHEMA_VERSION,
            "root": os.path.relpath(root, os.path.realpath(folder)).replace(os.sep, "/"),
            "cwd": os.path.relpath(os.path.realpath(os.curdir), root).replace(os.sep, "/"),
            "files": [],
        }
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        version = found["schema_version"]
        if version != SCHEMA_VERSION:
            raise EmitError(f"{path}: schema_version is {version!r}, accepted is {SCHEMA_VERSION}")
        [file["path"] for file in found["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise EmitError(f"{path} was not written by ann-migrate: {error}") from error
    return found


def _command(path: Path) -> str:
    """How to run a file: as a module where it is in a package that the current folder can import."""
    here = os.path.relpath(path, os.path.realpath(os.curdir)).replace(os.sep, "/")
    if (path.parent / "__init__.py").exists() and ".." not in here:
        module = here.removesuffix(".py").removesuffix("/__init__").removesuffix("/__main__").replace("/", ".")
        return shlex.join(["python", "-m", module])
    return shlex.join(["python", here])


def _relative(path: Path, root: str) -> str:
    return os.path.relpath(os.path.realpath(path), root).replace(os.sep, "/")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = Path(temp_name(str(path.parent), "tests", 0))
    write_new_file(str(temp), content)
    temp.chmod(0o644)
    temp.replace(path)
    sync_folder(str(path.parent))
