"""How the verdict on a line came about."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import notebook

from ann_migrate.commands.explain import ExplainError, explain

SOURCE = """\
from adaptiveneuralnetwork.training import TrainingLoop, quick_train


class Experiment:
    def __init__(self, model, config):
        self.loop = TrainingLoop(model, config)

    def run(self, loader):
        return self.loop.train(loader)


def escape(m, c, d):
    loop = TrainingLoop(m, c)
    loop.train(d)
    register(loop)


def left(m, c, d):
    TrainingLoop(m, c).train(d)  # ann-migrate: skip


quick_train(config, loader)
print(dir(TrainingLoop))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    path = tmp_path / "job.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize("line", [6, 9])
def test_from_the_constructor_or_a_use_to_the_rewrite(path: Path, line: int) -> None:
    lines = explain(f"{path}:{line}").splitlines()
    assert lines[0] == f"{path}:6:21 TrainingLoop"
    chain = "\n".join(lines)
    for said in (
        "1. the name means adaptiveneuralnetwork's TrainingLoop, by the import of "
        "adaptiveneuralnetwork.training.TrainingLoop at 1:44",
        "2. the call makes an object: TrainingLoop(model, config)",
        "3. it is held by self.loop of class Experiment",
        "4. use at 9:26: self.loop.train(loader) (ANN102 knows it)",
        "5. verdict: can be rewritten. ANN101",
        "made explicit: computes on config.device",
    ):
        assert said in chain


@pytest.mark.parametrize("line", [13, 14, 15])
def test_to_the_decline_and_the_use_that_did_it(path: Path, line: int) -> None:
    chain = explain(f"{path}:{line}")
    assert "it is held by the name loop of function escape" in chain
    assert "use at 14:10: loop.train(d) (ANN102 knows it)" in chain
    assert "escape at 15:14: register(loop)" in chain
    assert "verdict: declined, with every use of the object. ANN302" in chain
    assert f"because of {path}:15:14" in chain
    assert "what to do: " in chain


def test_other_verdicts(path: Path) -> None:
    assert "left alone. ANN502" in explain(f"{path}:19")
    assert f"because of {path}:19:34" in explain(f"{path}:19:3")
    assert "it is a function" in explain(f"{path}:22")
    assert "ANN299" in explain(f"{path}:23")
    assert "ANN503" in explain(f"{path}:23", ignore=["ANN2"])


def test_the_import_tells_of_all_its_sites(path: Path) -> None:
    assert explain(f"{path}:1").count("verdict: ") == 5


def test_settings_count(path: Path) -> None:
    path.with_name("pyproject.toml").write_text('[tool.ann-migrate]\nignore = ["ANN102"]\n')
    assert "ANN503" in explain(f"{path}:6")


def test_a_line_without_a_site(path: Path) -> None:
    assert explain(f"{path}:4").splitlines() == [
        f"{path}:4: no use of the legacy API stands here.",
        "The file has sites at 6:21, 13:12, 19:5, 22:1, 23:11.",
    ]
    path.write_text("x = 1\n")
    assert "The file has none" in explain(f"{path}:1")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("ANN777", "ANN777 is no code, known are ANN101, "),
        ("nonsense", "expected a code such as ANN301, or FILE:LINE"),
        ("nowhere.py:3", "'nowhere.py' is no file"),
    ],
)
def test_what_cannot_be_explained(what: str, said: str) -> None:
    with pytest.raises(ExplainError, match=said):
        explain(what)


def test_a_file_that_cannot_be_analysed(path: Path) -> None:
    path.write_text("def (:\n")
    with pytest.raises(ExplainError, match="ANN901 not valid Python"):
        explain(f"{path}:1")
    with pytest.raises(ExplainError, match="lines of Python files"):
        explain(f"{path.with_name('pyproject.toml')}:1")
    notebook = path.with_name("job.ipynb")
    notebook.write_text("[]")
    with pytest.raises(ExplainError, match="ANN921 not a valid notebook"):
        explain(f"{notebook}:1:1")
    document = path.with_name("job.md")
    document.write_bytes(b"\xff")
    with pytest.raises(ExplainError, match="ANN923 not UTF-8"):
        explain(f"{document}:1")


IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
CELLS = (IMPORT, "x = 1\nloop = TrainingLoop(m, c)", "loop.train(d)", "b = TrainingLoop(m, c)\n%timeit b.evaluate(d)")


@pytest.mark.parametrize("what", ["2", "2:2", "3", "3:1", "cell 2:2:8", "cell 3:1:1"])
def test_of_a_notebook(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(notebook(*CELLS))
    lines = explain(f"{path}:{what}").splitlines()
    assert lines[0] == f"{path}:cell 2:2:8 TrainingLoop"
    assert "by the import of adaptiveneuralnetwork.training.TrainingLoop at cell 1:1:44" in lines[1]
    assert "use at cell 3:1:6: loop.train(d) (ANN102 knows it)" in "\n".join(lines)


def test_of_a_notebook_where_a_magic_is_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(notebook(*CELLS))
    chain = explain(f"{path}:4:2")
    assert "escape at cell 4:2:9: a magic in cell 4\n" in chain
    assert "verdict: declined, with every use of the object. ANN312: it is used in a magic in cell 4" in chain
    assert f"because of {path}:cell 4:2:9" in chain
    assert explain(f"{path}:1").count("verdict: ") == 2
    assert explain(f"{path}:2:1").splitlines() == [
        f"{path}:2:1: no use of the legacy API stands here.",
        "The file has sites at cell 2:2:8, cell 4:1:5.",
    ]


MARKDOWN = f"""\
# Training

```python
{IMPORT}loop = TrainingLoop(m, c)
```

Then:

```python
loop.train(d)
```
"""
DOCTEST = f'''\
"""Trains.

>>> loop = TrainingLoop(m, c)
>>> loop.train(d)
"""
{IMPORT}'''
RST = f"""\
Training
========

>>> {IMPORT}>>> TrainingLoop(m, c).train(d)
"""


@pytest.mark.parametrize(
    ("name", "text", "line", "at"),
    [
        ("a.md", MARKDOWN, 5, "5:8"),
        ("a.md", MARKDOWN, 11, "5:8"),
        ("a.rst", RST, 5, "5:5"),
        ("a.py", DOCTEST, 3, "3:12"),
        ("a.py", DOCTEST, 4, "3:12"),
    ],
)
def test_of_documents_and_docstrings(tmp_path: Path, name: str, text: str, line: int, at: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    lines = explain(f"{path}:{line}").splitlines()
    assert lines[0] == f"{path}:{at} TrainingLoop"
    assert "verdict: can be rewritten. ANN101" in "\n".join(lines)
    assert lines[-1] == "     (code in documents and docstrings is migrated with --docs only)"
    with pytest.raises(ExplainError, match="only notebooks have cells"):
        explain(f"{path}:1:2:3")
