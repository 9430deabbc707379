"""What of a cell is Python, and what is masked."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ann_migrate.documents.magics import read_cell


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1",
        "x = (1\n% 2)\n",
        's = """\n%time\n!ls\n"""',
        "# !ls\n",
        "x = 5 % 3",
        "y != x",
        "await f()",
        "x \\\n% 2",
    ],
)
def test_python_stays_as_it_is(text: str) -> None:
    cell = read_cell(text)
    assert cell.code == text
    assert cell.masked == ()
    assert cell.names == ()


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("%matplotlib inline\nx", "0                 \nx", ("inline",)),
        ("%config InlineBackend.figure_format = 'svg'", "0" + " " * 42, ("InlineBackend", "figure_format", "svg")),
        ("!pip install model", "0" + " " * 17, ()),
        ("!echo {a} $b", "0" + " " * 11, ("a", "b")),
        ("!!ls", "0   ", ()),
        ("x = !ls {a}", "x = 0      ", ("a",)),
        ("x = %who_ls int", "x = 0          ", ("int",)),
        ("loop?", "0    ", ("loop",)),
        ("?loop.train", "0          ", ("loop", "train")),
        ("loop.train??\n", "0           \n", ("loop", "train")),
        ("%time f(x)", "0;    f(x)", ()),
        ("if a:\n    %time f(x)\n", "if a:\n    0;    f(x)\n", ()),
        ("y = %time f(x)", "y =       f(x)", ()),
        ("%%time\nf(x)", "      \nf(x)", ()),
        ("%%capture out\nf(x)", "             \nf(x)", ("out",)),
        ("!ls \\\n  {a}\nx", "0    \n     \nx", ("a",)),
        ("%time -n f(x)\nx", "0            \nx", ("n", "f", "x")),
        ("!ls ünï\nx", "0      \nx", ()),
        ("%time f(\n  x)\n", "0;    f(\n  x)\n", ()),
    ],
)
def test_magics_are_masked(text: str, code: str, names: tuple[str, ...]) -> None:
    cell = read_cell(text)
    assert (cell.code, cell.names) == (code, names)
    assert len(code) == len(text)


@pytest.mark.parametrize(
    "text", ["pip install x", "%%timeit\nf(x)", "%%unknown\nf(x)", "f(", "'", "x = 1 \\", "\ud800"]
)
def test_what_cannot_be_read_has_its_names(text: str) -> None:
    cell = read_cell(text)
    assert cell.code is None
    assert not cell.is_other
    assert ("f" in cell.names) == ("f(" in text)


def test_names_that_may_be_bound_again() -> None:
    cell = read_cell("pip install x\nloop = f(a=1)\nconfig: C = 2\nif b == 3: pass\n")
    assert cell.assigned == ("loop", "config")


@pytest.mark.parametrize("magic", ["bash", "writefile a.py", "html", "python3", "!"])
def test_other_languages(magic: str) -> None:
    assert read_cell(f"%%{magic}\nloop.train(").is_other


@given(st.text(alphabet="%!?x= \n\r\\\"'#([])\x0cé{$", max_size=25))
def test_positions_stay(text: str) -> None:
    """The code is as long as the cell, parses, and differs in the masked ranges only."""
    cell = read_cell(text)
    if cell.code is None:
        return
    ast.parse(cell.code)
    assert len(cell.code) == len(text)
    masked = {at for start, end in cell.masked for at in range(start, end)}
    assert all(old == new or at in masked for at, (old, new) in enumerate(zip(text, cell.code, strict=True)))
