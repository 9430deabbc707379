"""What a declined subclass says of its uses: in its own file and the others, by whatever name they have it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ann_migrate.api import migrate_paths, migrate_source
from ann_migrate.result import Site

LIBRARY = "from adaptiveneuralnetwork.training import TrainingLoop\n"
MINE = LIBRARY + "class Mine(TrainingLoop):\n    pass\n"


def project(root: Path, files: dict[str, str]) -> Path:
    (root / "pyproject.toml").write_text("")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def said(site: Site, root: Path) -> str:
    """What the reason adds to the class's own name, with paths below *root*."""
    assert site.code == "ANN204"
    return site.reason.replace(f"{root}/", "").partition("derives from TrainingLoop")[2]


def said_of(root: Path, name: str = "loops.py") -> str:
    result = next(each for each in migrate_paths([root / name]).files)
    return said(next(site for site in result.sites if site.code == "ANN204"), root)


USES = {
    "nowhere": ({}, ""),
    "imported": ({"run.py": "from loops import Mine\n\nMine(m, c)\n"}, "; constructed at run.py:3"),
    "imported as": ({"run.py": "from loops import Mine as L\nL(m, c)\n"}, "; constructed at run.py:2"),
    "behind its module": ({"run.py": "import loops as x\nx.Mine(m, c)\n"}, "; constructed at run.py:2"),
    "looked up": ({"run.py": "import_module('loops').Mine(m, c)\n"}, "; constructed at run.py:1"),
    "imported in a function": (
        {"run.py": "def go(m, c):\n    from loops import Mine\n    return Mine(m, c)\n"},
        "; constructed at run.py:3",
    ),
    "handed on": (
        {"api.py": "from loops import Mine as Loop\n", "run.py": "from api import Loop\nLoop(m, c)\n"},
        "; constructed at run.py:2",
    ),
    "handed on twice, by assignment": (
        {
            "api.py": "import loops\nLoop = loops.Mine\n",
            "more.py": "from api import Loop as Other\n",
            "run.py": "import more\nmore.Other(m, c)\n",
        },
        "; constructed at run.py:2",
    ),
    "derived from": (
        {"deep.py": "from loops import Mine\n\nclass Deep(Base, Mine[int]): ...\n"},
        "; derived from again at deep.py:3",
    ),
    "derived from, and that": (
        {
            "deep.py": "from loops import Mine as M\nclass Deep(M): ...\n",
            "deeper.py": "import deep\nclass Deeper(deep.Deep): ...\n",
            "run.py": "from deeper import Deeper\nDeeper(m, c)\n",
        },
        "; constructed at run.py:2; derived from again at deep.py:2, deeper.py:2",
    ),
    "many": (
        {f"run{number}.py": "from loops import Mine\nMine(m, c)\n" for number in range(7)},
        "; constructed at run0.py:2, run1.py:2, run2.py:2 and 4 more",
    ),
    "another of this name": (
        {
            "own.py": "class Mine: ...\nMine(m, c)\nclass Deep(Mine): ...\n",
            "imported.py": "from own import Mine\nMine(m, c)\n",
            "installed.py": "from torchlib import Mine\nMine(m, c)\n",
            "parameter.py": "def go(Mine):\n    return Mine(m, c)\n",
            "attribute.py": "import own, loops\nown.Mine(m, c)\nloops.other.Mine(m, c)\n",
        },
        "",
    ),
    "only named": ({"run.py": "from loops import Mine\nprint(Mine)\nisinstance(x, Mine)\nMine.train\n"}, ""),
    "in circles": (
        {"a.py": "from b import Deep\nclass Mine(Deep): ...\n", "b.py": "from a import Mine\nclass Deep(Mine): ...\n"},
        "",
    ),
    "broken": ({"run.py": "from loops import Mine\nMine(m, c\n"}, ""),
}


@pytest.mark.parametrize(("files", "expected"), USES.values(), ids=USES)
def test_the_uses_in_other_files_are_named(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    assert said_of(project(tmp_path, {"loops.py": MINE, **files})) == expected


def test_in_a_package_by_relative_imports(tmp_path: Path) -> None:
    imports = "from .. import Public, loops as x\nfrom ..loops import Mine\n"
    files = {
        "pkg/__init__.py": "from .loops import Mine as Public\n",
        "pkg/loops.py": MINE,
        "pkg/jobs/__init__.py": "",
        "pkg/jobs/run.py": imports + "Public(m, c)\nx.Mine(m, c)\nMine(m, c)\n",
        "main.py": "import pkg\npkg.Public(m, c)\n",
    }
    expected = "; constructed at main.py:2, pkg/jobs/run.py:3, pkg/jobs/run.py:4 and 1 more"
    assert said_of(project(tmp_path, files), "pkg/loops.py") == expected


def test_its_own_file_comes_first(tmp_path: Path) -> None:
    own = MINE + "class Deep(Mine): ...\nLoop = Mine\n\ndef go():\n    return Mine(m, c), Deep(m, c), Loop(m, c)\n"
    root = project(tmp_path, {"loops.py": own, "a.py": "from loops import Mine\nMine(m, c)\n"})
    assert said_of(root) == "; constructed at loops.py:8, a.py:2; derived from again at loops.py:4"


def test_a_class_within_a_function_is_known_in_it(tmp_path: Path) -> None:
    function = "def {}():\n    class Mine({}):\n        pass\n    return Mine(m, c)\n"
    root = project(
        tmp_path, {"loops.py": LIBRARY + function.format("a", "TrainingLoop") + function.format("b", "object")}
    )
    assert said_of(root) == "; constructed at loops.py:5"


def test_uses_in_notebooks_are_named_by_their_cells(tmp_path: Path) -> None:
    def cell(text: str) -> dict[str, object]:
        return {"cell_type": "code", "source": text, "metadata": {}, "outputs": []}

    cells = [
        {"cell_type": "markdown", "source": "Text", "metadata": {}},
        cell("from loops import Mine"),
        cell("\nMine(m, c)"),
    ]
    book = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    own = json.dumps({"cells": [cell(MINE), *cells[:1], cell("Mine(m, c)")], "metadata": {}, "nbformat": 4})
    root = project(tmp_path, {"loops.py": MINE, "book.ipynb": book, "own.ipynb": own})
    assert said_of(root) == "; constructed at book.ipynb:cell 3:2"
    assert said_of(root, "own.ipynb") == "; constructed at own.ipynb:cell 3:1"


def test_a_single_source_knows_its_own_lines(tmp_path: Path) -> None:
    (site,) = migrate_source(MINE + "\nMine(m, c)\n", path="a.py").sites
    assert said(site, tmp_path) == "; constructed at a.py:5"
    assert site.advice.endswith("pass it to Trainer where the class is constructed")
    (site,) = migrate_source(MINE).sites
    assert site.advice.endswith("pass it to Trainer")


def test_of_a_page_no_line_is_told_that_is_not_its_own(tmp_path: Path) -> None:
    page = f"# Page\n\n```python\n{MINE}Mine(m, c)\n```\n"
    (site,) = migrate_source(page, path="a.md", docs=True).sites
    assert said(site, tmp_path) == ""
