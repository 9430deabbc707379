"""One import statement edited: a legacy name taken out, new imports put in beside it, its layout and comments kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from dataclasses import dataclass, replace

from ann_migrate.rules import no_place_for_import
from ann_migrate.text.edits import Edit, insert
from ann_migrate.text.source import Source, Span, comments
from ann_migrate.text.tree import Tree

_HOME = "adaptiveneuralnetwork.training"
_LIBRARY = "adaptiveneuralnetwork"


@dataclass(frozen=True)
class ImportChange:
    """What happens to one import statement.

    Args:
        statement: The statement.
        dropped: The aliases of it that go.
        additions: New imports, as (dotted path, local name).
        gone: The statements of the file that go altogether, so that nothing may be put beside them.
    """

    statement: ast.Import | ast.ImportFrom
    dropped: list[ast.alias]
    additions: list[tuple[str, str]]
    gone: Set[ast.stmt] = frozenset()


def change_statement(source: Source, tree: Tree, change: ImportChange) -> list[Edit]:
    """The edits that make the change.

    New names of the library go into the statement itself, in place of the legacy name; others get lines of their own
    below it.
    """
    statement = change.statement
    here, elsewhere = _split(statement, change)
    remaining = len(statement.names) - len(change.dropped) + len(here)
    lines = _statements(elsewhere)
    edits: list[Edit] = []
    if isinstance(statement, ast.ImportFrom) and (change.dropped or here):
        if remaining:
            edits.append(Edit(source.span(statement), lambda text: _edit_names(source, text, change, here)))
        else:
            first, lines = _take_library_line(lines)
            edits += _replace_whole(source, tree, statement, first)
    return [*edits, *_below(source, tree, change, lines)]


def add_above(source: Source, statement: ast.stmt, additions: list[tuple[str, str]]) -> Edit:
    """The edit that puts new imports above the first statement of a file that has none yet."""
    start = source.span(_first_part(statement)).start
    newline = source.newline_at(start)
    return insert(source.line_start(start), "".join(f"{line}{newline}" for line in [*_statements(additions), ""]))


def check_place_above(source: Source, statement: ast.stmt) -> None:
    """Refuse the first statement of a file where no line can be put above it.

    Raises:
        Decline: something stands before it on its line.
    """
    start = source.span(_first_part(statement)).start
    if source.data[source.line_start(start) : start].strip(b" \t\f"):
        raise no_place_for_import.decline("the file's first statement shares its line with another")


def _first_part(statement: ast.stmt) -> ast.stmt | ast.expr:
    """What a statement begins with: its first decorator, if it has any."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return decorators[0] if decorators else statement


