"""Fenced code blocks in Markdown (case 47)."""

from __future__ import annotations

import codecs
from collections import Counter

import pytest
from documents import CHAIN, migrate, new_lines, notes, outcomes
from hypothesis import given, settings
from hypothesis import strategies as st
from notebooks import IMPORT, LOOP

from ann_migrate.documents.markdown import blocks, is_python


def fenced(*lines: str, info: str = "python") -> str:
    return f"```{info}\n" + "".join(f"{line}\n" for line in lines) + "```\n"


IMPORT_LINE = IMPORT.rstrip()


def texts(document: str) -> list[str]:
    return [block.text(document) for block in blocks(document)]


# -- which blocks are Python ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "info", ["python", "py", "Python3", "python title=a.py", "{.python #id}", "{code-block} python"]
)
def test_info_strings_of_python(info: str) -> None:
    assert is_python(info)


@pytest.mark.parametrize("info", ["", "bash", "text", "pyx", "diff", "json python", "{code-block}"])
def test_other_info_strings(info: str) -> None:
    assert not is_python(info)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("```python\nx\n```\n", ["x\n"]),
        ("~~~ py\nx\n```\ny\n~~~\n", ["x\n```\ny\n"]),
        ("````md\n```python\nx\n```\n````\n", []),
        ("```python\nx\n", ["x\n"]),
        ("```python\nx\n`````\n```python\ny\n```", ["x\n", "y\n"]),
        ("- a\n\n  ```python\n  if x:\n      y\n\n  z\n  ```\n", ["if x:\n    y\n\nz\n"]),
        ("1. ```python\n   x\n   ```\n", ["x\n"]),
        ("> ```python\n> if x:\n>     y\n>\n> z\n> ```\n", ["if x:\n    y\n\nz\n"]),
        ("> ```python\n> x\n\ny\n", ["x\n"]),
        ("```pycon\n>>> x\n1\n>>> if y:\n...     z\n```\n", ["x\nif y:\n    z\n"]),
        ("```python\r\nx\r\n```\r\n", ["x\r\n"]),
        ("```python\n```\n", []),
        ("``` python `x` ```\n", []),
        ("no code\n", []),
    ],
)
def test_blocks(document: str, expected: list[str]) -> None:
    assert texts(document) == expected


# -- left alone -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        "`TrainingLoop` is prose.\n",
        fenced(IMPORT_LINE, CHAIN, info="text"),
        fenced(IMPORT_LINE, CHAIN, info=""),
        "    " + IMPORT,
        fenced("class TrainingLoop: pass", CHAIN),
        fenced("from trax import TrainingLoop", CHAIN),
    ],
)
def test_nothing_to_migrate(document: str) -> None:
    result = migrate(document, "a.md")
    assert (result.sites, result.notes, result.changed) == ((), (), False)


def test_a_name_that_no_block_imports_is_noted() -> None:
    result = migrate(fenced(CHAIN) + fenced("x = 1", IMPORT_LINE, "print(1)"), "a.md")
    assert not result.changed
    assert notes(result) == [("2:1", "names TrainingLoop, but no block above imports it")]
    result = migrate("Text\n" + fenced("x = 1", CHAIN), "a.md")
    assert result.sites == ()
    assert notes(result) == [("4:1", "names TrainingLoop, but no block above imports it")]


def test_a_block_that_is_no_python_is_noted_and_keeps_its_name_imported() -> None:
    result = migrate(fenced(IMPORT_LINE, CHAIN) + fenced("x = 1", "loop = TrainingLoop(..."), "a.md")
    assert outcomes(result) == [("3:1", "rewritten")]
    assert notes(result) == [("7:8", "names TrainingLoop, but the block is no Python on its own")]
    assert "import Trainer, TrainingLoop\n" in result.after.decode()


def test_an_object_used_in_a_block_that_is_no_python_is_declined() -> None:
    result = migrate(fenced(IMPORT_LINE, LOOP) + fenced("loop.train(..."), "a.md")
    (site,) = result.sites
    assert (site.code, site.outcome.value) == ("ANN312", "declined")
    assert str(site.culprit) == "6:1"


