"""The comment that leaves an object alone: where it acts, on what, and what is said of one that does nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ann_migrate import FileResult, migrate_source
from ann_migrate.running.engine import migrate_bytes

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"


def verdicts(result: FileResult) -> list[str]:
    return [f"{site.code} {site.outcome.value}" for site in result.sites]


@pytest.mark.parametrize(
    "code",
    [
        "loop = TrainingLoop(m, c)  # ann-migrate: skip\nloop.train(d)\n",
        "loop = TrainingLoop(m, c)\nloop.train(d)  #ann-migrate:skip\n",
        "loop = TrainingLoop(m, c)\nloop.train(d)  # ANN-Migrate: Skip\n",
        "loop = TrainingLoop(m, c)\nloop.train(d)  # noqa: E501  # ann-migrate: skip - still in use\n",
        "# ann-migrate: skip\nloop = TrainingLoop(m, c)\nloop.train(d)\n",
        "loop = TrainingLoop(m, c)\n\n# ann-migrate: skip\n\n# why\n\nloop.train(d)\n",
        "loop = TrainingLoop(\n    m,  # ann-migrate: skip\n    c,\n)\nloop.train(d)\n",
        "loop = TrainingLoop(\n    m,\n    # ann-migrate: skip\n    c,\n)\nloop.train(d)\n",
        "loop = TrainingLoop(m, c)\nif loop.train(d):  # ann-migrate: skip\n    pass\n",
        "loop = TrainingLoop(m, c)\nfor x in loop.train(\n    d\n):  # ann-migrate: skip\n    print(x)\n",
        "loop: TrainingLoop = TrainingLoop(m, c)\nloop.train(d)  # ann-migrate: skip\n",
        "class A:\n    def __init__(self):\n        self.l = TrainingLoop(m, c)\n\n    def go(self):\n"
        "        self.l.train(d)  # ann-migrate: skip\n",
        "print(vars(TrainingLoop))  # ann-migrate: skip\n",
        "loop = TrainingLoop(m, c)\nloop.train(d)\nf(loop)  # ann-migrate: skip\n",
        "TrainingLoop(m, c).train(d)  # ann-migrate: skip[ANN102]\n",
        "TrainingLoop(m, c).train(d)  # ann-migrate: skip[ann3, ANN1]\n",
        "print(vars(TrainingLoop))  # ann-migrate: skip[ANN2]\n",
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_leaves_the_whole_object(code: str, newline: str) -> None:
    source = (IMPORT + code).replace("\n", newline)
    result = migrate_source(source.encode())
    assert not result.changed
    assert set(verdicts(result)) == {"ANN502 ignored"}
    assert all(site.culprit is not None for site in result.sites)
    assert result.notes == ()


def test_the_comment_at_an_import_is_about_all_it_brings() -> None:
    result = migrate_source(IMPORT.replace("\n", "  # ann-migrate: skip\n") + "TrainingLoop(m, c).train(d)\n" * 2)
    assert verdicts(result) == ["ANN502 ignored"] * 2


def test_other_objects_of_the_file_are_migrated() -> None:
    code = "TrainingLoop(a, c).train(d)  # ann-migrate: skip\nTrainingLoop(b, c).train(d)\n"
    result = migrate_source(IMPORT + code)
    assert verdicts(result) == ["ANN502 ignored", "ANN101 rewritten"]
    assert b"TrainingLoop(a, c).train(d)  # ann-migrate: skip" in result.after
    assert b"import Trainer, TrainingLoop" in result.after
    assert result.notes == ()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1  # ann-migrate: skip\nTrainingLoop(m, c).train(d)\n", "nothing to skip"),
        ("TrainingLoop(m, c).train(d)  # ann-migrate: skip[ANN301]\n", "nothing of ANN301 to skip"),
        ("TrainingLoop(m, c).train(d)  # ann-migrate: skip[ANN777]\n", "ANN777 is no code of a rule"),
        ("TrainingLoop(m, c).train(d)  # ann-migrate: skip[]\n", "the brackets hold no code"),
        ("TrainingLoop(m, c).train(d)  # ann-migrate: ignore\n", "'ignore' stands where 'skip' is expected"),
        ("TrainingLoop(m, c).train(d)  # ann_migrate: skip[ANN1]\n", "'# ann_migrate: skip' stands where"),
        ("TrainingLoop(m, c).train(d)  # ann-migrate skip\n", "'# ann-migrate skip' stands where"),
        ("TrainingLoop(m, c).train(d)  # Annmigrate:skip # noqa\n", "'# Annmigrate:skip' stands where"),
        ("if x:  # ann-migrate: skip\n    TrainingLoop(m, c).train(d)\n", "nothing to skip"),
    ],
)
def test_one_that_does_nothing_is_reported(code: str, said: str) -> None:
    result = migrate_source(IMPORT + code)
    assert verdicts(result) == ["ANN101 rewritten"]
    (note,) = result.notes
    assert note.code == "ANN504"
    assert said in note.text
    assert note.position is not None
    assert (IMPORT + code).splitlines()[note.position.line - 1][note.position.column - 1 :].lower().startswith("# ann")


def test_prose_that_names_the_tool_is_no_comment_of_its() -> None:
    prose = "# ann-migrate skips what ann_migrate: cannot do\n# see ann-migrate skip comments\n"
    assert migrate_source(prose + IMPORT + "TrainingLoop(m, c).train(d)\n").notes == ()


def test_it_is_reported_where_no_legacy_name_is_left() -> None:
    result = migrate_source("trainer.fit(d)  # ann-migrate: skip\n")
    assert [note.code for note in result.notes] == ["ANN504"]


def test_a_string_is_no_comment() -> None:
    result = migrate_source(IMPORT + 'TrainingLoop(m, c).train("# ann-migrate: skip")\n')
    assert verdicts(result) == ["ANN101 rewritten"]
    assert result.notes == ()


def test_in_a_notebook_too() -> None:
    sources = [IMPORT, "TrainingLoop(m, c).train(d)  # ann-migrate: skip", "x = 1  # ann-migrate: skip"]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    raw = json.dumps({"cells": cells, "nbformat": 4}).encode()
    result = migrate_bytes(raw, path=Path("a.ipynb"))
    assert verdicts(result) == ["ANN502 ignored"]
    assert [(str(note.position), note.code) for note in result.notes] == [("cell 3:1:8", "ANN504")]
    assert not result.changed
