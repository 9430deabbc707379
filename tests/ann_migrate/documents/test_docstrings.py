"""Examples in the docstrings of Python files (case 47)."""

from __future__ import annotations

import contextlib
import doctest
import io
from pathlib import Path

import pytest
import torch
from documents import CHAIN, migrate, new_lines, outcomes
from notebooks import IMPORT

from ann_migrate.result import Outcome
from ann_migrate.running.engine import Options, Project, migrate_bytes

IMPORT_LINE = IMPORT.rstrip()


def function(*lines: str, quotes: str = '"""') -> str:
    body = "".join(f"    {line}\n" if line else "\n" for line in lines)
    return f"def f():\n    {quotes}Do it.\n\n{body}    {quotes}\n"


@pytest.mark.parametrize(
    "source",
    [
        function("TrainingLoop is prose."),
        function(">>> TrainingLoop"),
        function(">>> x = 1", "'TrainingLoop'"),
        "class TrainingLoop:\n    '''\n    >>> TrainingLoop(1, 2).train(3)\n    '''\n",
        "x = '''\n>>> " + IMPORT + ">>> " + CHAIN + "\n'''\n",
        f"def f():\n    '>>> {IMPORT_LINE}; {CHAIN}'\n",
        f'def f():\n    """a""" """\n    >>> {IMPORT_LINE}\n    """\n',
    ],
    ids=["prose", "no import", "output", "own class", "no docstring", "one line", "two strings"],
)
def test_nothing_to_migrate(source: str) -> None:
    assert migrate(source, "a.py").sites == ()


def test_without_the_wish_docstrings_stay() -> None:
    source = function(f">>> {IMPORT_LINE}", f">>> {CHAIN}").encode()
    assert not migrate_bytes(source, path=Path("a.py")).changed


@pytest.mark.parametrize("quotes", ['"""', "'''", 'r"""'])
def test_examples_fences_and_directives(quotes: str) -> None:
    close = quotes.lstrip("r")
    source = function(
        f">>> {IMPORT_LINE}", f">>> {CHAIN}", "", "```python", IMPORT_LINE, CHAIN, "```", "",
        ".. code-block:: python", "", f"   {IMPORT_LINE}", f"   {CHAIN}", "", "Example::", "", f"    >>> {CHAIN}",
    ).replace(f"    {quotes}\n", f"    {close}\n")  # fmt: skip
    result = migrate(source, "a.py")
    assert [outcome for _, outcome in outcomes(result)] == ["rewritten"] * 4
    assert "TrainingLoop" not in result.after.decode()
    lines = new_lines(result)
    for prefix in ("    >>> ", "    ", "       "):
        assert f"{prefix}from adaptiveneuralnetwork.training import Trainer" in lines
    assert "        ... ).fit(loader, num_epochs=2))" in lines


def test_the_module_is_migrated_with_its_docstrings() -> None:
    source = f'"""Module.\n\n>>> {CHAIN}\n"""\n\n{IMPORT}\n\ndef f(model, config, loader):\n    """F."""\n    {CHAIN}\n'
    result = migrate(source, "a.py")
    assert outcomes(result) == [("3:5", "rewritten"), ("11:5", "rewritten")]
    after = result.after.decode()
    assert after.startswith('"""Module.\n\n>>> from adaptiveneuralnetwork.training import Trainer\n')
    assert '"""\n\nfrom adaptiveneuralnetwork.training import Trainer\n' in after
    assert "TrainingLoop" not in after


def test_an_import_that_an_example_relies_on_stays() -> None:
    source = f'{IMPORT}\ndef f(model, config, loader):\n    """F.\n\n    >>> use(TrainingLoop)\n    """\n    {CHAIN}\n'
    result = migrate(source, "a.py")
    assert outcomes(result) == [("6:13", "declined"), ("8:5", "rewritten")]
    assert b"import Trainer, TrainingLoop\n" in result.after