def test_a_block_that_is_no_python_uses_what_was_bound_last_above_it() -> None:
    page = (fenced(IMPORT_LINE, LOOP, "loop.train(loader)") + "Text\n") * 2 + fenced("x = 1 +", "y(loop, ...")
    result = migrate(page, "a.md")
    assert outcomes(result) == [("3:8", "rewritten"), ("9:8", "declined")]
    assert str(result.sites[1].culprit) == "15:3"


@pytest.mark.parametrize("header", ["if True:", "for _ in range(2):", "with no_grad():", "while more():"])
def test_examples_that_bind_the_same_name_within_a_block_are_apart(header: str) -> None:
    example = fenced(IMPORT_LINE, header, f"    {LOOP}", "    loop.train(loader)")
    result = migrate(example + "Text\n" + example, "a.md")
    assert outcomes(result) == [("4:12", "rewritten"), ("11:12", "rewritten")]


def test_a_name_that_a_block_reads_first_comes_from_above() -> None:
    page = fenced(IMPORT_LINE, LOOP) + fenced("for _ in range(2):", "    loop.train(loader)", f"    {LOOP}")
    result = migrate(page, "a.md")
    assert outcomes(result) == [("3:8", "declined"), ("8:12", "declined")]


def test_a_file_that_is_not_utf8_is_a_problem() -> None:
    result = migrate(b"TrainingLoop \xff", "a.md")
    assert result.problem is not None
    assert result.problem.code == "ANN923"


# -- rewritten --------------------------------------------------------------------------------------------------------


def test_a_tutorial_is_one_program() -> None:
    """The import, the construction and the training in blocks of their own: new imports stand with the old one."""
    page = (
        "# T\n"
        + fenced(IMPORT_LINE)
        + "Make it:\n"
        + fenced(LOOP)
        + "Train it:\n"
        + fenced("loop.train(loader, None, 5)")
    )
    result = migrate(page, "a.md")
    assert outcomes(result) == [("7:8", "rewritten")]
    after = result.after.decode()
    assert after.startswith(
        "# T\n```python\nfrom adaptiveneuralnetwork.training import Trainer\nfrom ann_compat import"
    )
    assert "\nMake it:\n```python\noptimizer = optim.Adam(" in after
    assert after.endswith("Train it:\n```python\nloop.fit(loader, num_epochs=5)\n```\n")


def test_a_page_of_examples_is_read_block_by_block() -> None:
    """The same name in two examples is two objects; the block without the import gets one of its own."""
    page = fenced(IMPORT_LINE, LOOP, "loop.train(a)") + "or\n" + fenced("# again", LOOP, "loop.train(b)")
    result = migrate(page, "a.md")
    assert outcomes(result) == [("3:8", "rewritten"), ("9:8", "rewritten")]
    first, second = result.after.decode().split("or\n")
    for half in (first, second):
        assert "from adaptiveneuralnetwork.training import Trainer\n" in half
        assert "import torch.optim as optim\n" in half
    assert second.startswith("```python\n# again\nfrom adaptiveneuralnetwork.training import Trainer\n")


def test_blocks_that_pass_the_object_on_stay_together() -> None:
    page = (
        fenced(IMPORT_LINE, LOOP) + fenced("h = loop.train(a)") + fenced("print(h[-1]['val_accuracy'])") + fenced(LOOP)
    )
    result = migrate(page, "a.md")
    assert [outcome for _, outcome in outcomes(result)] == ["rewritten", "rewritten"]
    assert "h = legacy_history(loop.fit(a, num_epochs=config.num_epochs))\n" in new_lines_text(result)


def new_lines_text(result: object) -> str:
    return "\n".join(new_lines(result)) + "\n"  # type: ignore[arg-type]


def test_a_declined_block_keeps_the_import_that_it_takes_from_above() -> None:
    page = fenced(IMPORT_LINE, LOOP, "loop.train(a)") + fenced(LOOP, "use(loop)")
    result = migrate(page, "a.md")
    assert outcomes(result) == [("3:8", "rewritten"), ("7:8", "declined")]
    assert "import Trainer, TrainingLoop\n" in result.after.decode()
    assert result.after.decode().endswith(fenced(LOOP, "use(loop)"))


