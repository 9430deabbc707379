"""What the tests do that ``ann-migrate --emit-tests`` writes: a project as it was against the project as it is."""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ann_compat.equivalence.verify.protocol import Answer, MigratedSite, Request, RewrittenFile
from ann_compat.equivalence.verify.session import verify
from ann_compat.equivalence.verify.tree import remove_tree

SCHEMA_VERSION = 1
_MAX_BYTES = 2 * 2**30


class MigratedProject:
    """A project of which some files were migrated, with what they were before.

    Args:
        manifest: The ``migrated.json`` that ``ann-migrate --emit-tests`` wrote; the files as they were stand beside it.

    Raises:
        ValueError: It is of another version.

    Example:
        ``MigratedProject(Path("tests/migrated/migrated.json")).check("train.py:12:8", ["python train.py"])``
    """

    def __init__(self, manifest: Path) -> None:
        self._folder = manifest.parent
        self._manifest: dict[str, Any] = json.loads(manifest.read_bytes())
        version = self._manifest["schema_version"]
        if version != SCHEMA_VERSION:
            raise ValueError(f"{manifest}: schema_version is {version!r}, accepted is {SCHEMA_VERSION}")
        self._answers: dict[tuple[str, int], Answer] = {}

    @property
    def sites(self) -> list[str]:
        """The migrated sites, as ``path:line:column`` of the files as they were."""
        return [
            f"{file['path']}:{site['line']}:{site['column']}"
            for file in self._manifest["files"]
            for site in file["sites"]
        ]

    def check(
        self,
        site: str,
        commands: Sequence[str],
        seed: int = 0,
        *,
        timeout: float = 600.0,
        exclude: Sequence[str] = (),
    ) -> None:
        """Assert that the commands which reach a site do the same with the old code and with the new.

        Args:
            site: One of :attr:`sites`.
            commands: Each is split as by a shell; no shell runs it. ``python`` is the Python that runs the test.
            seed: For all generators.
            timeout: Seconds for each of the three runs of a command.
            exclude: Patterns of files that are neither copied nor compared.

        Raises:
            AssertionError: The runs differ; or nothing can be said of the site, which the message explains.
            ValueError: There is no such site.
        """
        if site not in self.sites:
            raise ValueError(f"site must be one of {', '.join(self.sites)}, got {site!r}")
        said = []
        reached = False
        for command in commands:
            answer = self._answer(command, seed, timeout, exclude)
            if answer.verdict == "differs":
                raise AssertionError(_difference(command, answer))
            if answer.verdict == "unverifiable":
                said.append(f"{command}: {answer.reason}" + (f"\n{answer.output}" if answer.output else ""))
            reached |= answer.verdict == "equal" and any(
                f"{place.path}:{place.line}:{place.column}" == site for place in answer.covered
            )
        if not reached:
            raise AssertionError("\n".join([f"no command reaches {site}, so nothing is known of it", *said]))

    def _answer(self, command: str, seed: int, timeout: float, exclude: Sequence[str]) -> Answer:
        """What running a command three times showed; asked once, since it takes seconds."""
        key = (command, seed)
        if key not in self._answers:
            workspace = tempfile.mkdtemp(prefix="ann-migrated-")
            try:
                request = self._request(command, seed, timeout, exclude, os.path.realpath(workspace))
                self._answers[key] = verify(request, threading.Event())
            finally:
                remove_tree(workspace)
        return self._answers[key]

    def _request(self, command: str, seed: int, timeout: float, exclude: Sequence[str], workspace: str) -> Request:
        root = os.path.realpath(self._folder / self._manifest["root"])
        files = tuple(
            RewrittenFile(
                path=file["path"],
                before=(self._folder / file["legacy"]).read_bytes(),
                after=Path(root, file["path"]).read_bytes(),
                sites=tuple(
                    MigratedSite(site["line"], site["column"], (site["call_end"][0], site["call_end"][1]))
                    for site in file["sites"]
                ),
            )
            for file in self._manifest["files"]
        )
        return Request(
            root=root,
            cwd=self._manifest["cwd"],
            command=_with_this_python(command),
            timeout=timeout,
            seed=seed,
            exclude=tuple(exclude),
            workspace=workspace,
            max_bytes=_MAX_BYTES,
            files=files,
            applied=True,
            dropped=tuple(sorted({name for file in self._manifest["files"] for name in file.get("dropped", ())})),
        )


def _with_this_python(command: str) -> str:
    """The command with the Python that runs the test: another may lack the packages."""
    program, space, rest = command.partition(" ")
    return f"{shlex.quote(sys.executable)}{space}{rest}" if program in ("python", "python3") else command


def _difference(command: str, answer: Answer) -> str:
    found = answer.difference
    assert found is not None
    lines = [
        f"{command}: {answer.reason}",
        f"first difference: {found.place}",
        f"  old: {found.old}",
        f"  new: {found.new}",
        *([f"likely cause: {found.cause}"] if found.cause else []),
        *([answer.output] if answer.output else []),
    ]
    return "\n".join(lines)
