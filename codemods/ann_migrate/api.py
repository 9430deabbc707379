"""The codemod as a library: source or paths in, verdicts and new content out. Nothing here writes a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ann_migrate.files.hint_files import may_mention, text_hints
from ann_migrate.result import FileResult, Hint, Outcome, Problem
from ann_migrate.rewriting.styles import STYLES, Style
from ann_migrate.running.run import Run
from ann_migrate.running.tasks import Task, analyse
from ann_migrate.text.source import declared_encoding

if TYPE_CHECKING:
    from ann_migrate.running.engine import Options


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run found.

    Attributes:
        scanned: How many files were looked at.
        files: The verdict on each file that names the legacy API or could not be read, by path.
        pruned: Folders that were passed over (build results, virtual environments, what a ``.gitignore`` names).
        tracebacks: For each file on which the tool itself failed, where it did.
        text_hints: Mentions of the legacy names in files that are not Python, by path.
    """

    scanned: int
    files: tuple[FileResult, ...]
    pruned: tuple[Path, ...] = ()
    tracebacks: Mapping[Path, str] = field(default_factory=dict)
    text_hints: tuple[Hint, ...] = ()

    @property
    def found(self) -> int:
        """How many sites there are; always ``rewritten + declined + ignored``."""
        return sum(len(result.sites) for result in self.files)

    @property
    def rewritten(self) -> int:
        return self._count(Outcome.REWRITTEN)

    @property
    def declined(self) -> int:
        return self._count(Outcome.DECLINED)

    @property
    def ignored(self) -> int:
        return self._count(Outcome.IGNORED)

    @property
    def changed(self) -> tuple[FileResult, ...]:
        """The files that have new content."""
        return tuple(result for result in self.files if result.changed)

    @property
    def problems(self) -> tuple[FileResult, ...]:
        """The files that could not be analysed."""
        return tuple(result for result in self.files if result.problem is not None)

    @property
    def naming(self) -> int:
        """How many of the files name the legacy API."""
        return sum(may_mention(result.before) for result in self.files)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """All mentions that no code depends on: in comments and strings, then in files that are not Python."""
        return (*(hint for result in self.files for hint in result.hints), *self.text_hints)

    def _count(self, outcome: Outcome) -> int:
        return sum(site.outcome is outcome for result in self.files for site in result.sites)