def test_an_escape_in_a_string_that_is_not_raw_is_left_alone() -> None:
    lines = (f">>> {IMPORT_LINE}", f">>> x = 'a\\n'; {CHAIN}")
    assert not migrate(function(*lines), "a.py").changed
    assert migrate(function(*lines).replace('"""Do', 'r"""Do'), "a.py").changed


def test_encodings_and_line_ends_are_kept() -> None:
    source = "# coding: latin-1\n" + function("é", f">>> {IMPORT_LINE}", f">>> {CHAIN}", "[...]")
    source = source.replace("\n", "\r\n")
    result = migrate(source.encode("latin-1"), "a.py")
    assert outcomes(result) == [("7:9", "rewritten")]
    after = result.after.decode("latin-1")
    assert after.count("\n") == after.count("\r\n") > 12
    assert "\r\n    é\r\n" in after


def test_files_that_are_not_ours_are_left_alone() -> None:
    """Case 49: generated files and copies of the library; stubs are Python like any other."""
    source = function(f">>> {IMPORT_LINE}", f">>> {CHAIN}") + IMPORT + CHAIN + "\n"
    generated = migrate("# @generated\n" + source, "a.py")
    assert [(site.code, site.outcome) for site in generated.sites] == [("ANN505", Outcome.IGNORED)]
    path = Path("vendor/adaptiveneuralnetwork/jobs.py")
    project = Project({"vendor.adaptiveneuralnetwork.jobs": path}, lambda _: source.encode())
    copied = migrate_bytes(source.encode(), path=path, project=project, options=Options(docs=True))
    assert [(site.code, site.outcome) for site in copied.sites] == [("ANN505", Outcome.IGNORED)]
    assert not copied.changed
    stub = migrate_bytes(f"{IMPORT}def f(x: TrainingLoop) -> None: ...\n".encode(), path=Path("a.pyi"))
    assert [site.outcome for site in stub.sites] == [Outcome.DECLINED]


def test_broken_python_is_a_problem_as_ever() -> None:
    result = migrate(f"def f(:\n    {CHAIN}\n", "a.py")
    assert result.problem is not None
    assert result.problem.code == "ANN901"


PROGRAM = '''\
"""Train a small model.

>>> import torch
>>> from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
>>> from adaptiveneuralnetwork.training import TrainingLoop
>>> _ = torch.manual_seed(3)
>>> sizes = dict(num_nodes=4, hidden_dim=4, input_dim=6, output_dim=3)
>>> config = AdaptiveConfig(**sizes, save_checkpoint=False, metrics_file=None)
>>> data = [(torch.randn(5, 6), torch.randint(0, 3, (5,))) for _ in range(3)]
>>> loop = TrainingLoop(AdaptiveModel(config), config)
>>> history = loop.train(data, num_epochs=2)
>>> for row in history:
...     print("value:", row["train_loss"].hex(), row["train_accuracy"].hex())
...
"""
'''


def test_both_docstrings_run_to_the_same_bits() -> None:
    torch.set_num_threads(1)
    result = migrate(PROGRAM, "a.py")
    assert {site.outcome for site in result.sites} == {Outcome.REWRITTEN}
    assert "TrainingLoop" not in result.after.decode()
    old, new = (_values(content.decode()) for content in (result.before, result.after))
    assert len(old) == 2
    assert old == new


def _values(source: str) -> list[str]:
    """The lines that a docstring's examples print, run by doctest itself."""
    module: dict[str, object] = {}
    exec(source, module)
    text = io.StringIO()
    test = doctest.DocTestParser().get_doctest(str(module["__doc__"]), {}, "a", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    with contextlib.redirect_stdout(text):
        runner.run(test, out=text.write)
    assert "Exception raised" not in text.getvalue(), text.getvalue()
    return [line.strip() for line in text.getvalue().splitlines() if line.strip().startswith("value:")]
