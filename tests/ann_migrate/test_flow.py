"""Where an object goes: what is followed, and what lets it escape."""

from __future__ import annotations

import ast

import pytest

from ann_migrate.flow.flow import Escape, Flow, LoopObject
from ann_migrate.names.resolve import Names
from ann_migrate.project.project import Project
from ann_migrate.text.tree import Tree


def _follow(source: str) -> LoopObject:
    """Follow the object that the one call of ``Loop`` makes."""
    names = Names(Tree(ast.parse(source)))
    call = next(
        node
        for node in ast.walk(names.tree.module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Loop"
    )
    return Flow(names, Project.single()).follow(call)


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
        ("x = Loop() if a else None\nx.a", [("a", 2)]),
        ("x = Loop()\nfor x in ():\n    pass\nx.a", [("a", 4)]),
        ("y = None\nx = y or Loop()\nx.a", [("a", 3)]),
        (CLASS + "C().x.a", [("a", 4)]),
        (CLASS + "c = C()\nc.x.a", [("a", 5)]),
        (CLASS + "class D(C):\n    def g(self):\n        self.x.a\nD().x.b", [("a", 6), ("b", 7)]),
        # containers
        ("x = [Loop()]\nx[0].a\nx[-1].b", [("a", 2), ("b", 3)]),
        ("a, x = z = 1, Loop()\nx.a\nz[1].b\nz[0].c", [("a", 2), ("b", 3)]),
        ("x = {'k': Loop(), 'n': 1}\nx['k'].a\nx['n'].b\nlen(x)\n'k' in x", [("a", 2)]),
        ("x = {'k': Loop()}\nfor n, y in x.items():\n    y.a\n    n.b", [("a", 3)]),
        ("x = {'k': Loop()}\nfor n in x:\n    n.b\n    x[n].a", [("a", 4)]),
        ("x = {}\nx['k'] = Loop()\n[y.a for y in x.values()]", [("a", 3)]),
        ("x = dict(k=Loop(), n=1)\nx['k'].a\nx.get('k').b", [("a", 2), ("b", 3)]),
        ("x = [Loop() for _ in c]\nfor n, y in enumerate(x):\n    y.a", [("a", 3)]),
        ("x = {n: Loop() for n in c}\nfor n, y in zip(c, x.values()):\n    y.a", [("a", 3)]),
        ("x = []\nfor _ in c:\n    x.append(Loop())\nlist(reversed(x))[1:][0].a", [("a", 4)]),
        ("x = [Loop()]\ny = x\nfor z in y:\n    z.a", [("a", 4)]),
        ("x = [None] * 3\nx[1] = Loop()\nx[1].a", [("a", 3)]),
        ("x = {'k': {'l': Loop()}}\nx['k']['l'].a", [("a", 2)]),
        ("x = [(1, Loop())]\nfor n, y in x:\n    y.a", [("a", 3)]),
        ("class C:\n    def __init__(s):\n        s.x = {'k': Loop()}\n    def f(s):\n        s.x['k'].a", [("a", 5)]),
        # functions
        ("def f(x, n):\n    x.a\nf(Loop(), 1)\nf(n=1, x=None)", [("a", 2)]),
        ("def f():\n    return Loop()\nf().a\nx = f()\nx.b", [("a", 3), ("b", 5)]),
        ("def f(n):\n    if n:\n        return None\n    x = Loop()\n    return x\nf(1).a", [("a", 6)]),
        ("def f(x):\n    x.a\n    return x\nf(f(Loop())).b", [("a", 2), ("b", 4)]),
        ("def f(x, n):\n    x.a\n    if n:\n        f(x, n - 1)\nf(Loop(), 1)", [("a", 2)]),
        ("f = lambda: Loop()\nf().a", [("a", 2)]),
        ("def f(x=Loop()):\n    x.a\nf()", [("a", 2)]),
        ("def f():\n    return Loop(), 1\nx, n = f()\nx.a\nn.b", [("a", 4)]),
        ("def f(x):\n    for y in x:\n        y.a\nf([Loop()])", [("a", 3)]),
        ("async def f():\n    return Loop()\nasync def g():\n    (await f()).a", [("a", 4)]),
        ("def g():\n    def f():\n        return Loop()\n    f().a", [("a", 4)]),
        ("class C:\n    def f(self):\n        return Loop()\n    def g(self):\n        self.f().a", [("a", 5)]),
        ("class C:\n    def f(self, x):\n        x.a\n    def g(self):\n        self.f(Loop())", [("a", 3)]),
        ("class C:\n    @property\n    def x(self):\n        return Loop()\nC().x.a", [("a", 5)]),
        ("class C:\n    @staticmethod\n    def f():\n        return Loop()\nC.f().a", [("a", 5)]),
        ("class C:\n    @classmethod\n    def f(cls, n):\n        return Loop()\nC.f(1).a", [("a", 5)]),
        (
            "class C:\n    def __init__(self, x):\n        self.x = x\n    def f(self):\n        self.x.a\nC(Loop())",
            [("a", 5)],
        ),
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
        ("x = {Loop()}", "used", 1),
        ("x = [Loop()]\nf(x)", "used", 2),
        ("x = [Loop()]\nx.sort()", "used", 2),
        ("x = [Loop(), 1]\nfor y in x:\n    y.a", "rebound", 1),
        ("x = {'k': Loop(), 'n': 1}\nx[n].a", "rebound", 1),
        ("x = {'k': Loop(), **y}\nx['k'].a", "rebound", 1),
        ("x = {'k': Loop()}\nx['k'] = 1", "rebound", 2),
        ("x = {'k': Loop()}\nx[n] = 1\nx['k'].a", "rebound", 2),
        ("x = {'k': Loop()}\nx.update(y)\nx['k'].a", "rebound", 2),
        ("x = [Loop()]\nx.append(1)\nx[0].a", "rebound", 2),
        ("x = [Loop()]\nx += y\nx[0].a", "rebound", 2),
        ("x = [Loop()]\nx[:] = y", "used", 2),
        ("x = [Loop(), 1]\ndel x[0]\nx[0].a", "rebound", 1),
        ("x = [1, Loop()]\nx.insert(0, y)\nx[1].a", "rebound", 2),
        ("x = [Loop()]\ny = x\ny[0] = 1\nx[0].a", "rebound", 3),
        ("x = y = {}\nx['k'] = Loop()\ny[n] = 1", "rebound", 3),
        ("x = (Loop() for _ in c)", "used", 1),
        ("x = [Loop()]\nf(*x)", "used", 2),
        ("f = 1\nlist = f\nx = list([Loop()])", "used", 3),
        ("x = f()\nx['k'] = Loop()", "used", 2),
        ("def f(x):\n    x.a\nf(Loop())\nf(1)", "rebound", 4),
        ("def f(x=1):\n    x.a\nf(Loop())\nf()", "rebound", 1),
        ("def f(x):\n    x.a\nf(Loop())\nf(*y)", "rebound", 1),
        ("def f(x):\n    x.a\nf(Loop())\nf(**y)", "rebound", 1),
        ("def f(*x):\n    x.a\nf(Loop())", "used", 3),
        ("def f(**x):\n    x.a\nf(y=Loop())", "used", 3),
        ("def f(x):\n    x.a\nf(Loop())\ng = f", "used", 3),
        ("def f(x):\n    x.a\nf(Loop())\ng(target=f)", "used", 3),
        ("@g\ndef f(x):\n    x.a\nf(Loop())", "used", 4),
        ("def f(x):\n    x.a\nf(Loop())\ndef f(x):\n    x.b", "used", 3),
        ("def f(x):\n    x.a\nf(Loop())\ndef g():\n    global f\n    f = 1", "used", 3),
        ("def f(x):\n    x = 1\n    x.a\nf(Loop())", "rebound", 2),
        ("def f(x):\n    x.a\nf(Loop())\neval('f(1)')", "used", 3),
        ("def f(x):\n    return x\nf(Loop())\ng(f(1))", "rebound", 4),
        ("def f():\n    return Loop()", "used", 2),
        ("def f(n):\n    if n:\n        return 1\n    return Loop()\nf().a", "rebound", 3),
        ("def f():\n    yield 1\n    return Loop()\nf().a", "used", 3),
        ("async def f():\n    return Loop()\ng(f())", "used", 3),
        ("def f():\n    return Loop()\n__all__ = ['f']\nf().a", "used", 2),
        ("from a import f\nx = Loop()\nf(x)", "used", 3),
        ("class C:\n    def f(self):\n        return Loop()\n    def g(self):\n        self.f().a\nz.f()", "used", 3),
        (
            "class C:\n    def f(self):\n        return Loop()\n    def g(self):\n        self.f().a\n"
            "class D(C):\n    def f(self):\n        return 1",
            "used",
            3,
        ),
        (
            "from m import B\nclass C(B):\n    def f(self):\n        return Loop()\n"
            "    def g(self):\n        self.f().a",
            "used",
            4,
        ),
        ("class C:\n    def __init__(self, x):\n        x.a\nC(Loop())\ng(C)", "used", 4),
        ("class C:\n    def __init__(self, x):\n        x.a\nC(Loop())\nclass D(C):\n    pass", "used", 4),
        (
            "class C:\n    def __init__(self, x):\n        x.a\n    @classmethod\n    def f(cls):\n"
            "        return cls(1)\nC(Loop())",
            "used",
            7,
        ),
        (
            "class C:\n    def __init__(self, x):\n        x.a\n    def f(self):\n        return type(self)(1)\n"
            "C(Loop())",
            "used",
            6,
        ),
        (CLASS + "class D:\n    def __getattr__(self, n):\n        return 1\nd = D()\nd.x.a", "outside", 8),
        ("@g\nclass C:\n    def __init__(self, x):\n        x.a\nC(Loop())", "used", 5),
        ("class C:\n    def __call__(self, x):\n        x.a\nc = C()\nc(Loop())", "used", 5),
        (
            "class C:\n    @property\n    def x(self):\n        return Loop()\n    @x.setter\n    def x(self, v):\n"
            "        pass\nC().x.a",
            "used",
            4,
        ),
        ("x = y[0] = Loop()", "used", 1),
        ("a, *x = 1, Loop()", "used", 1),
        ("a, x = *b, Loop()", "used", 1),
        ("x = Loop() if a else b", "rebound", 1),
        ("x = a or Loop()", "rebound", 1),
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
        ("x = Loop()\nfor x in y:\n    pass", "rebound", 2),
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
        (CLASS + "c.x", "outside", 4),
        (CLASS + "c = C() if a else b\nc.x", "outside", 5),
        (CLASS + "c = C()\nc = b\nc.x", "outside", 6),
        (CLASS + "class D(C):\n    def f(self):\n        self.x = 1", "rebound", 6),
        (CLASS + "    @staticmethod\n    def f(self):\n        self.x", "outside", 6),
        (CLASS + "    def f(self):\n        self = 1\n        self.x", "outside", 6),
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
