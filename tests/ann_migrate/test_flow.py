"""Where an object goes: what is followed, and what lets it escape."""

from __future__ import annotations

import ast

import pytest

from ann_migrate.flow import Escape, Flow, LoopObject
from ann_migrate.project import Project
from ann_migrate.resolve import Names
from ann_migrate.tree import Tree


def _follow(source: str) -> LoopObject:
    """Follow the object that the one call of ``Loop`` makes."""
    names = Names(Tree(ast.parse(source)))
    call = next(
        node
        for node in ast.walk(names.tree.module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Loop"
    )
    return Flow(names, Project.single(), None).follow(call)


def _uses(source: str) -> list[tuple[str, int]]:
    return sorted((use.attribute.attr, use.attribute.lineno) for use in _follow(source).uses)


CLASS = "class C:\n    def __init__(self):\n        self.x = Loop()\n"


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("Loop()", []),
        ("Loop().train(a)", [("train", 1)]),
        ("x = Loop()\nx.a\nx.b()", [("a", 2), ("b", 3)]),
        ("x: T = Loop()\nx.a", [("a", 2)]),
        ("x = None\nx = Loop()\nif x is not None and not x:\n    x.a", [("a", 4)]),
        ("x = Loop()\nx.a\ndel x", [("a", 2)]),
        ("x = y = Loop()\nx.a\ny.b", [("a", 2), ("b", 3)]),
        ("a, x = 1, Loop()\nx.a", [("a", 2)]),
        ("[a, x] = [1, Loop()]\nx.a", [("a", 2)]),
        ("x = Loop()\nx.a\nx = 1\nx.b", [("a", 2)]),
        ("x = 1\nx.a\nx = Loop()\nif x:\n    x.b", [("b", 5)]),
        ("x = Loop()\nx.a\nx = g(x.b)\nx.c", [("a", 2), ("b", 3)]),
        ("for _ in ():\n    x = Loop()\n    x.a\n    x = None\n    x = 1", [("a", 3)]),
        ("(x := Loop()).a\nx.b", [("a", 1), ("b", 2)]),
        ("x = Loop()\ny = x\nx.a\ny.b", [("a", 3), ("b", 4)]),
        ("def f():\n    x = Loop()\n    def g():\n        x.a\n    return [x.b for _ in ()]", [("a", 4), ("b", 5)]),
        ("x = Loop()\ndef f(x):\n    x.a\nclass D:\n    x = 1\n    def g(self):\n        x.b", [("b", 7)]),
        ("def f():\n    global x\n    x = Loop()\nx.a", [("a", 4)]),
        (CLASS + "    def f(me):\n        me.x.a\n        return lambda: me.x.b", [("a", 5), ("b", 6)]),
        (CLASS + "class D:\n    def f(self):\n        self.x.a", []),
        (CLASS.replace("C:", "C(torch.nn.Module):").replace("class", "import torch\nclass"), []),
        ("class C:\n    x = None\n    def f(self):\n        self.x = Loop()\n        self.x.a", [("a", 5)]),
    ],
)
def test_followed(source: str, uses: list[tuple[str, int]]) -> None:
    assert _uses(source) == uses


@pytest.mark.parametrize(
    ("source", "how", "line"),
    [
        ("f(Loop())", "used", 1),
        ("x = Loop()\nf(x)", "used", 2),
        ("x = Loop()\nf(key=x)", "used", 2),
        ("x = [Loop()]", "used", 1),
        ("x = y[0] = Loop()", "used", 1),
        ("a, x = z = 1, Loop()", "used", 1),
        ("a, *x = 1, Loop()", "used", 1),
        ("a, x = *b, Loop()", "used", 1),
        ("a, b, x = 1, Loop()", "used", 1),
        ("x = Loop() if a else None", "used", 1),
        ("x = a or Loop()", "used", 1),
        ("def f():\n    return Loop()", "used", 2),
        ("x = Loop()\nx == 1", "used", 2),
        ("x = Loop()\nx()", "used", 2),
        ("a.x = Loop()", "used", 1),
        ("x = Loop()\nif a:\n    x = 1", "rebound", 3),
        ("if a:\n    x = 1\nelse:\n    x = Loop()", "rebound", 2),
        ("x = Loop()\nx = 1\ndef f():\n    x.a", "rebound", 2),
        ("x = Loop()\ny = (x for _ in ())\nx = 1", "rebound", 3),
        ("for _ in ():\n    x.a\n    x = Loop()\n    x = 1", "rebound", 4),
        ("try:\n    x = Loop()\n    x = 1\nfinally:\n    x.a", "rebound", 3),
        ("x = Loop()\nx, y = 1, 2", "rebound", 2),
        ("x = Loop()\nx: int = 1", "rebound", 2),
        ("def f():\n    global x\n    x = Loop()\n    x = 1", "rebound", 4),
        ("x = Loop()\nx += 1", "rebound", 2),
        ("x = Loop()\nfor x in ():\n    pass", "rebound", 2),
        ("x = Loop()\nwith a as x:\n    pass", "rebound", 2),
        ("x = Loop()\nimport x", "rebound", 2),
        ("x = Loop()\ndef x():\n    pass", "rebound", 2),
        ("def f(x=1):\n    x = Loop()", "rebound", 1),
        ("x = Loop()\n[(x := 1) for _ in ()]", "rebound", 2),
        ("x = Loop()\nmatch a:\n    case {'k': x}:\n        pass", "rebound", 3),
        ("x = Loop()\nfrom a import *", "rebound", 2),
        ("__all__ = ['x']\nx = Loop()", "imported", 2),
        ("class C:\n    x = Loop()\nC.x.a", "class attribute", 3),
        (CLASS + "    def f(self):\n        self.x = 1", "rebound", 5),
        (CLASS + "C().x", "outside", 4),
        (CLASS + "    @staticmethod\n    def f(self):\n        self.x", "outside", 6),
        (CLASS + "    def f(self):\n        self = 1\n        self.x", "outside", 6),
        (CLASS + "class D(C):\n    pass", "subclass", 4),
        (CLASS.replace("C:", "C(Base):").replace("class", "from m import Base\nclass"), "base", 2),
        (CLASS.replace("C:", "C(make()):"), "base", 1),
        (CLASS + "    def f(self):\n        return getattr(self, 'x')", "by name", 5),
        (CLASS + "    @property\n    def x(self):\n        pass", "class attribute", 5),
        ("@dataclass\nclass C:\n    x: Loop = None\n    def f(self):\n        self.x = Loop()", "class attribute", 3),
    ],
)
def test_escapes(source: str, how: str, line: int) -> None:
    with pytest.raises(Escape) as caught:
        _follow(source)
    assert caught.value.how == how
    assert caught.value.node.lineno == line  # type: ignore[attr-defined]
