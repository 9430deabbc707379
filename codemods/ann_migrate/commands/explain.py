"""``--explain``: what a code means, and how the verdict on a line came about."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ann_migrate.documents import NOTEBOOKS, PAGES
from ann_migrate.documents.analysis import Analysis, analysis_of
from ann_migrate.documents.docstrings import analyse_docstrings
from ann_migrate.documents.notebook import analyse_notebook
from ann_migrate.documents.text import analyse_text_document
from ann_migrate.flow.flow import Escape, LoopObject, SelfAttribute
from ann_migrate.flow.sites import Form, NameUse
from ann_migrate.legacy_api import QUICK_TRAIN
from ann_migrate.names.resolve import Variable
from ann_migrate.reports.report_text import dropped_lines
from ann_migrate.result import Outcome, Position
from ann_migrate.rewriting.migration import Migration, find_use_rule
from ann_migrate.rewriting.skips import statement_lines
from ann_migrate.running.together import analysis_from, together_around
from ann_migrate.text.source import Source, SourceError

if TYPE_CHECKING:
    from ann_migrate.rewriting.styles import Style

_CODE = re.compile(r"ANN\d+", re.IGNORECASE)
_PLACE = re.compile(r"(?P<file>.+?):(?:cell )?(?P<numbers>\d+(?::\d+){0,2})")
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
        what: A code such as ``ANN301``, or ``FILE:LINE`` (``FILE:LINE:COLUMN`` too) of a Python file, a Markdown or
            reStructuredText document; ``FILE:CELL`` or ``FILE:CELL:LINE`` of a notebook, cells counted from 1.
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
        from ann_migrate.reports.catalogue import all_codes, explain_code

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
    numbers = [int(number) for number in place["numbers"].split(":")]
    analyses = _analysed(path, style, select, ignore, unsafe)
    if path.suffix.lower() in NOTEBOOKS:
        wanted: _Wanted = (numbers[0], numbers[1] if len(numbers) > 1 else None)
    elif len(numbers) < 3:
        wanted = (None, numbers[0])
    else:
        raise ExplainError(f"--explain: expected FILE:LINE, got {what!r}: only notebooks have cells")
    return "\n".join(_about(analyses, path, wanted, what))


_Wanted = tuple[int | None, int | None]
"""A cell, and a line in it or in the file."""


def _analysed(
    path: Path,
    style: str | None,
    select: Sequence[str] | None,
    ignore: Sequence[str] | None,
    unsafe: bool | None,
) -> list[Analysis]:
    """What a run over a file makes of it, with the code in documents and docstrings."""
    from ann_migrate.commands.settings import load_settings
    from ann_migrate.files.discover import project_root
    from ann_migrate.files.durable import read_file
    from ann_migrate.running.engine import Options
    from ann_migrate.running.locate import near, project_at

    suffix = path.suffix.lower()
    if suffix not in (".py", ".pyi", *NOTEBOOKS, *PAGES):
        raise ExplainError(
            f"--explain: lines of Python files, notebooks and documents are explained, {str(path)!r} is none"
        )
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
        raw = read_file(real)
        given = raw, near(real), project, options.style, options.selection
        if suffix in NOTEBOOKS:
            return analyse_notebook(*given)
        if suffix in PAGES:
            return analyse_text_document(*given)
        if suffix == ".py" and (together := together_around(near(real), project, options)) is not None:
            return [analysis_from(together, near(real)), *analyse_docstrings(*given)]
        migration = Migration(Source.decode(raw), near(real), project, options.style, selection=options.selection)
        migration.rewrite()
        return [analysis_of(migration), *analyse_docstrings(*given)]
    except OSError as error:
        raise ExplainError(f"--explain: {path} cannot be read: {error.strerror or error}") from error
    except SourceError as error:
        problem = error.problem
        at = f":{problem.position}" if problem.position else ""
        raise ExplainError(f"{path}{at} {problem.code} {problem.reason}") from error
    except RecursionError as error:
        raise ExplainError(f"{path} is nested too deeply to be analysed") from error


def _about(analyses: Sequence[Analysis], path: Path, wanted: _Wanted, what: str) -> Iterator[str]:
    chosen = [
        (analysis, site)
        for analysis in analyses
        for site in analysis.verdicts
        if any(_fits(place, wanted) for place in _places(analysis, site))
    ]
    if not chosen:
        yield f"{what}: no use of the legacy API stands here."
        own = (
            site.position
            for analysis in analyses
            for use, site in analysis.verdicts.items()
            if use not in analysis.homes
        )
        every = sorted(own, key=_in_order)
        places = ", ".join(map(str, every))
        yield f"The file has sites at {places}." if places else "The file has none: nothing in it means a legacy name."
    for number, (analysis, site) in enumerate(chosen):
        if number:
            yield ""
        yield from _Account(analysis, analysis.homes.get(site, path), site).lines()
        if path.suffix.lower() in PAGES or analysis is not analyses[0]:
            yield "     (code in documents and docstrings is migrated with --docs only)"


def _in_order(position: Position) -> tuple[int, int, int]:
    return position.cell or 0, position.line, position.column


def _fits(place: Position, wanted: _Wanted) -> bool:
    cell, line = wanted
    return place.cell == cell and line in (None, place.line)


def _places(analysis: Analysis, site: NameUse) -> Iterator[Position]:
    """The lines of all statements that have a part in a site, as places in the document."""
    migration = analysis.migration
    nodes: list[ast.AST] = [site.node, *(binding.node for binding in site.imports)]
    found, escape = _object(migration, site)
    if found is not None:
        nodes += [use.attribute for use in found.uses]
    if escape is not None and escape.node in migration.tree.parents:
        nodes.append(escape.node)
    verdict = analysis.verdicts[site]
    if site not in analysis.homes:
        yield verdict.position
        if verdict.culprit is not None:
            yield verdict.culprit
    for line in {line for node in nodes for line in statement_lines(migration.tree, node)}:
        if (place := analysis.position(Position(line, 1))) is not None:
            yield place


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

    def __init__(self, analysis: Analysis, path: Path, site: NameUse) -> None:
        self.analysis = analysis
        self.migration = analysis.migration
        self.path = path
        self.site = site
        self.verdict = analysis.verdicts[site]
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
        yield from (f"     {line}" for line in dropped_lines(verdict))
        yield f"     (ann-migrate --explain {verdict.code} tells of the rule)"

    def _numbered(self, text: str) -> str:
        self.step += 1
        return f"  {self.step}. {text}"

    def _at(self, node: ast.AST) -> Position | str:
        if not isinstance(node, (ast.expr, ast.stmt, ast.alias, ast.arg, ast.keyword, ast.excepthandler, ast.pattern)):
            return "?"
        source = self.migration.source
        offset = source.offset(node.lineno, node.col_offset)
        if isinstance(node, ast.Attribute):  # where its own name stands, as reports have it
            offset = source.span(node).end - len(node.attr.encode("utf-8"))
        at = source.position(offset)
        return self.analysis.position(at) or self.analysis.elsewhere(at) or "a place above"

    def _text(self, node: ast.expr) -> str:
        if other := self.analysis.stands_for(Position(node.lineno, node.col_offset + 1)):
            return other
        return _shortened(self.migration.source.node_text(node))

    def _line_text(self, node: ast.AST) -> str:
        source = self.migration.source
        line = getattr(node, "lineno", 1)
        if other := self.analysis.stands_for(Position(line, 1)):
            return other
        start = source.line_starts[line - 1]
        return _shortened(source.data[start : source.line_end(start)].decode("utf-8"))


def _scope(variable: Variable) -> str:
    node = variable.scope.node
    name = getattr(node, "name", "")
    return f"{variable.scope.kind} {name}".rstrip() if name else f"the {variable.scope.kind}"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
