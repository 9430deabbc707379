"""Files in the syntax of a newer Python than the running one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ann_migrate import migrate_paths, migrate_source
from ann_migrate.text.newer_syntax import NewerSyntax, examine, newer_syntax

LEGACY = "from adaptiveneuralnetwork.training import TrainingLoop\nTrainingLoop(model, config).train(loader)\n"
NEWER = {
    (3, 12): (
        "def f[T](x: T) -> T: ...",
        "class C[T]: ...",
        "type Pair[T] = tuple[T, T]",
        'x = f"{d["key"]}"',
        "x = f'{\"\\n\".join(lines)}'",
        "x = f'{\n  a\n}'",
        'x = f"""{\n  a  # the comment\n}"""',
    ),
    (3, 13): ("def f[T = int](x: T) -> T: ...",),
    (3, 14): ("x = t'{a}'", "try: ...\nexcept A, B: ...", "try: ...\nexcept* A, B: ..."),
}
FORMS = [pytest.param(version, code, id=code) for version, codes in NEWER.items() for code in codes]


@pytest.mark.parametrize(("version", "code"), FORMS)
def test_what_a_form_needs(version: tuple[int, int], code: str) -> None:
    assert examine(code.encode()) == NewerSyntax(version, names_legacy=False)
    assert examine((code + "\n" + LEGACY).encode()) == NewerSyntax(version, names_legacy=True)


@pytest.mark.parametrize(("version", "code"), FORMS)
def test_newer_syntax_is_told_apart_from_broken_code(version: tuple[int, int], code: str) -> None:
    if version <= sys.version_info:
        assert migrate_source(LEGACY + code).changed, "this Python knows it"
        return
    problem = migrate_source(LEGACY + code + "\n").problem
    assert problem is not None
    assert problem.code == "ANN904"
    assert f"syntax of Python {version[0]}.{version[1]}, " in problem.reason
    assert problem.position is not None


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="every form is known to this Python")
def test_a_file_of_newer_syntax_without_a_legacy_name_in_its_code_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('"""Once this was a TrainingLoop."""\nx = t"{y}"  # TrainingLoop\n')
    (tmp_path / "b.py").write_text('x = t"{y}"\npatch("package.module.TrainingLoop")\n')
    run = migrate_paths([tmp_path])
    assert [(each.path.name, each.problem and each.problem.code) for each in run.files] == [
        ("a.py", None),
        ("b.py", "ANN904"),
    ]


OLDER = ("print 'x'", "exec 'x'", "x = `y`", "raise A, 'b'", "try: f()\nexcept A, e: print e")
BROKEN = ("def f[T(x): ...", "x = t'{y}'\nx = = 1", "")


@pytest.mark.parametrize("code", [*OLDER, *BROKEN])
def test_older_and_broken_syntax_is_not_newer(code: str) -> None:
    assert newer_syntax(code.encode()) is None


def test_nesting_that_kills_the_parser_costs_only_its_process() -> None:
    deep = b"def f[T](x): return " + b"(" * 3000 + b")" * 3000 + b"\n"
    assert newer_syntax(deep) is None
    problem = migrate_source(LEGACY.encode() + deep).problem
    assert problem is not None
    assert problem.code == "ANN903"


def test_modules_of_the_current_folder_are_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libcst.py").write_text(f"open({os.fspath(tmp_path / 'sprung')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    newer_syntax(b"x = t'{y}'\n")
    assert not (tmp_path / "sprung").exists()
