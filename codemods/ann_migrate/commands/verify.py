"""Proof by execution: run a command on the tree as it is and as it would become, and compare what both did.

The work is done by ``python -m ann_compat.equivalence.verify`` in a process of its own, asked and answered in JSON: the
codemod itself imports neither torch nor anything that it migrates.
"""

from __future__ import annotations

import ast
import base64
import codecs
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ann_migrate.documents import NOTEBOOKS, PAGES
from ann_migrate.files.discover import project_root
from ann_migrate.result import FileResult, Outcome, Position, Site
from ann_migrate.rewriting.dropped import CHANNELS
from ann_migrate.rules import annotation
from ann_migrate.text.source import declared_encoding

SCHEMA_VERSION = 1
DEFAULT_TIMEOUT = 600.0
SEED = 20240229
MAX_BYTES = 2 * 2**30
_CLEANING = 15.0
"""Seconds that the verifying process gets to stop what it started when it is interrupted."""


class VerifyError(Exception):
    """The verification itself failed: nothing is known, and the tool or the system is at fault."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two runs differ first: what (*channel*), where, what each had, and the likely cause if one is known."""

    channel: str
    place: str
    old: str
    new: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What running both versions showed.

    Attributes:
        kind: ``"equal"``: write. ``"differs"`` and ``"unverifiable"``: do not.
        reason: Why, in one sentence.
        difference: The first one, if the runs differ.
        output: The end of what a failed run printed to standard error.
        covered: The migrated sites (``path:line:column``) that the command exercised.
        uncovered: Those that it did not reach: the verdict says nothing of them.
        calls: How many calls of training methods were compared.
        steps: How many optimizer steps.
        seconds: How long the slowest run took.
        not_copied: What of the tree was not copied, beside caches.
        not_compared: What was left that was not compared, and why.
        written_outside: Files that the command wrote by absolute paths outside *root*: compared, but really written.
    """

    kind: Literal["equal", "differs", "unverifiable"]
    reason: str
    difference: Difference | None = None
    output: str = ""
    covered: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    calls: int = 0
    steps: int = 0
    seconds: float = 0.0
    not_copied: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    written_outside: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return self.kind == "equal"


def verify_migration(
    root: str | os.PathLike[str],
    results: Sequence[FileResult],
    command: str,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    exclude: Sequence[str] = (),
    max_bytes: int = MAX_BYTES,
) -> Verdict:
    """Run *command* on a copy of *root* as it is, twice, and on one as *results* would make it, and compare.

    The command runs in the counterpart of the current folder, in a session of its own, without standard input and
    without a shell, with all generators seeded. It is the caller's own code: it is executed with the caller's rights,
    and what it writes by absolute paths is really written. Nothing beneath *root* is written.

    Args:
        root: The project's folder; the current folder must lie in it.
        results: The verdicts of the codemod; those that change nothing are passed over.
        command: What to run, quoted as for a shell.
        timeout: Seconds that each of the three runs may take.
        exclude: Patterns of names or paths below *root* that are neither copied nor compared.
        max_bytes: A tree with more is not copied.

    Returns:
        The verdict. ``"equal"`` only if at least one migrated site was executed and nothing that was compared differs.

    Raises:
        ValueError: If *timeout* or *max_bytes* is not positive, or *results* changes nothing.
        VerifyError: If the verifying process fails.

    Example:
        >>> from ann_migrate.api import migrate_paths
        >>> run = migrate_paths(["train.py"])                                              # doctest: +SKIP
        >>> verify_migration(".", run.files, "python train.py --epochs 1").kind            # doctest: +SKIP
        'equal'
    """
    for name, value in (("timeout", timeout), ("max_bytes", max_bytes)):
        if not value > 0:
            raise ValueError(f"{name}: expected more than 0, got {value!r}")
    changed = [result for result in results if result.changed]
    if not changed:
        raise ValueError("results: expected at least one file that changes, got none")
    real = os.path.realpath(root)
    cwd = os.path.relpath(os.path.realpath(os.curdir), real)
    if _leaves(cwd):
        return Verdict("unverifiable", f"the current folder is not within {os.fspath(root)}: go there")
    files = []
    for result in changed:
        path = os.path.relpath(os.path.realpath(result.path), real)
        if _leaves(path):
            return Verdict("unverifiable", f"{result.path} is not within {os.fspath(root)}: verify projects one by one")
        files.append(_file_document(path, result))
    with _workspace() as workspace:
        question = {
            "schema_version": SCHEMA_VERSION,
            "root": real,
            "cwd": cwd,
            "command": command,
            "timeout": timeout,
            "seed": SEED,
            "exclude": list(exclude),
            "workspace": workspace,
            "max_bytes": max_bytes,
            "files": files,
            "dropped": dropped_channels(changed),
        }
        verdict = _verdict(_ask(question))
    never = tuple(
        f"{os.path.relpath(os.path.realpath(result.path), real)}:{position}"
        for result in changed
        for position in _not_called(result)
    )
    return replace(verdict, uncovered=(*verdict.uncovered, *never))


def common_root(results: Sequence[FileResult]) -> str:
    """Return the folder to copy: the project around all files that change, else the current folder.

    It is the project only if the current folder lies in it too, since that is where the command runs.
    """
    here = os.path.realpath(os.curdir)
    roots = {project_root(os.path.dirname(os.path.realpath(result.path))) for result in results if result.changed}
    root = roots.pop() if len(roots) == 1 else None
    return here if root is None or _leaves(os.path.relpath(here, root)) else root


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """Yield the verdict for people, line by line.

    Example:
        >>> for line in verdict_lines(Verdict("differs", "the new code does not do what the old code did",
        ...                                   Difference("step", "fit at a.py:9, step 1: lr", "0.1", "0.2", "..."))):
        ...     print(line)
        verify: differs: the new code does not do what the old code did
            first difference: fit at a.py:9, step 1: lr
              old: 0.1
              new: 0.2
            likely cause: ...
    """
    yield f"verify: {verdict.kind}: {verdict.reason}"
    if (difference := verdict.difference) is not None:
        yield f"    first difference: {difference.place}"
        yield f"      old: {difference.old}"
        yield f"      new: {difference.new}"
        if difference.cause:
            yield f"    likely cause: {difference.cause}"
    if verdict.output:
        yield "    the last lines of its standard error:"
        yield from (f"      {line}" for line in verdict.output.splitlines()[-8:])
    if verdict.equal:
        compared = f"{_number(verdict.calls, 'call')} and {_number(verdict.steps, 'optimizer step')} compared"
        executed = f"{_number(len(verdict.covered), 'migrated site')} executed"
        yield f"    {compared}, {executed}, {verdict.seconds:g} s a run"
        yield from (f"    not executed by the command, so not verified: {site}" for site in verdict.uncovered)
    yield from (f"    not compared: {note}" for note in verdict.not_compared)
    yield from (f"    written by the command outside the project: {path}" for path in verdict.written_outside)
    if verdict.kind == "unverifiable" and verdict.output:
        yield from (f"    not copied: {name}" for name in verdict.not_copied[:10])


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as JSON values, for the report."""
    difference = verdict.difference
    return {
        "verdict": verdict.kind,
        "reason": verdict.reason,
        "first_difference": None
        if difference is None
        else {name: getattr(difference, name) for name in ("channel", "place", "old", "new", "cause")},
        **{name: list(getattr(verdict, name)) for name in _LISTS},
        **{name: getattr(verdict, name) for name in ("output", "calls", "steps", "seconds")},
    }


