"""The engine on bytes: encodings and line ends, problems, sites that add up, runs that repeat."""

from __future__ import annotations

import codecs
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ann_migrate.result import FileResult, Outcome, Position
from ann_migrate.rules import all_rules
from ann_migrate.running.engine import Options, Project, may_be_candidate, migrate_bytes

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop\n"
LINE = IMPORT + "TrainingLoop(model, config).train(loader, num_epochs=3)\n"

REWRITES = [
    pytest.param(*case, id=f"{rule.CODE}-{number}")
    for rule in all_rules()
    for number, case in enumerate(rule.INVALID)
    if isinstance(case, tuple)
]


def _migrate(raw: bytes | str, project: Project | None = None, path: str = "program.py") -> FileResult:
    return migrate_bytes(raw.encode() if isinstance(raw, str) else raw, path=Path(path), project=project)


def _cookie(encoding: str) -> Callable[[str], bytes]:
    return lambda text: f"# -*- coding: {encoding} -*-\n# grün\n{text}".encode(encoding)


FORMS: dict[str, Callable[[str], bytes]] = {
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "cr": lambda text: text.replace("\n", "\r").encode(),
    "bom": lambda text: codecs.BOM_UTF8 + text.encode(),
    "latin-1": _cookie("latin-1"),
    "cp1252": _cookie("cp1252"),
    "cp1252, cr": lambda text: _cookie("cp1252")(text).replace(b"\n", b"\r"),
    "no final newline": lambda text: text.rstrip("\n").encode(),
    "form feed": lambda text: b"\x0c" + text.replace("\n\n", "\n\x0c\n").encode(),
    "trailing comment": lambda text: text.encode() + "# größer ✓".encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("source", "expected"), REWRITES)
def test_the_form_of_a_file_is_kept(source: str, expected: str, form: str) -> None:
    result = _migrate(FORMS[form](source))
    assert result.problem is None
    assert result.after == FORMS[form](expected)


@pytest.mark.parametrize(("source", "expected"), REWRITES)
def test_a_second_run_changes_nothing(source: str, expected: str) -> None:
    again = _migrate(expected)
    assert not again.changed
    assert not any(site.outcome is Outcome.REWRITTEN for site in again.sites)


def test_mixed_line_ends_stay_where_they_are() -> None:
    program = "x = 1\r\nloop = TrainingLoop(model, config)\r\nloop.train(loader, num_epochs=2)\ny = 2\r"
    source = "import os\r\n" + IMPORT + program
    after = _migrate(source).after
    assert after.startswith(b"import os\r\nfrom adaptiveneuralnetwork.training import Trainer\n")
    assert b"x = 1\r\noptimizer = optim.Adam(model.parameters(), lr=config.learning_rate)\r\n" in after
    assert after.endswith(b"loop.fit(loader, num_epochs=2)\ny = 2\r")


def test_tabs_are_the_unit_of_indentation_where_the_file_has_them() -> None:
    after = _migrate(IMPORT + "def run(model, config):\n\tloop = TrainingLoop(model, config)\n").after
    assert b"\tloop = Trainer(\n\t\tmodel,\n" in after


@pytest.mark.parametrize("unit", ["\t", "  ", "    "])
def test_without_an_indented_block_the_first_line_within_brackets_shows_the_unit(unit: str) -> None:
    program = f"config = make(  # settings\n{unit}epochs=2,\n)\nloop = TrainingLoop(model, config)\n"
    assert f"loop = Trainer(\n{unit}model,\n".encode() in _migrate(IMPORT + program).after


@pytest.mark.parametrize(
    ("raw", "code", "position"),
    [
        (b"TrainingLoop(\n", "ANN901", Position(1, 13)),
        (b"print 'TrainingLoop'\n", "ANN901", Position(1, 1)),
        (b"x = 1\x00 # TrainingLoop\n", "ANN901", None),
        (b"# coding: nonsense\nTrainingLoop\n", "ANN901", None),
        (b"# TrainingLoop \xff\n", "ANN901", None),
        (codecs.BOM_UTF8 + b"# coding: latin-1\nTrainingLoop\n", "ANN901", None),
        (b"# coding: utf-7\nTrainingLoop = '+AOQ-'\nx = '+AGE-'\n", "ANN902", None),
        (b"TrainingLoop = " + b"(" * 300 + b")" * 300 + b"\n", "ANN903", Position(1, 216)),
        (b"".join(b" " * n + b"if TrainingLoop:\n" for n in range(120)), "ANN903", Position(101, 1)),
        (b"TrainingLoop = x" + b".y()" * 30_000 + b"\n", "ANN903", None),
    ],
    ids=[
        "open bracket",
        "python 2",
        "null byte",
        "unknown cookie",
        "not utf-8",
        "bom against cookie",
        "utf-7",
        "brackets",
        "indentation",
        "chain",
    ],
)
def test_a_file_that_cannot_be_analysed_has_a_problem(raw: bytes, code: str, position: Position | None) -> None:
    result = _migrate(raw)
    assert result.problem is not None
    assert (result.problem.code, result.problem.position) == (code, position)
    assert not result.problem.internal
    assert not result.changed
    assert result.sites == ()


