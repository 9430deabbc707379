"""Code in reStructuredText (case 47)."""

from __future__ import annotations

import pytest
from documents import CHAIN, migrate, new_lines, notes, outcomes
from notebooks import IMPORT, LOOP

from ann_migrate.documents.rst import blocks

IMPORT_LINE = IMPORT.rstrip()


def texts(document: str) -> list[str]:
    return [block.text(document) for block in blocks(document)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (".. code-block:: python\n\n   x\n\n     y\n\ntext\n", ["x\n\n  y\n"]),
        (".. code:: py\n   :number-lines:\n   :name: a b\n\n   x\n", ["x\n"]),
        (".. sourcecode:: bash\n\n   x\n", []),
        (".. code-block::\n\n   x\n", ["x\n"]),
        (".. highlight:: bash\n\n.. code-block::\n\n   x\n\nor::\n\n   y\n", []),
        ("So::\n\n    x\n\n    y\n\nend\n", ["x\n\ny\n"]),
        ("- a::\n\n    x\n  b\n", ["x\n"]),
        (".. note::\n\n   .. code-block:: python\n\n      x\n", ["x\n"]),
        (".. testcode::\n\n   x\n\n.. testoutput::\n\n   1\n", ["x\n"]),
        (".. doctest::\n\n   >>> x\n   1\n", ["x\n"]),
        (".. code-block:: pycon\n\n   >>> if x:\n   ...     y\n   1\n", ["if x:\n    y\n"]),
        (">>> x\n1\n\n>>> y\n", ["x\ny\n"]),
        (">>> x\n1\n\nprose\n\n>>> y\n", ["x\n", "y\n"]),
        (">>>\n>>> x\n...\n", ["\nx\n\n"]),
        (".. code-block:: python\r\n\r\n\tx\r\n", ["x\r\n"]),
        (".. code-block:: python\n", []),
        ("::\n", []),
        (".. automodule:: a\n   :members:\n", []),
    ],
)
def test_blocks(document: str, expected: list[str]) -> None:
    assert texts(document) == expected


@pytest.mark.parametrize(
    "document",
    [
        ":class:`TrainingLoop`\n",
        ".. autoclass:: adaptiveneuralnetwork.training.TrainingLoop\n   :members:\n",
        f".. code-block:: text\n\n   {IMPORT_LINE}\n   {CHAIN}\n",
        "So::\n\n   use TrainingLoop in prose\n",
    ],
)
def test_nothing_to_migrate(document: str) -> None:
    result = migrate(document, "a.rst")
    assert result.sites == ()
    assert not result.changed


def test_directives_literal_blocks_and_examples_share_a_page() -> None:
    page = (
        f"T\n=\n\n.. code-block:: python\n   :linenos:\n\n   {IMPORT_LINE}\n\n   {LOOP}\n\n"
        "Then::\n\n    loop.train(x, num_epochs=3)\n\n>>> 1 + 1\n2\n"
    )
    result = migrate(page, "a.rst")
    assert outcomes(result) == [("9:11", "rewritten")]
    after = result.after.decode()
    assert ":linenos:\n\n   from adaptiveneuralnetwork.training import Trainer\n   from ann_compat import" in after
    assert "\n       max_grad_norm=1.0,\n" in after
    assert "Then::\n\n    loop.fit(x, num_epochs=3)\n\n>>> 1 + 1\n2\n" in after


def test_an_output_below_a_changed_example_is_noted() -> None:
    result = migrate(f">>> {IMPORT_LINE}\n>>> 1 + 1\n2\n>>> {CHAIN}\n[...]\n", "a.rst")
    assert outcomes(result) == [("4:5", "rewritten")]
    assert notes(result) == [("5:1", "the expected output is that of the old code")]
    assert ">>> 1 + 1\n2\n>>> legacy_history(Trainer(\n...     model,\n" in result.after.decode()


def test_examples_of_several_lines() -> None:
    page = f">>> {IMPORT_LINE}\n>>> for model in models:\n...     {LOOP}\n"
    page += "...     loop.train(\n...         data)\n...\n[1]\n"
    result = migrate(page, "a.rst")
    assert outcomes(result) == [("3:16", "rewritten")]
    lines = new_lines(result)
    assert "...     optimizer = optim.Adam(model.parameters(), lr=config.learning_rate)" in lines
    assert not [line for line in lines if line.startswith(">>>") and "import" not in line]