_LISTS = ("covered", "uncovered", "not_copied", "not_compared", "written_outside")


def _file_document(path: str, result: FileResult) -> dict[str, Any]:
    return {
        "path": path.replace(os.sep, "/"),
        "before": base64.b64encode(result.before).decode("ascii"),
        "after": base64.b64encode(result.after).decode("ascii"),
        "sites": list(called_sites(result)),
    }


def dropped_channels(results: Sequence[FileResult]) -> list[str]:
    """Where runs of the new code differ on purpose, by what the style dropped: there they are not compared."""
    codes = {item.code for result in results for site in result.sites for item in site.dropped}
    return sorted({channel for code in codes for channel in CHANNELS.get(code, ())})


def called_sites(result: FileResult) -> Iterator[dict[str, Any]]:
    """The rewritten sites at which the legacy name is called, with where the call ends: Python reports it by that."""
    rewritten = [site for site in result.sites if site.outcome is Outcome.REWRITTEN]
    if not rewritten or result.path.suffix.lower() in (*NOTEBOOKS, *PAGES):
        return
    text = _decoded(result.before)
    lines = text.split("\n")
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    for site in rewritten:
        at = _byte_position(site, lines)
        for call in calls:
            func = call.func
            if isinstance(func, ast.Name | ast.Attribute) and _name_start(func) == at:
                ends = [call.end_lineno, call.end_col_offset]
                yield {"line": site.position.line, "column": site.position.column, "call_end": ends}