def migrate_source(
    source: bytes | str,
    *,
    path: str | os.PathLike[str] = "<source>",
    style: Style = "faithful",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    unsafe: bool = False,
    docs: bool = False,
) -> FileResult:
    r"""Migrate one piece of source code.

    Args:
        source: The code. Text is encoded as its own encoding cookie says (UTF-8 without one).
        path: What the result and its messages call it; it is not read. It says what the source is: a notebook
            (``.ipynb``), with *docs* a Markdown or reStructuredText file (``.md``, ``.rst``), else Python.
        style: ``"faithful"`` keeps all numbers, files and records as they were; ``"guide"`` writes the guide's own
            forms, keeps the training numbers and lists what else it drops (``dropped`` of each site).
        select: Codes of the rules that may act, or beginnings of codes; none means all.
        ignore: Codes of those that may not.
        unsafe: Whether to make rewrites that rest on an assumption, which their ``not_kept`` names.
        docs: Whether to migrate the code in documents and docstrings too.

    Returns:
        The verdict on each use of the legacy API, and the new content as bytes in ``after``, which is ``before`` where
        nothing could be rewritten. Code that is no valid Python comes back unchanged, with a ``problem``.

    Raises:
        TypeError: If *source* is neither bytes nor text, *path* no path, or *select* or *ignore* no list of codes.
        ValueError: If *style* or a code is unknown, or *source* cannot be encoded as its cookie says.

    Example:
        >>> result = migrate_source(
        ...     "from adaptiveneuralnetwork.training import TrainingLoop\n"
        ...     "def run(model, config, loader):\n"
        ...     "    TrainingLoop(model, config).train(loader)\n"
        ... )
        >>> [site.outcome.name for site in result.sites]
        ['REWRITTEN']
        >>> b".fit(" in result.after, b"TrainingLoop" in result.after
        (True, False)
        >>> migrate_source("x = 1").changed
        False
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path: expected text or a path object, got {path!r}")
    if isinstance(source, str):
        raw = _encoded(source)
    elif isinstance(source, bytes):
        raw = source
    else:
        raise TypeError(f"source: expected bytes or str, got {type(source).__name__}")
    run = migrate_text(raw, path=Path(path), style=style, select=select, ignore=ignore, unsafe=unsafe, docs=docs)
    return run.files[0] if run.files else FileResult(Path(path), raw, raw)


def migrate_text(
    raw: bytes,
    *,
    path: Path,
    style: Style = "faithful",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    unsafe: bool = False,
    docs: bool = False,
) -> RunResult:
    """Do what :func:`migrate_source` does and return it as a run over one file."""
    options = _options(style, select, ignore, docs=docs, unsafe=unsafe)
    from ann_migrate.running.engine import may_matter

    if not may_matter(raw):
        return RunResult(1, ())
    done = analyse(Task(raw, path, path, None, options))
    return RunResult(1, done.results, tracebacks={path: done.trace} if done.trace else {})


def migrate_paths(
    paths: Iterable[str | os.PathLike[str]],
    *,
    style: Style = "faithful",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    unsafe: bool = False,
    exclude: Iterable[str] = (),
    exclude_beneath: Mapping[str, Iterable[str]] | None = None,
    docs: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> RunResult:
    """Migrate files and folders, without writing anything.

    The whole project around the paths is read where a decision depends on it; only files at and beneath the paths
    get new content. A file that cannot be read or analysed has a ``problem`` and never stops the others.

    Args:
        paths: Files and folders, as :func:`ann_migrate.files.discover.discover` searches them.
        style: ``"faithful"`` keeps all numbers, files and records as they were; ``"guide"`` writes the guide's own
            forms, keeps the training numbers and lists what else it drops (``dropped`` of each site).
        select: Codes of the rules that may act, or beginnings of codes; none means all. An object is rewritten only if
            every rule that it needs may act.
        ignore: Codes of those that may not.
        unsafe: Whether to make rewrites that rest on an assumption, which their ``not_kept`` names.
        exclude: Patterns as in a ``.gitignore``, relative to the current folder, of what to leave out.
        docs: Whether to migrate the code in Markdown, reStructuredText and docstrings too.
        exclude_beneath: Such patterns, for each folder that they are relative to.
        jobs: How many processes to use at most; few files are analysed in this one. A script that asks for more than
            one keeps its own work behind ``if __name__ == "__main__":``, as :mod:`multiprocessing` wants it.
        progress: Called after each file with how many of how many are analysed.

    Returns:
        The verdicts and the new contents, in the order of the paths of the files.

    Raises:
        TypeError: If *paths*, *exclude*, *select* or *ignore* is no list, or one of the paths is none.
        ValueError: If *paths* is empty or one of them does not exist, or *style*, a code, a pattern or *jobs* is not
            valid.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "job.py").write_text("from adaptiveneuralnetwork.training import quick_train\\n")
        ...     run = migrate_paths([folder])
        >>> run.scanned, len(run.files), run.found == run.rewritten + run.declined + run.ignored
        (1, 1, True)
    """
    for name, value in (("paths", paths), ("exclude", exclude)):
        if isinstance(value, str | bytes | os.PathLike):
            raise TypeError(f"{name}: expected several, in a list, got the single {value!r}")
        if not isinstance(value, Iterable):
            raise TypeError(f"{name}: expected several, in a list, got {value!r}")
    paths = list(paths)
    for each in paths:
        if not isinstance(each, str | os.PathLike):
            raise TypeError(f"paths: expected text or path objects, got {each!r}")
    given = [Path(path) for path in paths]
    if not given:
        raise ValueError("paths: expected at least one file or folder, got none")
    options = _options(style, select, ignore, docs=docs, unsafe=unsafe)
    if isinstance(jobs, bool) or not isinstance(jobs, int):
        raise TypeError(f"jobs: expected a whole number from 1, got {jobs!r}")
    run = Run(given, options, exclude, exclude_beneath, jobs, progress)
    discovery = run.found()
    results = run.analysed(discovery)
    results += [
        FileResult(trouble.path, trouble.raw, trouble.raw, problem=Problem(trouble.code, trouble.reason))
        for trouble in discovery.troubles
    ]
    results.sort(key=lambda result: result.path)
    hints = tuple(hint for path, raw in discovery.texts for hint in text_hints(path, raw))
    return RunResult(discovery.scanned, tuple(results), tuple(discovery.pruned), run.tracebacks, hints)


def _options(style: Style, select: Iterable[str], ignore: Iterable[str], *, docs: bool, unsafe: bool) -> Options:
    if style not in STYLES:
        raise ValueError(f"style: expected one of {', '.join(map(repr, STYLES))}, got {style!r}")
    for name, codes in (("select", select), ("ignore", ignore)):
        if isinstance(codes, str):
            raise TypeError(f"{name}: expected several codes, in a list, got the single {codes!r}")
        if not isinstance(codes, Iterable):
            raise TypeError(f"{name}: expected several codes, in a list, got {codes!r}")
    from ann_migrate.running.engine import Options

    return Options(style=style, docs=docs, select=tuple(select), ignore=tuple(ignore), unsafe=unsafe)


def _encoded(source: str) -> bytes:
    raw = source.encode("utf-8", "surrogatepass")
    try:
        return source.encode(declared_encoding(raw))
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise ValueError(f"source: cannot be encoded as it says: {error}") from error