def test_deep_nesting_is_contained() -> None:
    """A call nested more deeply than LibCST's parser survives is declined; the process lives."""
    deep = "f(" * 150 + "model" + ")" * 150
    result = _migrate(IMPORT + f"TrainingLoop({deep}, config)\nloop = TrainingLoop(model, config)\n")
    assert [site.code for site in result.sites] == ["ANN409", "ANN101"]
    assert deep.encode() in result.after


def test_every_site_has_one_verdict_in_the_order_of_the_file() -> None:
    source = (
        IMPORT
        + "__all__ = ['TrainingLoop']\n"
        + "class Mine(TrainingLoop): pass\n"
        + "def run(loop: 'TrainingLoop'): pass\n"
        + "TrainingLoop(model, config).train(loader)\n"
        + "isinstance(x, TrainingLoop)\n"
        + "TrainingLoop(*args)\n"
    )
    result = _migrate(source)
    assert [site.code for site in result.sites] == ["ANN501", "ANN204", "ANN205", "ANN101", "ANN206", "ANN401"]
    assert b"import Trainer, TrainingLoop\n" in result.after


def test_a_declined_object_is_left_byte_for_byte_while_others_are_rewritten() -> None:
    kept = "kept = TrainingLoop(model, config)\nrun(kept)\nkept.train(loader)\n"
    result = _migrate(IMPORT + "loop = TrainingLoop(model, config)\n" + kept + "loop.train(loader)\n")
    assert [site.outcome for site in result.sites] == [Outcome.REWRITTEN, Outcome.DECLINED]
    assert kept.encode() in result.after
    assert result.sites[1].culprit == Position(4, 5)


def test_positions_count_characters_behind_the_dots() -> None:
    result = _migrate("import adaptiveneuralnetwork.training as tü\nx = 'ä', tü.TrainingLoop\n")
    assert result.sites[0].position == Position(2, 13)


def test_nothing_is_left_of_the_legacy_import_unless_something_needs_it() -> None:
    assert b"TrainingLoop" not in _migrate(LINE).after
    assert b"import Trainer, TrainingLoop" in _migrate(LINE, path="pkg/__init__.py").after
    assert b"import Trainer, TrainingLoop" in _migrate(LINE + "cls = TrainingLoop\n").after


def test_the_gate_asks_for_whole_names() -> None:
    assert may_be_candidate(b"x = TrainingLoop")
    assert may_be_candidate(b"t.quick_train()")
    assert not may_be_candidate(b"legacy_quick_train()")
    assert not may_be_candidate(b"MyTrainingLoop()")


def test_options_name_what_is_accepted() -> None:
    with pytest.raises(ValueError, match="style: got 'rough', accepted are 'faithful', 'guide'"):
        Options("rough")  # type: ignore[arg-type]


