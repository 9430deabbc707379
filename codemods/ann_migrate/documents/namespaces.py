"""Which names the code blocks of a page bind, read and import, and which blocks pass objects to each other."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ann_migrate.documents.blocks import Block
from ann_migrate.legacy_api import LEGACY_PATHS, QUICK_TRAIN, TRAINING_LOOP

Import = ast.Import | ast.ImportFrom
_BLOCKS = ("body", "orelse")


@dataclass(eq=False, slots=True)
class Unit:
    """A block that can be read, and what is known of it."""

    number: int
    block: Block
    text: str
    body: list[ast.stmt]
    imports: list[Import]
    bound: set[str]
    read: set[str]


def unit_of(number: int, block: Block, text: str, body: list[ast.stmt]) -> Unit:
    """What a block binds and reads. ``read`` are the names that come from elsewhere."""
    bound, read = _names_of(body, frozenset())
    return Unit(number, block, text, body, legacy_imports(body), bound, read)


def _names_of(body: Sequence[ast.stmt], before: Collection[str]) -> tuple[set[str], set[str]]:
    """The names that statements bind, and those that they read before they bound them; ``before`` are bound already.

    The blocks of a compound statement are read in order too, each on its own: what one binds, its own next statement
    has.
    """
    bound: set[str] = set()
    read: set[str] = set()
    for statement in body:
        blocks = [block for name in _BLOCKS if (block := getattr(statement, name, None))]
        known = {*before, *bound}
        if isinstance(statement, (ast.For, ast.While, ast.If, ast.With)) and blocks:
            header = [part for part in ast.iter_child_nodes(statement) if not isinstance(part, ast.stmt)]
            read |= {name for part in header for name in _loaded(part)} - known
            known |= {name for part in header for name in _stored(part)}
            for block in blocks:
                read |= _names_of(block, known)[1]
        else:
            read |= _loaded(statement) - known
        bound |= bound_names(statement)
    return bound, read


def _loaded(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _stored(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def linked(units: Sequence[Unit]) -> list[list[Unit]]:
    """Blocks in groups: a block belongs to the one above that last bound an object of the legacy API that it reads."""
    group = {unit.number: [unit] for unit in units}
    owner: dict[str, tuple[int, bool]] = {}
    legacy = {TRAINING_LOOP, QUICK_TRAIN}
    for unit in units:
        legacy |= {name for node in unit.imports for name in imported_names(node)}
        for name in sorted(unit.read):
            number, tainted = owner.get(name, (unit.number, False))
            if tainted and group[number] is not group[unit.number]:
                group[number] += group[unit.number]
                for other in group[unit.number]:
                    group[other.number] = group[number]
        tainted_names = _tainted(
            unit, legacy | {name for name, (_, tainted) in owner.items() if tainted and name in unit.read}
        )
        for name in unit.bound - legacy:
            owner[name] = (unit.number, name in tainted_names)
    found = {id(members): sorted(members, key=lambda unit: unit.number) for members in group.values()}
    return list(found.values())


def legacy_imports(statements: Iterable[ast.stmt]) -> list[Import]:
    """The imports among some statements that reach the legacy API, with nothing but the names that do."""
    found: list[Import] = []
    for node in statements:
        if isinstance(node, ast.Import):
            names = [alias for alias in node.names if _reaches(alias.name)]
            found += [ast.Import(names)] if names else []
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [alias for alias in node.names if _reaches(f"{node.module}.{alias.name}")]
            found += [ast.ImportFrom(node.module, names, 0)] if names else []
    return found


def bound_names(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, its inner scopes included."""
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, Import):
            names |= imported_names(node)
    return names


def imported_names(node: Import) -> set[str]:
    """The names that an import binds."""
    return {alias.asname or alias.name.partition(".")[0] for alias in node.names}


def only(node: Import, name: str) -> Import:
    """An import with nothing but what binds one name."""
    names = [alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) == name]
    return ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)


def import_key(node: Import, alias: ast.alias) -> tuple[str | None, str, str | None]:
    """What tells one imported name from another: module, name, alias."""
    return (node.module if isinstance(node, ast.ImportFrom) else None), alias.name, alias.asname


def parsed(text: str) -> list[ast.stmt] | None:
    """The statements of a text; None where it is no Python."""
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _tainted(unit: Unit, names: set[str]) -> set[str]:
    """The names that a block binds in statements which mention the given ones, to a fixpoint."""
    names = set(names)
    size = -1
    while size != len(names):
        size = len(names)
        for statement in unit.body:
            if not isinstance(statement, Import) and _mentioned(statement) & names:
                names |= bound_names(statement)
    return names


def _mentioned(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _reaches(path: str) -> bool:
    return path in LEGACY_PATHS or any(legacy.startswith(f"{path}.") for legacy in LEGACY_PATHS)
