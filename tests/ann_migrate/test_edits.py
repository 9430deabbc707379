"""Splices, and calls taken apart and put together."""

from __future__ import annotations

import pytest

from ann_migrate.rewriting.calls import (
    New,
    Place,
    lay_out,
    method_to_function,
    parse_call,
    pieces_of,
    rename_function,
    rename_method,
)
from ann_migrate.rules._base import Decline
from ann_migrate.text.edits import Edit, apply_edits, insert
from ann_migrate.text.source import Source, Span


def test_untouched_bytes_stay_and_regions_are_told() -> None:
    source = Source.decode("ä = 1\r\nb = 2\n".encode())
    data, regions = apply_edits(source, [Edit(Span(3, 4), lambda text: f"[{text}]"), insert(8, "x\n")])
    assert data == "ä [=] 1\r\nx\nb = 2\n".encode()
    assert [(region.old, region.new) for region in regions] == [
        (Span(3, 4), Span(3, 6)),
        (Span(8, 8), Span(10, 12)),
    ]


def test_inner_edits_come_first_and_inserts_keep_their_order() -> None:
    source = Source.decode(b"f(g(x))")
    outer = Edit(Span(0, 7), lambda text: f"<{text}>")
    inner = Edit(Span(2, 6), str.upper)
    data, regions = apply_edits(source, [insert(0, "1"), outer, insert(0, "2"), inner])
    assert data == b"12<f(G(X))>"
    assert len(regions) == 3


def test_edits_that_overlap_are_an_error() -> None:
    with pytest.raises(ValueError, match="overlap at 2"):
        apply_edits(Source.decode(b"abcdef"), [Edit(Span(0, 4), str), Edit(Span(2, 6), str)])


@pytest.mark.parametrize(
    ("old", "arguments", "new"),
    [
        ("x.train(a)", [New(0)], "x.fit(a)"),
        ("x.train(a, b)", [New(0), New(1, "val")], "x.fit(a, val=b)"),
        ("x.train(a, b=c)", [New(0), New(1, "val")], "x.fit(a, val=c)"),
        ("x.train(a, b)", [New(0)], "x.fit(a)"),
        ("x.train(a, b, c)", [New(0), New(2, "n")], "x.fit(a, n=c)"),
        ("x.train(a, b, c)", [New(0), New(2, "n"), New(1, "val")], "x.fit(a, n=c, val=b)"),
        ("x.train(a)", [New(0), New(None, "n", "c.n")], "x.fit(a, n=c.n)"),
        ("x.train(a,)", [New(0), New(None, "n", "c.n")], "x.fit(a, n=c.n,)"),
        ("x.train(a, n)", [New(0), New(1, "n", "{} or c.n")], "x.fit(a, n=n or c.n)"),
        ("x.train((a), (b))", [New(0), New(1, "val")], "x.fit((a), val=(b))"),
        ("x . train (a)", [New(0)], "x . fit (a)"),
        (
            "x.train(\n    a,\n    b,\n)",
            [New(0), New(1, "v"), New(None, "n", "3")],
            "x.fit(\n    a,\n    v=b,\n    n=3,\n)",
        ),
        (
            "x.train(\n    a,  # one\n    b  # two\n)",
            [New(0), New(1, "v"), New(None, "n", "3")],
            "x.fit(\n    a,  # one\n    v=b,  # two\n    n=3\n)",
        ),
        ("x.train(\n    a,\n    # two\n    b,\n)", [New(0), New(1, "v")], "x.fit(\n    a,\n    # two\n    v=b,\n)"),
        ("x.train(a,\n        b)", [New(0), New(1, "v"), New(None, "n", "3")], "x.fit(a,\n        v=b,\n        n=3)"),
        ("x.train(\n    a, b\n)", [New(0), New(1, "v"), New(None, "n", "3")], "x.fit(\n    a, v=b,\n    n=3\n)"),
        ("x.train(\r\n\ta,\r\n)", [New(0), New(None, "n", "3")], "x.fit(\r\n\ta,\r\n\tn=3,\r\n)"),
        ("x.train(a, \\\n        b)", [New(0), New(1, "v"), New(None, "n", "3")], "x.fit(a, \\\n        v=b, n=3)"),
        ("(x\n .y\n .train(a))", [New(0)], "(x\n .y\n .fit(a))"),
        ("f(1).train(a)[0].train(b)", [New(0)], "f(1).train(a)[0].fit(b)"),
    ],
)
def test_a_renamed_method_keeps_the_layout(old: str, arguments: list[New], new: str) -> None:
    if old.startswith("("):
        old, new = old[1:-1], new[1:-1]
    assert rename_method(old, "train", "fit", arguments) == new


@pytest.mark.parametrize(
    "old",
    ["x.train(a,  # gone\n  b)", "x.train(\n    a,\n    # gone\n    b)"],
)
def test_a_comment_that_would_go_is_refused(old: str) -> None:
    with pytest.raises(Decline, match=r"ANN407 .*# gone"):
        rename_method(old, "train", "fit", [New(1)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x.evaluate(a)", "f(x, a)"),
        ("x.evaluate(\n    a,  # one\n)", "f(\n    x,\n    a,  # one\n)"),
        ("self.x.evaluate( a )", "f( self.x, a )"),
        ("make(1).evaluate(a)", "f(make(1), a)"),
    ],
)
def test_a_method_becomes_a_function(old: str, new: str) -> None:
    assert method_to_function(old, "f", [New(0)]) == new


def test_a_method_without_arguments_becomes_a_function() -> None:
    assert method_to_function("x.save()", "f", []) == "f(x)"


def test_a_function_keeps_its_arguments() -> None:
    assert rename_function("t.old(a,  # one\n *b, **c)", "new") == "new(a,  # one\n *b, **c)"


def test_comments_go_with_their_argument() -> None:
    call = parse_call("f(  # open\n    a,  # a\n    # above b\n    b  # b\n    # end\n)")
    text = lay_out("g", pieces_of(call), Place("", "  ", "\n"))
    assert text == "g(  # open\n  a,  # a\n  # above b\n  b,  # b\n  # end\n)"


def test_a_call_breaks_where_it_does_not_fit() -> None:
    pieces = pieces_of(parse_call("f(a, b)"))
    assert lay_out("g", pieces, Place("", "    ", "\n", used=90)) == "g(a, b)"
    assert lay_out("g", pieces, Place("\t", "\t", "\r\n", used=94)) == "g(\r\n\t\ta,\r\n\t\tb,\r\n\t)"