def _split(
    statement: ast.Import | ast.ImportFrom, change: ImportChange
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The new names that this statement itself can import, and those that need lines of their own."""
    named = isinstance(statement, ast.ImportFrom) and not statement.level and statement.names[0].name != "*"
    module = statement.module if named and isinstance(statement, ast.ImportFrom) else None
    here = [item for item in change.additions if module is not None and item[0].rpartition(".")[0] == module]
    return here, [item for item in change.additions if item not in here]


def _statements(additions: list[tuple[str, str]]) -> list[str]:
    """Import statements for new names: from-imports of one module together, modules as ``import torch.nn as nn``."""
    by_module: dict[str, list[str]] = {}
    modules: list[str] = []
    library = [path for path, _ in additions if path.startswith(_LIBRARY)]
    for path, name in additions:
        module, _, last = path.rpartition(".")
        if module == "torch":
            modules.append(f"import {path} as {name}")
            continue
        if path == f"{_HOME}.Trainer" and len(library) == 1:
            module = f"{_HOME}.trainer"
        by_module.setdefault(module, []).append(last if last == name else f"{last} as {name}")
    froms = [
        f"from {module} import {', '.join(sorted(names, key=_isort_key))}"
        for module, names in sorted(by_module.items())
    ]
    return [*froms, *sorted(modules)]


def _take_library_line(lines: list[str]) -> tuple[str | None, list[str]]:
    """The line that best takes the place of a statement that goes: the library's, else the first."""
    if not lines:
        return None, []
    first = next((line for line in lines if line.startswith(f"from {_LIBRARY}")), lines[0])
    return first, [line for line in lines if line != first]


# -- inside the statement ---------------------------------------------------------------------------------------------


def _edit_names(source: Source, text: str, change: ImportChange, here: list[tuple[str, str]]) -> str:
    """The from-import with the dropped names out and the new ones in."""
    statement = change.statement
    dropped = [number for number, alias in enumerate(statement.names) if alias in change.dropped]
    added = [
        path.rpartition(".")[2] if path.endswith(f".{name}") else f"{path.rpartition('.')[2]} as {name}"
        for path, name in here
    ]
    parts = _parse_names(text)
    old = [part.text for part in parts.names]
    plain = not re.search(r"[#\\\r\n]", parts.inside)
    if plain:
        names = [name for number, name in enumerate(old) if number not in dropped]
        if dropped and old != sorted(old, key=_isort_key):
            names[dropped[0] : dropped[0]] = added
        else:
            names += added
        ordered = sorted(names, key=_isort_key) if old == sorted(old, key=_isort_key) else names
        end = parts.names[-1].separator if parts.names[-1].separator.strip() else ""
        return f"{parts.head}{parts.start}{', '.join(ordered)}{end or parts.tail_space}{parts.tail}"
    return _edit_lines(text, parts, dropped, added)


@dataclass(frozen=True)
class _Name:
    """A name of a from-import, and what stands behind it up to the next one."""

    text: str
    separator: str


@dataclass(frozen=True)
class _Parts:
    head: str
    start: str
    names: tuple[_Name, ...]
    tail_space: str
    tail: str

    @property
    def inside(self) -> str:
        return self.start + "".join(name.text + name.separator for name in self.names)


def _parse_names(text: str) -> _Parts:
    """Take a from-import apart by LibCST."""
    import libcst as cst

    match = re.search(r"\r\n|\r|\n", text)
    newline = match.group() if match else "\n"
    module = cst.Module([], default_newline=newline)
    line = cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)
    node = cst.ensure_type(line.body[0], cst.ImportFrom)
    assert not isinstance(node.names, cst.ImportStar)
    names: list[_Name] = []
    for alias in node.names:
        comma = module.code_for_node(alias.comma) if isinstance(alias.comma, cst.Comma) else ""
        bare = module.code_for_node(alias.with_changes(comma=cst.MaybeSentinel.DEFAULT))
        names.append(_Name(bare, comma))
    opening = module.code_for_node(node.lpar) if node.lpar else ""
    closing = module.code_for_node(node.rpar) if node.rpar else ""
    inside = "".join(name.text + name.separator for name in names)
    head = text[: text.rindex(opening + inside + closing)] if inside else text
    space = closing[:-1] if closing else ""
    return _Parts(head, opening, tuple(names), space, ")" if closing else "")


def _edit_lines(text: str, parts: _Parts, dropped: list[int], added: list[str]) -> str:
    """A list of names over several lines, or with comments: the first dropped name's place takes the new names."""
    names: list[_Name] = []
    pending = list(added)
    for number, name in enumerate(parts.names):
        if number not in dropped:
            names.append(name)
        elif pending:
            names.append(replace(name, text=", ".join(pending)))
            pending = []
        elif names and number == len(parts.names) - 1:
            names[-1] = replace(names[-1], separator=_joined(names[-1].separator, name.separator))
    if pending:
        last = names[-1]
        names[-1:] = [replace(last, separator=", "), _Name(", ".join(pending), last.separator)]
    inside = "".join(name.text + name.separator for name in names)
    new = f"{parts.head}{parts.start}{inside}{parts.tail_space}{parts.tail}"
    lost = comments(text) - comments(new)
    return new if not lost else new + "  " + "  ".join(lost)


def _joined(kept: str, end: str) -> str:
    """The end of a list whose last name goes: the comment of the name before it stays on its line."""
    if "#" not in kept:
        return end
    line_end = max(kept.rfind("\n"), kept.rfind("\r")) + 1
    return kept[:line_end] + end[max(end.rfind("\n"), end.rfind("\r")) + 1 :]


def _isort_key(name: str) -> tuple[int, str]:
    """Order of names in an import as isort and ruff have it: constants, classes, others."""
    bare = name.partition(" ")[0]
    kind = 0 if bare.isupper() and len(bare) > 1 else 1 if bare[:1].isupper() else 2
    return kind, bare


# -- around the statement ---------------------------------------------------------------------------------------------


