"""Notebooks: what is left alone first, then what is rewritten where, and that no other byte changes (case 48)."""

from __future__ import annotations

import ast
import codecs
import difflib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from notebooks import IMPORT, LOOP, code, markdown, migrate, notebook, sources, without_sources
from program_runs import differences, run_program

from ann_migrate.documents.notebook import BROKEN, OLD_FORMAT, python_text
from ann_migrate.result import FileResult, Outcome, Position
from ann_migrate.running.engine import Project, migrate_bytes

TRAIN = "loop.train(loader, num_epochs=2)"
PROGRAMS = Path(__file__).parents[1] / "programs"
SIMPLE = (IMPORT, LOOP, TRAIN + ";")


def codes(result: FileResult) -> list[str]:
    return [site.code for site in result.sites]


def line_changes(before: bytes, after: bytes) -> list[str]:
    """The lines of the file that were taken out (-) and put in (+)."""
    lines = difflib.ndiff(before.decode().splitlines(), after.decode().splitlines())
    return [line for line in lines if line[0] in "+-"]


# -- left alone -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [
        ("x = 1",),
        ("# TrainingLoop",),
        (markdown("```python\n" + IMPORT + LOOP + "\n```"),),
        (code("print(1)", [{"output_type": "stream", "name": "stdout", "text": [IMPORT]}]),),
        ("%%writefile train.py\n" + IMPORT + LOOP,),
        ("%%bash\npython -c 'TrainingLoop'",),
        ("", "", code([]), "class TrainingLoop: pass", LOOP),
        ({"cell_type": "raw", "metadata": {}, "source": [IMPORT]},),
    ],
    ids=["plain", "comment", "markdown", "output", "written file", "bash", "own class", "raw"],
)
def test_nothing_to_migrate(cells: tuple[Any, ...]) -> None:
    result = migrate(notebook(*cells))
    assert not result.changed
    assert result.sites == ()


def test_other_languages_are_left_alone() -> None:
    raw = notebook(IMPORT, LOOP).replace(b'"name": "python"', b'"name": "julia"')
    assert migrate(raw).sites == ()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{ 'TrainingLoop'", "Expecting property name"),
        (b'{"TrainingLoop": 1} x', "Extra data"),
        (b'["TrainingLoop"]', "Expecting '{'"),
        (b'{"TrainingLoop": 1}', "no nbformat"),
        (b'{"TrainingLoop": 1, "nbformat": 4}', "no list of cells"),
        (b'{"TrainingLoop": 1, "nbformat": 4, "cells": {}}', "no list of cells"),
        (b'{"a": "TrainingLoop \xff"}', "utf-8"),
        (b'{"cells": ["TrainingLoop\n"]}', "Invalid control character"),
        (b'{"TrainingLoop": ' + b"[" * 100_000, "recursion"),
        (b'{"cells": [{"source": ["TrainingLoop"', "Expecting ','"),
    ],
)
def test_a_file_that_is_no_notebook_is_a_problem(raw: bytes, reason: str) -> None:
    result = migrate(raw)
    assert result.problem is not None
    assert result.problem.code == BROKEN
    assert reason in result.problem.reason
    assert result.after == raw


def test_an_old_format_is_a_problem() -> None:
    raw = json.dumps({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": [IMPORT]}]}]}).encode()
    problem = migrate(raw).problem
    assert problem is not None
    assert problem.code == OLD_FORMAT
    assert "nbconvert" in problem.reason


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ((IMPORT, LOOP, "loop = make()"), "may hold something else"),
        ((IMPORT, "TrainingLoop = make()", LOOP), ""),
        ((IMPORT, LOOP, "%timeit loop.evaluate(loader)"), "a magic in cell 3"),
        ((IMPORT, LOOP, "x = %prun loop.evaluate(loader)"), "a magic in cell 3"),
        ((IMPORT, LOOP, "loop?"), "a magic in cell 3"),
        ((IMPORT, LOOP, "!echo {loop.config}"), "a magic in cell 3"),
        ((IMPORT, LOOP, "!echo $loop"), "a magic in cell 3"),
        ((IMPORT, LOOP, "pip install x\nloop.train(loader)"), "cell 3, which is not plain Python"),
        ((IMPORT, LOOP, "%%timeit\nloop.train(loader)"), "cell 3, which is not plain Python"),
        ((IMPORT, LOOP, "loop.train("), "cell 3, which is not plain Python"),
        ((IMPORT, LOOP, "use(loop)"), "passed"),
        # The import stands where it cannot be read, too: the name is used all the same.
        ((IMPORT + LOOP + "\nx = = 1",), "cell 1, which is not plain Python"),
        (("pip install x\n" + IMPORT, LOOP, TRAIN), "cell 1, which is not plain Python"),
        (("pip install x\n" + IMPORT.replace("import", "import (").replace("\n", " as TL,\n)"), "TL(m, c)"), "cell 1"),
        (("%%timeit\nimport adaptiveneuralnetwork.training as t", "t.TrainingLoop(m, c)"), "may mean different"),
    ],
)
def test_declined(cells: tuple[str, ...], reason: str) -> None:
    result = migrate(notebook(*cells))
    assert not result.changed
    assert {site.outcome for site in result.sites} == {Outcome.DECLINED}
    assert any(reason in site.reason for site in result.sites)