def test_an_alias_from_above() -> None:
    page = fenced("from adaptiveneuralnetwork.training import TrainingLoop as TL", "TL(a, b).train(c)")
    page += fenced("x = TL(a, b)") + fenced("x = TL(c, d)")
    result = migrate(page, "a.md")
    assert {outcome for _, outcome in outcomes(result)} == {"rewritten"}
    assert "TL" not in result.after.decode()


@pytest.mark.parametrize("prefix", ["", "  ", "\t", "> ", "   > "])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("final", [True, False])
def test_prefix_and_line_ends_are_kept(prefix: str, newline: str, final: bool) -> None:
    lines = ["```python", IMPORT_LINE, "if ready:", "    " + LOOP, "    loop.train(x)", "```"]
    page = newline.join(["é TrainingLoop", "", *(prefix + line for line in lines)]) + newline * final
    result = migrate(page, "a.md")
    assert outcomes(result) == [(f"6:{len(prefix) + 12}", "rewritten")]
    after = result.after.decode()
    assert after.count("\n") == after.count(newline)
    assert after.endswith(prefix + "```" + newline * final)
    assert all(line.startswith(prefix) for line in after.split(newline)[2 : -1 if final else None])
    assert f"{newline}{prefix}        max_grad_norm=1.0,{newline}" in after


def test_a_byte_order_mark_is_kept() -> None:
    result = migrate(codecs.BOM_UTF8 + fenced(IMPORT_LINE, CHAIN).encode(), "a.md")
    assert result.after.startswith(codecs.BOM_UTF8 + b"```python\nfrom adaptiveneuralnetwork.training import Trainer\n")


def test_sessions_get_prompts() -> None:
    page = fenced(f">>> {IMPORT_LINE}", f">>> {LOOP}", ">>> loop.train(x)[-1]", "{...}", info="pycon")
    result = migrate(page, "a.md")
    assert notes(result) == [("5:1", "the expected output is that of the old code")]
    inserted = new_lines(result)
    assert inserted[0] == ">>> from adaptiveneuralnetwork.training import Trainer"
    assert ">>> loop = Trainer(" in inserted
    assert "...     max_grad_norm=1.0," in inserted
    assert "... )" in inserted
    assert ">>> legacy_history(loop.fit(x, num_epochs=config.num_epochs))[-1]" in inserted


# -- any page ---------------------------------------------------------------------------------------------------------

_OF_LOOPS = (IMPORT_LINE, LOOP, "loop.train(a)", "h = loop.train(a, num_epochs=2)", "print(h[-1])", f"y = {CHAIN}")
_OTHER = (
    "x = 'é'",
    "model, config = make()",
    "def f(loop):",
    "    return loop",
    "use(loop)",
    "loop = None",
    "if (",
    "",
)
LINES = st.sampled_from((*_OF_LOOPS, *_OF_LOOPS, *_OTHER))
INFOS = st.sampled_from(["python", "python", "python", "py", "text", "pycon"])
PAGES = st.lists(st.tuples(st.lists(LINES, max_size=5), INFOS, st.sampled_from(["", "", "  ", "> "])), max_size=5)


@settings(max_examples=120, deadline=None)
@given(PAGES)
def test_any_page(pages: list[tuple[list[str], str, str]]) -> None:
    """What is not in a changed block stays; a second run has nothing left to do."""
    texts = []
    for lines, info, prefix in pages:
        prompt = ">>> " if info == "pycon" else ""
        block = fenced(*(prompt + line for line in lines), info=info)
        texts.append("TrainingLoop é\n\n" + "".join(prefix + line for line in block.splitlines(keepends=True)) + "\n")
    result = migrate("".join(texts), "a.md")
    assert result.problem is None
    kept = [line for line in "".join(texts).splitlines() if "oop" not in line]
    after = result.after.decode().splitlines()
    assert not (Counter(kept) - Counter(after))