def _not_called(result: FileResult) -> Iterator[Position]:
    """The rewritten calls that no command executes as part of a Python program: in notebooks, documents, docstrings."""
    called = {(site["line"], site["column"]) for site in called_sites(result)}
    for site in result.sites:
        if site.outcome is Outcome.REWRITTEN and site.code != annotation.REWRITE_CODE:
            position = site.position
            if position.cell is not None or (position.line, position.column) not in called:
                yield position


def _name_start(func: ast.Name | ast.Attribute) -> tuple[int, int]:
    """Where the name itself begins: behind the dots of ``training.TrainingLoop``."""
    if isinstance(func, ast.Name):
        return func.lineno, func.col_offset
    return func.end_lineno or 0, (func.end_col_offset or 0) - len(func.attr.encode())


def _byte_position(site: Site, lines: Sequence[str]) -> tuple[int, int]:
    """Line from 1, column from 0 in UTF-8 bytes, as syntax trees count."""
    line, column = site.position.line, site.position.column
    return line, len(lines[line - 1][: column - 1].encode("utf-8", "surrogatepass"))


def _decoded(raw: bytes) -> str:
    return raw.removeprefix(codecs.BOM_UTF8).decode(declared_encoding(raw)).replace("\r\n", "\n").replace("\r", "\n")


@contextlib.contextmanager
def _workspace() -> Iterator[str]:
    """A temporary folder that is gone in the end, though a program may have taken the right to write in it away."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="ann-verify-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    """Start the verifying process, ask it, and wait for its answer; on an interrupt, until it has cleaned up."""
    # -P: a folder that happens to have the name of one of our packages must not be taken for it.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ann_compat.equivalence.verify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended already; its exit code says more
            process.stdin.write(json.dumps(question).encode("ascii") + b"\n")
            process.stdin.flush()
        answer = process.stdout.readline()  # its standard input stays open: that we are still here is seen by that
        process.stdin.close()
        code = process.wait()
    except BaseException:
        _stop(process)
        raise
    finally:
        process.stdout.close()
    if code or not answer:
        raise VerifyError(f"the verifying process ended with exit code {code} and no verdict")
    document: dict[str, Any] = json.loads(answer)
    if document.get("schema_version") != SCHEMA_VERSION:
        raise VerifyError(f"the verifying process answers in schema {document.get('schema_version')!r}")
    return document


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the verifying process: the end of its input tells it to stop what it started; it is killed if it does not."""
    assert process.stdin is not None
    with _interrupts_ignored():
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_CLEANING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Pressing Ctrl-C again must not leave processes behind."""
    try:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not in the main thread: it gets no interrupts
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _verdict(answer: dict[str, Any]) -> Verdict:
    difference = answer["difference"]
    return Verdict(
        kind=answer["verdict"],
        reason=answer["reason"],
        difference=None
        if difference is None
        else Difference(**{name: difference[name] for name in ("channel", "place", "old", "new", "cause")}),
        output=answer["output"],
        covered=tuple(_shown(site) for site in answer["covered"]),
        uncovered=tuple(_shown(site) for site in answer["uncovered"]),
        calls=answer["calls"],
        steps=answer["steps"],
        seconds=answer["seconds"],
        not_copied=tuple(answer["not_copied"]),
        not_compared=tuple(answer["not_compared"]),
        written_outside=tuple(answer["written_outside"]),
    )


def _shown(site: dict[str, Any]) -> str:
    return str(Path(site["path"])) + f":{site['line']}:{site['column']}"


def _leaves(relative: str) -> bool:
    return relative == os.pardir or relative.startswith(os.pardir + os.sep) or os.path.isabs(relative)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