def test_a_cell_with_half_a_character_is_not_plain_python() -> None:
    raw = notebook(IMPORT + LOOP + "  # half").replace(b"# half", b"# \\ud800")
    (site,) = migrate(raw).sites
    assert "cell 1, which is not plain Python" in site.reason


# -- rewritten --------------------------------------------------------------------------------------------------------


def test_each_edit_stands_in_its_cell_and_no_other_byte_changes() -> None:
    raw = notebook(
        markdown("# TrainingLoop"), IMPORT + "import torch\n", "x = 'é'\n" + LOOP + "  # the loop", TRAIN + ";"
    )
    result = migrate(raw)
    assert codes(result) == ["ANN101"]
    assert result.sites[0].position == Position(2, 8, cell=3)
    assert str(result.sites[0].position) == "cell 3:2:8"
    assert line_changes(raw, result.after) == [
        r'-     "from adaptiveneuralnetwork.training import TrainingLoop\n",',
        r'+     "from adaptiveneuralnetwork.training import Trainer\n",',
        r'+     "from ann_compat import flatten_images, legacy_callbacks\n",',
        r'-     "loop = TrainingLoop(model, config)  # the loop"',
        r'+     "optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)\n",',
        r'+     "criterion = torch.nn.CrossEntropyLoss()\n",',
        r'+     "loop = Trainer(\n",',
        *(rf'+     "    {argument},\n",' for argument in ("model", "optimizer", "criterion")),
        *(rf'+     "    {argument},\n",' for argument in ("device=config.device", "max_grad_norm=1.0")),
        *(
            rf'+     "    {item},\n",'
            for item in ("batch_transform=flatten_images", "callbacks=legacy_callbacks(config)")
        ),
        r'+     ")  # the loop"',
        r'-     "loop.train(loader, num_epochs=2);"',
        r'+     "loop.fit(loader, num_epochs=2);"',
    ]


def test_a_shown_value_stays_what_it_was() -> None:
    """The last expression of a cell is displayed unless a semicolon follows."""
    assert sources(migrate(notebook(IMPORT, LOOP, TRAIN)).after)[2] == "legacy_history(loop.fit(loader, num_epochs=2))"
    assert sources(migrate(notebook(IMPORT, LOOP, TRAIN + ";  # quiet")).after)[2].startswith("loop.fit(")
    assert sources(migrate(notebook(IMPORT, LOOP, TRAIN + "\nx = 1")).after)[2].startswith("loop.fit(")


def test_new_imports_do_not_move_into_another_cell() -> None:
    after = sources(migrate(notebook(IMPORT, "import torch\nimport numpy as np", LOOP)).after)
    assert after[0].splitlines() == [
        "from adaptiveneuralnetwork.training import Trainer",
        "from ann_compat import flatten_images, legacy_callbacks",
    ]
    assert after[1] == "import torch\nimport numpy as np"


def test_every_cell_that_imports_the_loop_imports_what_took_its_place() -> None:
    result = migrate(notebook(IMPORT + LOOP, IMPORT, "other = TrainingLoop(model, config)"))
    first, second, _ = sources(result.after)
    for cell in (first, second):
        assert "import Trainer\n" in cell
        assert "from ann_compat import flatten_images, legacy_callbacks\n" in cell
        assert "import torch.nn as nn\n" in cell


