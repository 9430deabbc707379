"""The three runs and the verdict: old code, old code again, new code, each in a fresh copy and fresh processes.

The runs take place one after the other *at the same path*, so that a program that prints, hashes or stores where it is
does the same in each. ``equal`` means that all of this is: the calls of ``train``/``fit``, ``train_epoch`` and
``evaluate`` with their places; model, optimizer, training modes and generators before and after each; every batch,
output and loss of a training step and the gradients that the optimizer used; every output in evaluation; the records of
the epochs, in the legacy form where the new code keeps it; exceptions; the files written; what the program printed, but
for the words in which two runs of the old code differ; the exit code. Not compared are what the library itself prints,
standard error, and what leaves the machine.

Whatever could make an ``equal`` untrue makes the verdict ``unverifiable``: see :func:`_doubt` and :func:`verify`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ann_compat.equivalence.verify.difference import first_difference, output_difference
from ann_compat.equivalence.verify.process import run_command
from ann_compat.equivalence.verify.protocol import Answer, MigratedSite, Request, RewrittenFile, SitePlace
from ann_compat.equivalence.verify.recorder import LABEL_VARIABLE, write_hook
from ann_compat.equivalence.verify.runs import Run, read_processes
from ann_compat.equivalence.verify.tree import (
    CopyError,
    changed_stamps,
    copy_tree,
    excluded,
    keep_changes,
    remove_tree,
    snapshot,
)

_OUTPUT_SHOWN = 2000


_SHELL_WORDS = frozenset(("cd", "export", "source", "set", "ulimit", "exec", "eval", "pushd"))
_SHELL_OPERATORS = frozenset(("&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"))


class UnverifiableError(Exception):
    """Nothing can be said; the message says why, ``output`` what a run printed to standard error."""

    def __init__(self, reason: str, output: str = "") -> None:
        super().__init__(reason)
        self.output = output


def verify(request: Request, abandoned: threading.Event) -> Answer:
    """Run the command three times and compare.

    Args:
        request: What to verify; its workspace is left for the asker to remove.
        abandoned: Set from elsewhere to stop.

    Raises:
        Abandoned: *abandoned* was set.
    """
    session = _Session(request, abandoned)
    try:
        return session.answer()
    except UnverifiableError as error:
        return replace(session.facts, verdict="unverifiable", reason=str(error), output=error.output)


class _Session:
    def __init__(self, request: Request, abandoned: threading.Event) -> None:
        self.request = request
        self.abandoned = abandoned
        self.workspace = Path(request.workspace)
        # One name for all copies; that of the original, which a program may look at.
        self.tree = str(self.workspace / "tree" / (os.path.basename(request.root) or "root"))
        self.scratch = self.workspace / "scratch"
        self.facts = Answer("unverifiable", "")

    def answer(self) -> Answer:
        request = self.request
        arguments = _split(request.command)
        pristine = str(self.workspace / "pristine")
        try:
            copied = copy_tree(request.root, pristine, exclude=request.exclude, max_bytes=request.max_bytes)
        except CopyError as error:
            raise UnverifiableError(str(error)) from error
        self.facts = replace(self.facts, not_copied=tuple(copied.left_out))
        self._check_copy(pristine)

        old = self._run("old", arguments, pristine, legacy=True)
        self._check_run(old, "the old code")
        if old.ended.exit_code:
            raise UnverifiableError(
                f"the command fails on the old code, with exit code {old.ended.exit_code}{_shell_advice(arguments)}",
                old.stderr,
            )
        coverage = _Coverage.of(old, request.files)
        self.facts = replace(self.facts, covered=coverage.covered, uncovered=coverage.uncovered)
        if not coverage.covered:
            what = "constructs a loop there, but never trains" if coverage.constructed else "does not reach any"
            raise UnverifiableError(f"no migrated site was executed: the command {what} ({_sites(coverage.uncovered)})")

        control = self._run("control", arguments, pristine, legacy=True)
        self._check_run(control, "the old code")
        if (found := first_difference(old, control)) is not None:
            advice = "; --verify-exclude leaves files out of the comparison" if found.channel == "files" else ""
            text = f"{found.place}: {found.old}, then {found.new}"
            raise UnverifiableError(
                f"the program does not repeat itself: two runs of the old code differ ({text}){advice}"
            )

        new = self._run("new", arguments, pristine, legacy=False)
        if changed := changed_stamps(request.root, copied.stamps):
            raise UnverifiableError(f"the original tree changed during the runs: {_listed(changed)}")
        self._check_run(new, "the new code")
        check_migrated(old, new, coverage.objects)
        calls, steps = len(old.calls), old.steps
        seconds = max(run.ended.seconds for run in (old, control, new))
        self.facts = replace(self.facts, calls=calls, steps=steps, seconds=round(seconds, 1))
        return self._compared(old, control, new)

    def _compared(self, old: Run, control: Run, new: Run) -> Answer:
        dropped = self.request.dropped
        difference = first_difference(old, new, dropped)
        notes = [f"{channel}: the style of the new code drops behaviour that shows there" for channel in dropped]
        printed, masked = None, 0
        if "output" not in dropped:
            printed, masked = output_difference(old.stdout, control.stdout, new.stdout)
        difference = difference or printed
        if masked:
            what = "output" if masked < 0 else f"words in {masked} of {len(old.stdout)} lines of output"
            notes.append(f"{what}: two runs of the old code differ there")
        facts = replace(self.facts, not_compared=tuple(notes), written_outside=tuple({**old.outside, **new.outside}))
        if difference is not None:
            output = new.stderr if new.ended.exit_code != old.ended.exit_code else ""
            reason = "the new code does not do what the old code did"
            return replace(facts, verdict="differs", reason=reason, difference=difference, output=output)
        return replace(facts, verdict="equal", reason="the new code did what the old code did, bit for bit")

    def _check_copy(self, pristine: str) -> None:
        for file in self.request.files:
            if excluded(file.path.replace("/", os.sep), self.request.exclude):
                raise UnverifiableError(f"{file.path} is to be rewritten, but is excluded from the copies")
            path = Path(pristine, file.path)
            if not path.is_file():
                raise UnverifiableError(f"{file.path} is to be rewritten, but was not copied")
            if path.read_bytes() != (file.after if self.request.applied else file.before):
                raise UnverifiableError(f"{file.path} changed since it was read")

    def _run(self, name: str, arguments: Sequence[str], pristine: str, *, legacy: bool) -> Run:
        """Copy, run, put aside what was written, remove the copy."""
        request, folder = self.request, self.workspace / name
        for part in ("records", "hook", "files", "outside"):
            (folder / part).mkdir(parents=True)
        self.scratch.mkdir()
        copy_tree(pristine, self.tree, exclude=(), max_bytes=2 * request.max_bytes)
        for file in request.files:
            Path(self.tree, file.path).write_bytes(file.before if legacy else file.after)
        before = snapshot(self.tree, request.exclude)
        settings = {
            "records": str(folder / "records"),
            "scratch": str(self.scratch),
            "original": request.root,
            "copy": self.tree,
            "import_roots": sorted({_import_root(self.tree, file.path) for file in request.files}),
            "seed": request.seed,
        }
        write_hook(str(folder / "hook"), settings)
        cwd = os.path.normpath(os.path.join(self.tree, request.cwd))
        try:
            ended = run_command(
                self._arguments(arguments, cwd),
                cwd=cwd,
                environment=self._environment(str(folder / "hook"), cwd),
                stdout=folder / "stdout",
                stderr=folder / "stderr",
                timeout=request.timeout,
                abandoned=self.abandoned,
            )
        except OSError as error:
            what = f"the command cannot be started: {error.strerror or error}: {arguments[0]}"
            raise UnverifiableError(what + _shell_advice(arguments)) from error
        processes = read_processes(str(folder / "records"))
        try:
            files = keep_changes(self.tree, before, folder / "files", request.exclude)
        except OSError as error:
            raise UnverifiableError(f"what the command wrote cannot be read: {error}") from error
        outside = _keep_outside(
            (path for each in processes for path in each.outside_writes), folder / "outside", request
        )
        remove_tree(self.tree)
        remove_tree(folder / "records")
        remove_tree(self.scratch)
        printed = (folder / "stdout").read_bytes().splitlines()
        errors = (folder / "stderr").read_bytes()[-_OUTPUT_SHOWN:].decode(errors="replace")
        return Run(ended, processes, files, outside, printed, errors)

    def _arguments(self, arguments: Sequence[str], cwd: str) -> list[str]:
        """The command; a program of the tree that is not copied (in a virtual environment) is the original one."""
        program = arguments[0]
        if os.sep in program and not os.path.isabs(program) and not os.path.exists(os.path.join(cwd, program)):
            program = os.path.normpath(os.path.join(self.request.root, self.request.cwd, program))
        return [program, *arguments[1:]]

    def _environment(self, hook: str, cwd: str) -> dict[str, str]:
        environment = dict(os.environ)
        old = os.environ.get("PYTHONPATH", "")
        # An empty entry is the current folder. The recorder leads entries within the original tree to the copy.
        paths = (
            [os.path.join(self.request.root, self.request.cwd, entry) for entry in old.split(os.pathsep)] if old else []
        )
        environment.pop(LABEL_VARIABLE, None)
        environment.pop("PYTHONNODEBUGRANGES", None)
        environment.setdefault("OMP_NUM_THREADS", "1")  # sums over several threads are not always ordered alike
        return environment | {
            "PYTHONPATH": os.pathsep.join([hook, *paths]),
            "PYTHONHASHSEED": str(self.request.seed % 2**32),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PWD": cwd,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.scratch)),
        }

    def _check_run(self, run: Run, what: str) -> None:
        """Refuse a run that proves nothing."""
        if doubt := _doubt(run, self.request.root):
            raise UnverifiableError(f"running {what}: {doubt}", run.stderr if run.ended.exit_code else "")


def _doubt(run: Run, original: str) -> str:
    """Why nothing follows from a run; empty if something does."""
    if run.ended.stopped:
        return run.ended.stopped
    if not run.processes:
        return "no Python process could be recorded (python -I, -E, -S or its own PYTHONPATH keep the recorder out)"
    for process in run.processes:
        if process.faults:
            return f"the recorder failed: {process.faults[0].strip().splitlines()[-1]}"
        if any(call.end is None for call in process.calls):
            return "a process ended in the middle of training"
    inside = os.path.join(original, "")
    for site in [call.site for call in run.calls] + [each["site"] for each in run.objects]:
        if (outside := site.get("outside")) is not None:
            which = "the original tree" if outside.startswith(inside) else "outside the copy"
            return f"the library was called from {which}, where nothing is rewritten: {outside}:{site['line']}"
    for process in run.processes:
        for path in process.outside_writes:
            if path.startswith(inside):
                return f"the program writes into the original tree by an absolute path: {path}"
    return ""


@dataclass(frozen=True, slots=True)
class _Coverage:
    """Which migrated sites a run of the old code executed; *objects* are those made there, by process and number."""

    covered: tuple[SitePlace, ...]
    uncovered: tuple[SitePlace, ...]
    objects: frozenset[tuple[str, int]]
    constructed: bool

    @classmethod
    def of(cls, run: Run, files: Iterable[RewrittenFile]) -> _Coverage:
        sites = {(file.path, site.call_end): (file, site) for file in files for site in file.sites}
        covered, objects, constructed = set(), set(), False
        for process in run.processes:
            constructed |= any(_end(each["site"]) in sites for each in process.objects)
            for call in process.calls:
                if call.owner is not None and (key := _end(call.owner["site"])) in sites:
                    covered.add(key)
                    objects.add((process.label, call.owner["number"]))
        places = {key: _place(file, site) for key, (file, site) in sites.items()}
        return cls(
            tuple(place for key, place in places.items() if key in covered),
            tuple(place for key, place in places.items() if key not in covered),
            frozenset(objects),
            constructed,
        )


def check_migrated(old: Run, new: Run, migrated: frozenset[tuple[str, int]]) -> None:
    """Refuse a run of the new code in which an object of a migrated site is still a legacy one."""
    for before, after in zip(old.training, new.training, strict=False):
        for was, now in zip(before.calls, after.calls, strict=False):
            if was.owner is None or (before.label, was.owner["number"]) not in migrated:
                continue
            if now.owner is not None and now.owner["class"] == was.owner["class"]:
                site = now.owner["site"]
                raise UnverifiableError(
                    f"the rewritten code was not executed: {site.get('file')}:{site['line']} still made a TrainingLoop"
                )


def _end(site: dict[str, object]) -> tuple[str, tuple[int, int]]:
    end = site["end"]
    assert isinstance(end, list)
    return str(site.get("file")), (end[0], end[1])


def _place(file: RewrittenFile, site: MigratedSite) -> SitePlace:
    return SitePlace(file.path, site.line, site.column)


def _split(command: str) -> list[str]:
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise UnverifiableError(f"the command cannot be split: {error}") from error
    if not arguments:
        raise UnverifiableError("the command is empty")
    return arguments


def _shell_advice(arguments: Sequence[str]) -> str:
    """What to do where the command is written for a shell: it is run without one."""
    first = arguments[0]
    if first in _SHELL_WORDS or _SHELL_OPERATORS.intersection(arguments):
        return "; it is run without a shell: write sh -c '...' for what only a shell knows"
    if first.partition("=")[0].isidentifier() and "=" in first:
        return f"; it is run without a shell: set {first.partition('=')[0]} where ann-migrate is called"
    return ""


def _import_root(tree: str, path: str) -> str:
    """The folder that must be searched for the module in *path* to be found under its full name."""
    folder = os.path.dirname(os.path.join(tree, path))
    while os.path.exists(os.path.join(folder, "__init__.py")) and folder != tree:
        folder = os.path.dirname(folder)
    return folder


def _keep_outside(paths: Iterable[str], target: Path, request: Request) -> dict[str, Path | None]:
    """Copies of the files that a run wrote elsewhere, as far as they are still there and are not too large."""
    kept: dict[str, Path | None] = {}
    for number, path in enumerate(sorted(set(paths))):
        if excluded(path.lstrip(os.sep), request.exclude):
            continue
        if os.path.isfile(path) and os.path.getsize(path) <= request.max_bytes:
            kept[path] = target / f"{number}{Path(path).suffix}"
            shutil.copyfile(path, target / f"{number}{Path(path).suffix}")
        else:
            kept[path] = None
    return kept


def _sites(places: Sequence[SitePlace]) -> str:
    return _listed([f"{place.path}:{place.line}" for place in places]) or "none is a call"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
