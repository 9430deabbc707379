"""Other mentions of the legacy names."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import markdown, migrate, notebook

from ann_migrate import migrate_paths, migrate_source
from ann_migrate.result import Hint

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"


def listed(hints: tuple[Hint, ...]) -> list[str]:
    return [f"{hint.position} {hint.kind}" for hint in hints]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('"""Uses TrainingLoop.\n\nThe TrainingLoop, and quick_train.\n"""\n', ["1:9 docstring", "3:5 docstring"]),
        ("x = 1  # TrainingLoop\n", ["1:10 comment"]),
        ("é = 'é'; x = 1  # é TrainingLoop TrainingLoop\n", ["1:21 comment"]),
        ("exec('TrainingLoop(m, c).train(d)')\n", ["1:7 string"]),
        ("x = b'TrainingLoop'\n", ["1:7 string"]),
        ("x = f'{y} TrainingLoop'\n", ["1:11 string"]),
        ("x = '# TrainingLoop'\n", ["1:8 string"]),
        ("x = MyTrainingLoop, TrainingLoops\n# MyTrainingLoop\n", []),
    ],
)
def test_in_python(code: str, expected: list[str]) -> None:
    source = code + IMPORT
    for text in (source, source.replace("\n", "\r\n")):
        assert listed(migrate_source(text).hints) == expected


@pytest.mark.parametrize(
    "code",
    [
        IMPORT + "TrainingLoop(m, c).train(d)\n",
        IMPORT + "from unittest import mock\nmock.patch('adaptiveneuralnetwork.training.TrainingLoop')\n",
        IMPORT + "__all__ = ['TrainingLoop']\n",
        IMPORT + "def f(x: 'TrainingLoop'): ...\n",
        'class TrainingLoop:\n    """The TrainingLoop of another library."""  # TrainingLoop\n',
        "from pykeen.training import TrainingLoop\n# TrainingLoop\n",
    ],
)
def test_sites_and_what_belongs_to_others_are_none(code: str) -> None:
    assert migrate_source(code).hints == ()


def test_in_files_that_are_not_python(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(IMPORT + "# TrainingLoop\n")
    (tmp_path / "conf.yaml").write_text("x: 1\n_target_: adaptiveneuralnetwork.training.TrainingLoop\n")
    (tmp_path / "README.md").write_text("A `TrainingLoop`\nand TrainingLoops\n")
    (tmp_path / "data.bin").write_text("TrainingLoop")
    (tmp_path / "big.json").write_text("TrainingLoop" + " " * 1_000_000)
    (tmp_path / "left.txt").write_text("TrainingLoop")
    (tmp_path / "image.txt").write_bytes(b"\xff\xfe TrainingLoop")
    run = migrate_paths([tmp_path], exclude=["left.txt"])
    assert [(hint.path.name, str(hint.position), hint.kind) for hint in run.hints] == [
        ("a.py", "2:3", "comment"),
        ("README.md", "1:4", "document"),
        ("conf.yaml", "2:42", "configuration"),
        ("image.txt", "1:4", "document"),
    ]
    assert run.scanned == 1


def test_in_notebooks() -> None:
    cells = (
        markdown("# Training\nThe `TrainingLoop` way"),
        IMPORT + "x = 'TrainingLoop'  # TrainingLoop\n",
        "%%bash\npython -c TrainingLoop",
        "TrainingLoop(m, c).train(d)  # the TrainingLoop",
        "!echo TrainingLoop",
    )
    result = migrate(notebook(*cells))
    assert listed(result.hints) == [
        "cell 1:2:6 document",
        "cell 2:2:6 string",
        "cell 3:2:11 document",
        "cell 4:1:36 comment",
    ]
    assert [str(site.position) for site in result.sites] == ["cell 4:1:1"]


def test_in_documents_that_are_migrated() -> None:
    text = f"# TrainingLoop\r\n\r\n```python\r\n{IMPORT}TrainingLoop(m, c).train(d)  # TrainingLoop\r\n```\r\n"
    result = migrate_source(text, path="a.md", docs=True)
    assert [str(site.position) for site in result.sites] == ["5:1"]
    assert listed(result.hints) == ["1:3 document", "5:32 comment"]