def test_a_config_that_another_cell_rebinds_is_held() -> None:
    """Nobody knows whether cell 3 runs before the training cell: the loop kept the config it was made with."""
    result = migrate(notebook(IMPORT + "config = load()", LOOP, "config = load(9)", "loop.train(loader);"))
    after = sources(result.after)
    assert "loop_config = config\n" in after[1]
    assert after[3] == "loop.fit(loader, num_epochs=loop_config.num_epochs);"


@pytest.mark.parametrize(
    ("magic", "expected"),
    [
        ("%time " + TRAIN + ";", "%time loop.fit(loader, num_epochs=2);"),
        ("if x:\n    %time " + TRAIN, "if x:\n    %time loop.fit(loader, num_epochs=2)"),
        ("%%time\n" + TRAIN + ";", "%%time\nloop.fit(loader, num_epochs=2);"),
        ("%%capture out\n" + TRAIN + ";", "%%capture out\nloop.fit(loader, num_epochs=2);"),
        (
            "%matplotlib inline\n!pip install -q ünï\n" + TRAIN + ";",
            "%matplotlib inline\n!pip install -q ünï\nloop.fit(",
        ),
        ("files = !ls \\\n  -l\n" + TRAIN + ";", "files = !ls \\\n  -l\nloop.fit("),
        ("h = %time " + TRAIN, "h = %time loop.fit(loader, num_epochs=2)"),
        ("loader?\n" + TRAIN + ";", "loader?\nloop.fit("),
        ('s = """\n%time\n!ls\n"""\ny = (5\n% 3)\n' + TRAIN + ";", 's = """\n%time\n!ls\n"""\ny = (5\n% 3)\nloop.fit('),
        ("await x\n" + TRAIN + ";", "await x\nloop.fit("),
    ],
)
def test_magics_stay(magic: str, expected: str) -> None:
    result = migrate(notebook(IMPORT, LOOP, magic))
    assert codes(result) == ["ANN101"]
    assert sources(result.after)[2].startswith(expected)


def test_a_cell_that_is_no_python_does_not_stop_the_others() -> None:
    result = migrate(notebook("pip install torch", *SIMPLE, "git status"))
    assert codes(result) == ["ANN101"]
    skipped = [note.position for note in result.notes if "skipped" in note.text]
    assert skipped == [Position(1, 1, cell=1), Position(1, 1, cell=5)]


def test_a_legacy_name_in_a_cell_that_is_no_python_is_a_site_there() -> None:
    result = migrate(notebook(*SIMPLE, "x = 1\nwhy not use TrainingLoop"))
    assert codes(result) == ["ANN101", "ANN312"]
    assert result.sites[1].position == Position(2, 13, cell=4)
    assert "import Trainer, TrainingLoop" in sources(result.after)[0]


def test_sites_in_one_cell_have_places_of_their_own() -> None:
    result = migrate(
        notebook(IMPORT, "use(TrainingLoop)\nTrainingLoop??", "pip install\nTrainingLoop = 1\nTrainingLoop")
    )
    assert [str(site.position) for site in result.sites] == ["cell 2:1:5", "cell 2:2:1", "cell 3:2:1"]


def test_stale_outputs_are_kept_and_named() -> None:
    outputs = [{"data": {"image/png": "iVBOR" + "A" * 300_000}, "metadata": {}, "output_type": "display_data"}]
    raw = notebook(IMPORT, LOOP, code(TRAIN, outputs), code("plot()", outputs))
    result = migrate(raw)
    assert json.loads(result.after)["cells"][2]["outputs"] == outputs
    stale = [note.position for note in result.notes if "outputs" in note.text]
    assert stale == [Position(1, 1, cell=3)]


# -- the form of the file ---------------------------------------------------------------------------------------------

