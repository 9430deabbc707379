"""``--explain``: what a code means, and how the verdict on a line came about."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ann_migrate.flow import Escape, LoopObject, SelfAttribute
from ann_migrate.legacy_api import QUICK_TRAIN
from ann_migrate.migration import Migration, find_use_rule
from ann_migrate.resolve import Variable
from ann_migrate.result import Outcome, Position
from ann_migrate.sites import Form, NameUse
from ann_migrate.skips import statement_lines
from ann_migrate.source import Source, SourceError

if TYPE_CHECKING:
    from ann_migrate.api import Style

_CODE = re.compile(r"ANN\d+", re.IGNORECASE)
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::\d+)?")
_LONGEST = 100


class ExplainError(Exception):
    """There is nothing to explain; the message says why."""


def explain(
    what: str,
    *,
    style: str | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    unsafe: bool | None = None,
) -> str:
    """Explain a code or a line.

    Args:
        what: A code such as ``ANN301``, or ``FILE:LINE`` (``FILE:LINE:COLUMN`` too) of a Python file.
        style: As for the run that is explained; None takes the settings', likewise the others.
        select: Codes of the rules that may act.
        ignore: Codes of those that may not.
        unsafe: Whether rewrites may rest on an assumption.

    Returns:
        The page of the code, or the way to the verdict on each site at that line: what the name is bound to, what
        object the call makes and where it is held, each use of it, the verdict.

    Raises:
        ExplainError: If the code is unknown, or the file cannot be read or analysed.

    Example:
        >>> explain("ANN203").splitlines()[0]
        '### ANN203: A name that one of several star imports brings.'
    """
    if _CODE.fullmatch(what):
        from ann_migrate.catalogue import all_codes, explain_code

        try:
            return explain_code(what.upper())
        except KeyError:
            raise ExplainError(f"--explain: {what} is no code, known are {', '.join(all_codes())}") from None
    place = _PLACE.fullmatch(what)
    if place is None:
        raise ExplainError(f"--explain: expected a code such as ANN301, or FILE:LINE, got {what!r}")
    path = Path(place["file"])
    if not path.is_file():
        raise ExplainError(f"--explain: {place['file']!r} is no file")
    migration = _migrated(path, style, select, ignore, unsafe)
    return "\n".join(_about_line(migration, path, int(place["line"])))


def _migrated(
    path: Path,
    style: str | None,
    select: Sequence[str] | None,
    ignore: Sequence[str] | None,
    unsafe: bool | None,
) -> Migration:
    """The migration of a file as a run over it would make it, with the verdicts set."""
    from ann_migrate.api import near, project_at
    from ann_migrate.discover import project_root
    from ann_migrate.durable import read_file
    from ann_migrate.engine import Options
    from ann_migrate.settings import load_settings

    if path.suffix not in (".py", ".pyi"):
        raise ExplainError(f"--explain: lines of Python files are explained, {str(path)!r} is none")
    settings = load_settings([path])
    options = Options(
        style=cast("Style", style or settings.style or "faithful"),
        select=tuple(settings.select or () if select is None else select),
        ignore=tuple(settings.ignore or () if ignore is None else ignore),
        unsafe=bool(settings.unsafe if unsafe is None else unsafe),
    )
    real = os.path.realpath(path)
    project = project_at(project_root(os.path.dirname(real)))  # noqa: PTH120 - real paths are strings
    try:
        source = Source.decode(read_file(real))
        migration = Migration(source, near(real), project, options.style, selection=options.selection)
        migration.rewrite()
    except OSError as error:
        raise ExplainError(f"--explain: {path} cannot be read: {error.strerror or error}") from error
    except SourceError as error:
        problem = error.problem
        at = f":{problem.position}" if problem.position else ""
        raise ExplainError(f"{path}{at} {problem.code} {problem.reason}") from error
    except RecursionError as error:
        raise ExplainError(f"{path} is nested too deeply to be analysed") from error
    return migration


def _about_line(migration: Migration, path: Path, line: int) -> Iterator[str]:
    chosen = [site for site in migration.sites if line in _lines(migration, site)]
    if not chosen:
        yield f"{path}:{line}: no use of the legacy API stands here."
        places = ", ".join(str(migration.verdicts[site].position) for site in migration.sites)
        yield f"The file has sites at {places}." if places else "The file has none: nothing in it means a legacy name."
    for number, site in enumerate(chosen):
        if number:
            yield ""
        yield from _Account(migration, path, site).lines()


def _lines(migration: Migration, site: NameUse) -> set[int]:
    """The lines of all statements that have a part in a site."""
    nodes: list[ast.AST] = [site.node, *(binding.node for binding in site.imports)]
    found, escape = _object(migration, site)
    if found is not None:
        nodes += [use.attribute for use in found.uses]
    if escape is not None and escape.node in migration.tree.parents:
        nodes.append(escape.node)
    lines = {line for node in nodes for line in statement_lines(migration.tree, node)}
    culprit = migration.verdicts[site].culprit
    return lines | {culprit.line} if culprit else lines


def _object(migration: Migration, site: NameUse) -> tuple[LoopObject | None, Escape | None]:
    call = migration.tree.parent(site.node)
    plain = site.form is Form.NAME and isinstance(call, ast.Call) and call.func is site.node
    if not plain or site.target == QUICK_TRAIN:
        return None, None
    assert isinstance(call, ast.Call)
    try:
        return migration.flow.follow(call), None
    except Escape as escape:
        return escape.found, escape


_DOUBTS = {
    "ambiguous": "the name has other bindings too, so what it means depends on the run",
    "typing": "that import runs for type checkers only",
    "star": "a star import may bring it; which names that binds cannot be seen",
    "patched": "the module's attribute of this name is replaced somewhere",
}


class _Account:
    """What led to the verdict on one site, step by step."""

    def __init__(self, migration: Migration, path: Path, site: NameUse) -> None:
        self.migration = migration
        self.path = path
        self.site = site
        self.verdict = migration.verdicts[site]
        self.step = 0

    def lines(self) -> Iterator[str]:
        yield f"{self.path}:{self.verdict.position} {self._text(self.site.node)}"
        yield from self._name()
        found, escape = _object(self.migration, self.site)
        if found is not None:
            yield from self._held(found)
            yield from self._uses(found)
        elif self.site.target == QUICK_TRAIN and self.site.form is Form.NAME:
            yield self._numbered("it is a function; what becomes of the dict that it returns decides")
        if escape is not None:
            where = f" ({escape.where})" if escape.where else ""
            yield self._numbered(f"escape at {self._at(escape.node)}: {self._line_text(escape.node)}{where}")
        yield from self._outcome()

    def _name(self) -> Iterator[str]:
        site = self.site
        if site.form is Form.NAME:
            means = f"adaptiveneuralnetwork's {site.target}"
            by = ", ".join(f"the import of {each.path} at {self._at(each.node)}" for each in site.imports)
            yield self._numbered(f"the name means {means}" + (f", by {by}" if by else ""))
        else:
            yield self._numbered(f"the {site.form.value} names adaptiveneuralnetwork's {site.target}")
        if site.doubt is not None:
            yield self._numbered(f"in doubt: {_DOUBTS[site.doubt]}")

    def _held(self, found: LoopObject) -> Iterator[str]:
        call = self.migration.tree.parents[self.site.node]
        assert isinstance(call, ast.Call)
        yield self._numbered(f"the call makes an object: {self._text(call)}")
        for other in found.constructors:
            if other is not call:
                yield self._numbered(f"it goes the same ways as what is made at {self._at(other)}: {self._text(other)}")
        for holder in found.holders:
            if isinstance(holder, SelfAttribute):
                yield self._numbered(f"it is held by self.{holder.attribute} of class {holder.owner.name}")
            else:
                yield self._numbered(f"it is held by the name {holder.name} of {_scope(holder)}")
        for function in found.functions:
            name = getattr(function, "name", "lambda")
            yield self._numbered(f"it passes through the function {name} at {self._at(function)}")
        if not found.holders and self.verdict.outcome is not Outcome.DECLINED:
            yield self._numbered("nothing holds it: it is used in its own expression only")

    def _uses(self, found: LoopObject) -> Iterator[str]:
        for use in found.uses:
            rule = find_use_rule(use)
            known = f"{rule.CODE} knows it" if rule is not None else "no rule knows it"
            yield self._numbered(f"use at {self._at(use.attribute)}: {self._text(use.call or use.attribute)} ({known})")

    def _outcome(self) -> Iterator[str]:
        verdict = self.verdict
        word = {
            Outcome.REWRITTEN: "can be rewritten",
            Outcome.DECLINED: "declined, with every use of the object",
            Outcome.IGNORED: "left alone",
        }[verdict.outcome]
        yield self._numbered(f"verdict: {word}. {verdict.code}: {verdict.reason}")
        if verdict.culprit is not None:
            yield f"     because of {self.path}:{verdict.culprit}"
        if verdict.advice:
            yield f"     what to do: {verdict.advice}"
        yield from (f"     made explicit: {note}" for note in verdict.notes)
        yield from (f"     not kept: {behaviour}" for behaviour in verdict.not_kept)
        yield f"     (ann-migrate --explain {verdict.code} tells of the rule)"

    def _numbered(self, text: str) -> str:
        self.step += 1
        return f"  {self.step}. {text}"

    def _at(self, node: ast.AST) -> Position | str:
        if not isinstance(node, (ast.expr, ast.stmt, ast.alias, ast.arg, ast.keyword, ast.excepthandler, ast.pattern)):
            return "?"
        source = self.migration.source
        if isinstance(node, ast.Attribute):  # where its own name stands, as reports have it
            return source.position(source.span(node).end - len(node.attr.encode("utf-8")))
        return source.position(source.offset(node.lineno, node.col_offset))

    def _text(self, node: ast.expr) -> str:
        return _shortened(self.migration.source.node_text(node))

    def _line_text(self, node: ast.AST) -> str:
        source = self.migration.source
        line = getattr(node, "lineno", 1)
        start = source.line_starts[line - 1]
        return _shortened(source.data[start : source.line_end(start)].decode("utf-8"))


def _scope(variable: Variable) -> str:
    node = variable.scope.node
    name = getattr(node, "name", "")
    return f"{variable.scope.kind} {name}".rstrip() if name else f"the {variable.scope.kind}"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
