"""Scopes and paths, held against Python's own symbol tables."""

from __future__ import annotations

import ast
import re
import symtable
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from ann_migrate.names.resolve import Names, Scope
from ann_migrate.text.tree import Tree


def _names(source: str) -> Names:
    return Names(Tree(ast.parse(source)))


def _last_path(source: str) -> str | None:
    """The path of the expression that the source ends with."""
    names = _names(source)
    statement = names.tree.module.body[-1]
    while not isinstance(statement, ast.Expr):
        statement = statement.body[-1]  # type: ignore[attr-defined]
    return names.path(statement.value)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("import a.b.c\na.b.c.D", "a.b.c.D"),
        ("import a.b.c as x\nx.D", "a.b.c.D"),
        ("from a.b import c\nc.D", "a.b.c.D"),
        ("from a.b import c as x\nx", "a.b.c"),
        ("from . import c\nc", "..c"),
        ("import a\ndef f():\n    a.b", "a.b"),
        ("import a\ndef f(a):\n    a.b", None),
        ("import a\ndef f():\n    global a\n    a.b", "a.b"),
        ("import a\nclass C:\n    import b as a\n    def f(self):\n        a.x", "a.x"),
        ("import a\nclass C:\n    import b as a\n    a.x", None),
        ("class C:\n    import b as a\n    a.x", "b.x"),
        ("import a\nfor a in ():\n    pass\na.x", None),
        ("import a\nwith open('') as a:\n    pass\na.x", None),
        ("import a\ntry:\n    pass\nexcept E as a:\n    pass\na.x", None),
        ("import a\n(a := 1)\na.x", None),
        ("import a\nmatch v:\n    case [a, *_]:\n        pass\na.x", None),
        ("import a\nmatch v:\n    case {'k': 1, **a}:\n        pass\na.x", None),
        ("import a\n[a for a in ()]\na.x", "a.x"),
        ("import a\n[(a := 1) for b in ()]\na.x", None),
        ("import a\ndef f():\n    global a\n    a = 1\na.x", None),
        ("def f():\n    import a\n    def g():\n        nonlocal a\n        a = 1\n    a.x", None),
        ("try:\n    import a\nexcept E:\n    import b as a\na.x", None),
        ("try:\n    from a import x\nexcept E:\n    from a import x\nx", "a.x"),
        ("import adaptiveneuralnetwork.api as p\np.AdaptiveModel", "adaptiveneuralnetwork.api.model.AdaptiveModel"),
    ],
)
def test_path(source: str, path: str | None) -> None:
    assert _last_path(source) == path


def test_default_values_and_decorators_are_read_outside_of_the_function() -> None:
    names = _names("import a\n@a\ndef f(a=a, *, b: a = a) -> a:\n    a")
    variable = names.module.variables["a"]
    assert [(read.lineno, read.col_offset) for read in variable.reads] == [(2, 1), (3, 8), (3, 21), (3, 17), (3, 27)]


def test_the_first_iterable_of_a_comprehension_is_read_outside() -> None:
    names = _names("class C:\n    xs = ()\n    ys = [x for x in xs for y in xs]")
    inside = names.scopes[names.tree.module.body[0]].variables["xs"].reads
    assert [read.col_offset for read in inside] == [21]  # the second xs does not see the class


def _files() -> list[Path]:
    folder = Path(sysconfig.get_path("stdlib"))
    return sorted(
        path for name in ("*.py", "asyncio/*.py", "unittest/*.py", "json/*.py") for path in folder.glob(name)
    )[::3]


def test_scopes_agree_with_the_interpreter() -> None:
    """Every scope of a part of the standard library has the local, global and free names that Python gives it."""
    compared = 0
    for path in _files():
        source = path.read_bytes()
        names = Names(Tree(ast.parse(source)))
        table = symtable.symtable(source.decode("utf-8"), str(path), "exec")
        for scope, twin in _pairs(names.module, table):
            compared += 1
            _compare(names, scope, twin, path)
    assert compared > 1000


def _pairs(scope: Scope, table: symtable.SymbolTable) -> Iterator[tuple[Scope, symtable.SymbolTable]]:
    yield scope, table
    key = {"lambda": "lambda", "comprehension": None}
    ours = sorted(scope.children, key=lambda child: (child.node.lineno, child.node.col_offset))  # type: ignore[attr-defined]
    theirs = list(table.get_children())
    assert len(ours) == len(theirs)
    # Several scopes of one line are told apart by name and by the names that they mention.
    for child in ours:
        name = getattr(child.node, "name", key.get(child.kind) or _COMPREHENSION.get(type(child.node)))
        candidates = [
            item
            for item in theirs
            if item.get_name() == name
            and item.get_lineno() in _lines(child.node)
            and _mentioned(item) == {mentioned for mentioned in child.mentioned if not _is_odd(mentioned)}
        ]
        assert candidates, (name, child.node.lineno)  # type: ignore[attr-defined]
        theirs.remove(candidates[0])
        yield from _pairs(child, candidates[0])


_COMPREHENSION = {
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}


def _lines(node: ast.AST) -> set[int]:
    """Where a definition starts: some versions count its decorators, some do not."""
    return {int(item.lineno) for item in [node, *getattr(node, "decorator_list", [])]}  # type: ignore[attr-defined]


def _mentioned(table: symtable.SymbolTable) -> set[str]:
    return {symbol.get_name() for symbol in table.get_symbols() if not _is_passed_through(symbol)}


def _is_odd(name: str) -> bool:
    """Names that symbol tables hold in another form: private ones (mangled), and the ``__class__`` of ``super()``."""
    return name == "__class__" or (
        re.match(r"(_[A-Za-z0-9_]*[A-Za-z0-9])?__[A-Za-z0-9]", name) is not None and not name.endswith("__")
    )


def _is_passed_through(symbol: symtable.Symbol) -> bool:
    """Names that only a nested scope uses, and the hidden ``.0`` of comprehensions."""
    used = symbol.is_referenced() or symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter()
    return (
        _is_odd(symbol.get_name())
        or symbol.get_name().startswith(".")
        or not (used or symbol.is_declared_global() or symbol.is_nonlocal())
    )


def _compare(names: Names, scope: Scope, table: symtable.SymbolTable, path: Path) -> None:
    if table.get_name() == "top" and table.get_type() != "module":
        return  # symtable takes any scope of this name for a module
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if _is_passed_through(symbol) or name not in scope.mentioned:
            continue
        variable = names.lookup(name, scope)
        home = variable.scope if variable is not None else names.module
        if symbol.is_global():
            expected = home is names.module
        elif symbol.is_local():
            expected = home is scope
        else:
            expected = symbol.is_free() and home is not scope and home is not names.module
        assert expected, f"{path}: {name} of {table.get_name()} in line {table.get_lineno()}"