def test_the_engine_is_light() -> None:
    """Neither torch nor libcst is imported before an edit is made; libcst is imported for one, torch never."""
    script = (
        "import sys; from pathlib import Path; from ann_migrate.running.engine import migrate_bytes\n"
        f"line = {LINE!r}\n"
        "migrate_bytes(line.replace('.train', '[0]').encode(), path=Path('x.py'))\n"
        "print('torch' in sys.modules, 'libcst' in sys.modules)\n"
        "migrate_bytes(line.encode(), path=Path('x.py'))\n"
        "print('torch' in sys.modules, 'libcst' in sys.modules)\n"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["False", "False", "False", "True"]


# -- other files of the project ----------------------------------------------------------------------------------------


def _project(**files: str) -> Project:
    contents = {Path(f"{name}.py"): text.encode() for name, text in files.items()}
    return Project({name: Path(f"{name}.py") for name in files}, contents.__getitem__)


EXPERIMENT = (
    IMPORT
    + "class Experiment:\n"
    + "    def __init__(self, model, config):\n"
    + "        self.loop = TrainingLoop(model, config)\n"
)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ("x = 1\n", "ANN101"),
        ("class Other:\n    def run(self):\n        self.loop.stop()\n", "ANN101"),
        ("from program import Experiment\nExperiment(m, c).loop.train(x)\n", "ANN305"),
        (
            "import program\nclass Longer(program.Experiment):\n    def go(self):\n        self.loop.train(x)\n",
            "ANN305",
        ),
        ("def go(experiment):\n    return getattr(experiment, 'loop')\n", "ANN305"),
        ("from unittest import mock\nmock.patch('program.TrainingLoop')\n", "ANN201"),
    ],
)
def test_what_other_files_do_with_an_attribute_counts(other: str, code: str) -> None:
    result = _migrate(EXPERIMENT, _project(program=EXPERIMENT, other=other))
    assert [site.code for site in result.sites] == [code]


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ("loop = 3\n", "ANN101"),
        ("from program import loop\n", "ANN305"),
        ("import program\nprogram.loop.train(x)\n", "ANN305"),
        ("from elsewhere import loop\n", "ANN101"),
    ],
)
def test_a_module_variable_that_another_file_imports_is_not_followed(other: str, code: str) -> None:
    source = IMPORT + "loop = TrainingLoop(model, config)\n"
    assert [site.code for site in _migrate(source, _project(program=source, other=other)).sites] == [code]


FACTORY = (
    IMPORT + "def make(model, config):\n    return TrainingLoop(model, config)\nmake(model, config).train(loader)\n"
)
METHODS = (
    IMPORT
    + "class Job:\n"
    + "    def make(self):\n"
    + "        return TrainingLoop(model, config)\n"
    + "    def run(self):\n"
    + "        self.make().train(loader)\n"
)


@pytest.mark.parametrize(
    ("source", "other", "code"),
    [
        (FACTORY, "make = 3\n", "ANN101"),
        (FACTORY, "from elsewhere import make\n", "ANN101"),
        (FACTORY, "from program import make\nmake = make\n", "ANN301"),
        (FACTORY, "import program\nprogram.make = None\n", "ANN301"),
        (FACTORY, "from unittest import mock\nmock.patch('program.make')\n", "ANN301"),
        (METHODS, "class Other:\n    def make(self): ...\n", "ANN101"),
        (METHODS, "from program import Job\nclass Quick(Job):\n    def make(self): ...\n", "ANN301"),
        (METHODS, "from program import Job as Base\nclass Quick(Base):\n    def make(self): ...\n", "ANN301"),
        (METHODS, "import program\nclass Quick(program.Job):\n    def make(self): ...\n", "ANN301"),
        (METHODS, "from program import Job\nJob().make().train(loader)\n", "ANN301"),
        (METHODS, "from program import Job\nJob.make = None\n", "ANN301"),
    ],
)
def test_functions_that_other_files_may_use_or_replace_are_not_followed(source: str, other: str, code: str) -> None:
    assert [site.code for site in _migrate(source, _project(program=source, other=other)).sites] == [code]


def test_a_legacy_name_that_another_file_imports_from_here_stays() -> None:
    project = _project(program=LINE, other="from program import TrainingLoop\n")
    assert b"import Trainer, TrainingLoop" in _migrate(LINE, project).after


def test_a_string_that_patches_another_module_is_a_site() -> None:
    source = "from unittest import mock\nmock.patch('program.TrainingLoop')\n"
    result = _migrate(source, _project(program=LINE, test=source), path="test.py")
    assert [site.code for site in result.sites] == ["ANN208"]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("print(vars(arguments), dir(arguments))", True),
        ("print(vars())", False),
        ("print(*map(vars, [arguments]))", False),
        ("print(locals())", False),
        ("eval(arguments)", False),
    ],
)
def test_new_names_only_where_nobody_lists_the_names(line: str, named: bool) -> None:
    source = (
        "from adaptiveneuralnetwork.training import TrainingLoop\n\n\n"
        f"def run(model, config, loader, arguments):\n    {line}\n"
        "    loop = TrainingLoop(model, config)\n    loop.train(loader, num_epochs=1)\n"
    )
    after = migrate_bytes(source.encode(), path=Path("a.py")).after.decode()
    assert ".fit(" in after
    assert ("    optimizer = " in after) is named