LAYOUTS = {
    "jupyter": notebook(*SIMPLE),
    "no final newline": notebook(*SIMPLE).rstrip(),
    "four spaces": notebook(*SIMPLE, indent=4),
    "one line": notebook(*SIMPLE, indent=None),
    "compact": notebook(*SIMPLE, indent=None, separators=(",", ":")),
    "tabs": notebook(*SIMPLE).replace(b"\n ", b"\n\t"),
    "windows": notebook(*SIMPLE).replace(b"\n", b"\r\n"),
    "bom": codecs.BOM_UTF8 + notebook(*SIMPLE),
    "ascii": notebook(*SIMPLE, "# grün ✓ 😀", ensure_ascii=True),
    "sorted keys": notebook(*SIMPLE, sort_keys=True),
    "one string": notebook(*({**code(cell), "source": cell} for cell in SIMPLE)),
    "list of one": notebook(*(code([cell]) for cell in SIMPLE)),
    "words": notebook(*(code(re.split(r"(?<=\W)", cell)) for cell in SIMPLE)),
    "blank lines": b"\n\n " + notebook(*SIMPLE).replace(b"\n", b"\n\n") + b"\t\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_is_kept(layout: str) -> None:
    raw = LAYOUTS[layout]
    before, after = (
        text.removeprefix(codecs.BOM_UTF8) for text in (raw, migrate_bytes(raw, path=Path("a.ipynb")).after)
    )
    assert after != before
    assert without_sources(after) == without_sources(before)
    assert sources(after)[:3] == sources(migrate(notebook(*SIMPLE)).after)
    # What is neither in a source that changed nor in its separators is the same, byte by byte.
    changed = {0: 1, 1: 2, 2: 3}
    cut_before, cut_after = (_without_source_bytes(text, len(changed)) for text in (before, after))
    assert cut_before == cut_after
    if layout == "windows":
        assert after.count(b"\n") == after.count(b"\r\n")
    if layout == "ascii":
        assert after.isascii()


def _without_source_bytes(text: bytes, count: int) -> bytes:
    """The file without the values of its first sources, found by plain search."""
    decoder = json.JSONDecoder()
    content = text.decode()
    at = 0
    for _ in range(count):
        start = content.index('"source"', at) + len('"source"')
        start = next(i for i in range(start, len(content)) if content[i] in '["')
        _, end = decoder.raw_decode(content, start)
        content = content[:start] + content[end:]
        at = start
    return content.encode()


def test_strings_that_do_not_change_keep_their_escapes() -> None:
    raw = notebook("x = '@'\n" + IMPORT + "y = '@'", LOOP).replace(b"@", b"\\u00e9\\/\\u2028")
    after = migrate(raw).after
    assert after.count(b"\\u00e9\\/\\u2028") == 2
    one = notebook({**code(""), "source": "x = '@'\n" + IMPORT + "y = '@'"}, LOOP).replace(
        b"@", b"\\u00e9\\/\\t\\ud83d\\ude00"
    )
    assert migrate(one).after.count(b"\\u00e9\\/\\t\\ud83d\\ude00") == 2


def test_line_ends_inside_of_strings_are_kept() -> None:
    cell = (IMPORT + LOOP + "\n" + TRAIN + ";\n").replace("\n", "\r\n")
    after = sources(migrate(notebook(cell)).after)[0]
    assert after.count("\n") == after.count("\r\n") > 4


def test_an_import_that_goes_leaves_its_cell_empty() -> None:
    has_trainer = "from adaptiveneuralnetwork.training import Trainer\nfrom torch import nn, optim\nimport ann_compat\n"
    raw = notebook(
        has_trainer + "from ann_compat import flatten_images, legacy_callbacks", IMPORT.rstrip(), "x = 1", LOOP
    )
    result = migrate(raw)
    assert sources(result.after)[1:3] == ["", "x = 1"]
    assert json.loads(result.after)["cells"][1]["source"] == []
    last = notebook(
        has_trainer + "from ann_compat import flatten_images, legacy_callbacks", "x = 1\n" + IMPORT.rstrip(), LOOP
    )
    assert json.loads(migrate(last).after)["cells"][1]["source"] in (["x = 1"], ["x = 1\n"])


def test_of_equal_keys_the_last_one_counts() -> None:
    raw = notebook(*SIMPLE).replace(b'"source": [', b'"source": ["TrainingLoop(1)"], "source": [', 1)
    result = migrate_bytes(raw, path=Path("a.ipynb"))
    assert codes(result) == ["ANN101"]
    assert b'"source": ["TrainingLoop(1)"], "source": [' in result.after


def test_odd_cells_are_survived() -> None:
    odd: list[Any] = [{}, 3, None, {"cell_type": "code"}, {"cell_type": "code", "source": 5}]
    odd += [{"cell_type": "code", "source": [1]}, code("x = '\ud800'\n"), code("x = 1 \\"), code("\x0c"), code("x\x00")]
    odd += [{"attachments": {"a.png": {"image/png": "AA"}}, **markdown("![a](attachment:a.png)")}]
    raw = notebook(*odd, *SIMPLE, ensure_ascii=True)
    result = migrate_bytes(raw, path=Path("a.ipynb"))
    assert codes(result) == ["ANN101"]
    assert json.loads(result.after)["cells"][:11] == json.loads(raw)["cells"][:11]


# -- other files ------------------------------------------------------------------------------------------------------


def test_what_a_notebook_imports_counts_for_the_module() -> None:
    """A module's loop that a notebook imports is not rewritten under the notebook."""
    files = {"jobs.py": (IMPORT + LOOP + "\n").encode(), "book.ipynb": notebook("from jobs import loop", TRAIN)}
    project = Project(
        {"jobs": Path("jobs.py"), "book.ipynb": Path("book.ipynb")},
        lambda path: python_text(files[path.name]) if path.suffix == ".ipynb" else files[path.name],
    )
    result = migrate_bytes(files["jobs.py"], path=Path("jobs.py"), project=project)
    assert [(site.outcome, "book.ipynb" in site.reason) for site in result.sites] == [(Outcome.DECLINED, True)]
    assert python_text(b"no notebook") == b""


# -- any notebook -----------------------------------------------------------------------------------------------------

_ANY = ("x = 1\n", "é = '😀'\n", "%time f()\n", "!ls {x}\n", "\n", "def f():\n    pass\r\n", "if (\n", "x?\n", "\x0c\n")
_LEGACY = (
    IMPORT,
    f"{LOOP}\n",
    f"{TRAIN}\n",
    "loop.evaluate(loader)\n",
    "config = other()\n",
    "# TrainingLoop\n",
    "pass",
)
LINES = st.sampled_from((*_ANY, *_LEGACY))
SOURCES = st.lists(LINES, max_size=5).map("".join)
CELLS = st.builds(
    lambda source, as_list, kind, extra: {
        "cell_type": kind,
        "metadata": extra,
        "source": source.splitlines(keepends=True) if as_list else source,
    },
    SOURCES,
    st.booleans(),
    st.sampled_from(["code", "code", "code", "markdown"]),
    st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(CELLS, max_size=6), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_notebook(cells: list[dict[str, Any]], indent: Any, ascii_only: bool) -> None:
    raw = json.dumps({"nbformat": 4, "cells": cells}, indent=indent, ensure_ascii=ascii_only).encode()
    result = migrate(raw)  # changes nothing but sources of code cells, and nothing a second time
    assert result.problem is None
    rewritten = any(site.outcome is Outcome.REWRITTEN for site in result.sites)
    assert result.changed == rewritten
    if not rewritten:
        assert result.after == raw


# -- by execution -----------------------------------------------------------------------------------------------------

EXECUTED = ["guide_before", "history_best_epoch", "two_train_calls_accumulate", "default_files", "for_loop_rebuilds"]


def as_cells(program: Path) -> list[str]:
    """A program as cells of one or two top-level statements, as a notebook's author would have cut it."""
    text = program.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    starts = [
        min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        for node in ast.parse(text).body
    ]
    bounds = [0, *(start - 1 for start in starts[1::2]), len(lines)]
    return ["".join(lines[start:end]) for start, end in pairwise(bounds)]


@pytest.mark.parametrize("name", EXECUTED)
def test_both_notebooks_run_to_the_same_bits(name: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    raw = notebook(*as_cells(PROGRAMS / f"{name}.py"))
    result = migrate(raw)
    assert {site.outcome for site in result.sites} == {Outcome.REWRITTEN}
    assert b"TrainingLoop(" not in result.after
    old, new = (
        run_program("\n".join(sources(content)).encode(), "book.py", tmp_path / label)
        for label, content in (("old", raw), ("new", result.after))
    )
    assert old.error is None
    assert differences(old, new) == []


def test_most_programs_are_rewritten_as_notebooks_too() -> None:
    """Cut into cells, what the order of the cells does not matter for is rewritten as in a file."""
    counts = dict.fromkeys(Outcome, 0)
    programs = [path for path in sorted(PROGRAMS.glob("*.py")) if b"verdict: rewritten" in path.read_bytes()[:40]]
    for program in programs[::4]:
        result = migrate(notebook(*as_cells(program)))
        assert result.problem is None, program.name
        for site in result.sites:
            counts[site.outcome] += 1
    assert counts[Outcome.REWRITTEN] >= 9 * counts[Outcome.DECLINED]
    assert counts[Outcome.REWRITTEN] > 25