def _replace_whole(source: Source, tree: Tree, statement: ast.stmt, line: str | None) -> list[Edit]:
    """The statement goes: another takes its place, or nothing does."""
    span = source.span(statement)
    if line is not None:
        return [Edit(span, lambda text: _with_comments(line, text))]
    start, end = source.line_start(span.start), source.line_end(span.end)
    if (
        not _is_alone(source, statement)
        or comments(source.text(Span(span.start, end)))
        or len(tree.block(statement)) == 1
    ):
        return [Edit(span, lambda text: _with_comments("pass", text))]
    line_text = source.text(Span(start, end))
    return [Edit(Span(start, end), lambda text: _without(line_text, text))]


def _without(line: str, text: str) -> str:
    """Nothing: the line goes. What another edit put into it must not go with it unseen."""
    if text != line:
        raise ValueError(f"an edit stands in an import that is removed: {text!r}")
    return ""


def _with_comments(line: str, old: str) -> str:
    return line + "".join(f"  {comment}" for comment in comments(old).elements())


def _below(source: Source, tree: Tree, change: ImportChange, lines: list[str]) -> list[Edit]:
    """New import statements beside ``statement``, on lines of their own where its line holds nothing else.

    A line goes to imports of the same library, if some stand next to the statement with nothing but imports between
    (so nothing that runs there can use it); else below the statement.
    """
    if not lines:
        return []
    statement = change.statement
    span = source.span(statement)
    if not _is_alone(source, statement):
        return [insert(span.end, "".join(f"; {line}" for line in lines))]
    edits = []
    for line in lines:
        beside, after = _neighbour(source, tree, change, line)
        place = source.span(beside)
        newline, indent = source.newline_at(place.end), source.indentation(place.start)
        if after:
            rest = source.text(Span(place.end, source.line_end(place.end))).rstrip("\r\n")
            edits.append(insert(place.end + len(rest.encode("utf-8")), f"{newline}{indent}{line}"))
        else:
            edits.append(insert(source.line_start(place.start), f"{indent}{line}{newline}"))
    return edits


def _neighbour(source: Source, tree: Tree, change: ImportChange, line: str) -> tuple[ast.stmt, bool]:
    """The import beside which a new line stands best, and whether behind it."""
    run = [item for item in _run_of_imports(source, tree, change.statement) if item not in change.gone]
    at = next(number for number, item in enumerate(run) if item is change.statement)
    if line.startswith("import torch"):
        modules = [item for item in run if isinstance(item, ast.Import) and _root(item) == "torch"]
        froms = [item for item in run if isinstance(item, ast.ImportFrom) and _root(item) == "torch"]
        if modules:
            return modules[-1], True
        if froms:
            above = source.data[: source.line_start(source.span(froms[0]).start)].splitlines()[-1:]
            return froms[0], bool(above) and above[0].lstrip().startswith(b"#")
    if isinstance(change.statement, ast.ImportFrom) and change.statement.level and not change.dropped:
        # A package's own modules are imported last; nothing stands above the `__future__`.
        return next(item for item in run if _root(item) != "__future__"), False
    # Behind the library's other imports on the lines that follow.
    while at + 1 < len(run) and _root(run[at + 1]) == _LIBRARY and run[at + 1].lineno == (run[at].end_lineno or 0) + 1:
        at += 1
    return run[at], True


def _run_of_imports(source: Source, tree: Tree, statement: ast.stmt) -> list[ast.stmt]:
    """The imports around ``statement`` in its block, with nothing else between, each alone on its lines."""
    block = tree.block(statement)
    at = next(number for number, item in enumerate(block) if item is statement)
    first = last = at
    while (
        first > 0 and isinstance(block[first - 1], (ast.Import, ast.ImportFrom)) and _is_alone(source, block[first - 1])
    ):
        first -= 1
    while (
        last + 1 < len(block)
        and isinstance(block[last + 1], (ast.Import, ast.ImportFrom))
        and _is_alone(source, block[last + 1])
    ):
        last += 1
    return block[first : last + 1]


def _is_alone(source: Source, statement: ast.stmt) -> bool:
    """Whether nothing but a comment shares the statement's lines."""
    span = source.span(statement)
    before = source.text(Span(source.line_start(span.start), span.start))
    rest = source.text(Span(span.end, source.line_end(span.end))).strip()
    return not before.strip() and (not rest or rest.startswith("#"))


def _root(statement: ast.stmt) -> str:
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else (statement.module or "").partition(".")[0]
    return statement.names[0].name.partition(".")[0] if isinstance(statement, ast.Import) else ""
