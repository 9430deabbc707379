"""The codemod as a library: pure, contained, and exact about what it found."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import ann_migrate
from ann_migrate import api, migrate_paths, migrate_source
from ann_migrate.files import ignore
from ann_migrate.project import modules
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Outcome, Position, Site
from ann_migrate.running import engine
from ann_migrate.running.engine import Options
from ann_migrate.text import diff, source

LEGACY = """\
from adaptiveneuralnetwork.training import TrainingLoop


def run(model, config, loader):
    TrainingLoop(model, config).train(loader, num_epochs=2)
"""
DECLINED = "from adaptiveneuralnetwork.training import TrainingLoop\nprint(vars(TrainingLoop))\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_source_without_the_legacy_api_comes_back_as_it_is() -> None:
    result = migrate_source(b"x = (\xff\r")
    assert (result.before, result.after, result.sites, result.problem) == (b"x = (\xff\r", b"x = (\xff\r", (), None)


def test_source_is_migrated() -> None:
    result = migrate_source(LEGACY, path="job.py")
    assert result.path == Path("job.py")
    assert [site.outcome for site in result.sites] == [Outcome.REWRITTEN]
    assert b"Trainer(" in result.after
    assert migrate_source(result.after).after == result.after


def test_text_and_bytes_are_the_same() -> None:
    assert migrate_source(LEGACY).after == migrate_source(LEGACY.encode()).after


def test_text_is_encoded_as_its_cookie_says() -> None:
    text = "# -*- coding: latin-1 -*-\n# café\n" + LEGACY
    assert migrate_source(text).before == text.encode("latin-1")
    assert "# café".encode("latin-1") in migrate_source(text).after


@pytest.mark.parametrize("text", ["# coding: ascii\n# café", "# coding: no-such\n", "\udce9"])
def test_text_that_cannot_be_encoded_as_it_says(text: str) -> None:
    with pytest.raises(ValueError, match="source: cannot be encoded"):
        migrate_source(text)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="source: expected bytes or str, got int"):
        migrate_source(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="style: expected one of 'faithful', 'guide', got 'sloppy'"):
        migrate_source("", style="sloppy")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="path: expected text or a path object, got 3"):
        migrate_source("", path=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ignore: expected several codes, in a list, got 3"):
        migrate_source("", ignore=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="paths: expected several"):
        migrate_paths("src")
    with pytest.raises(TypeError, match="paths: expected several, in a list, got None"):
        migrate_paths(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="paths: expected text or path objects, got b'src'"):
        migrate_paths([b"src"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="exclude: expected several"):
        migrate_paths(["."], exclude="src")
    with pytest.raises(ValueError, match="paths: expected at least one"):
        migrate_paths([])
    with pytest.raises(ValueError, match="paths: 'nowhere' cannot be found"):
        migrate_paths(["nowhere"])


def test_paths_are_migrated_and_nothing_is_written(tree: Path) -> None:
    contents = {
        "a.py": LEGACY,
        "b.py": DECLINED,
        "c.py": "x = 1\n",
        "d.py": "# TrainingLoop\n",
        "e.py": "TrainingLoop (",
    }
    for name, content in contents.items():
        (tree / name).write_text(content)
    run = migrate_paths(["."])
    assert run.scanned == 5
    assert [str(result.path) for result in run.files] == ["a.py", "b.py", "d.py", "e.py"]
    assert (run.found, run.rewritten, run.declined, run.ignored) == (2, 1, 1, 0)
    assert [str(result.path) for result in run.changed] == ["a.py"]
    assert [str(result.path) for result in run.problems] == ["e.py"]
    assert {path.name: path.read_text() for path in tree.glob("*.py")} == contents


def test_a_run_over_files_is_the_same_as_each_alone(tree: Path) -> None:
    for name in ("a.py", "b.py"):
        (tree / name).write_text(LEGACY)
    together = migrate_paths(["."]).files
    assert [result.after for result in together] == [migrate_source(LEGACY).after] * 2
    assert migrate_paths(["b.py"]).files == together[1:]


def test_an_exception_of_the_engine_is_that_files_problem(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.py", "b.py", "c.py"):
        (tree / name).write_text(LEGACY)
    migrate_bytes = engine.migrate_bytes

    def fail_on_b(raw: bytes, *, path: Path, project: Project, options: Options) -> FileResult:
        if path.name == "b.py":
            raise RecursionError("too deep\nand more")
        return migrate_bytes(raw, path=path, project=project, options=options)

    monkeypatch.setattr(engine, "migrate_bytes", fail_on_b)
    run = migrate_paths(["."])
    assert [result.changed for result in run.files] == [True, False, True]
    problem = run.files[1].problem
    assert problem is not None
    assert problem.internal
    assert problem.reason.endswith("RecursionError: too deep")
    assert "fail_on_b" in run.tracebacks[Path("b.py")]


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (FileResult(Path("x"), b"other", b"other"), "another content"),
        (
            FileResult(Path("x"), b"", b"", (Site(Position(1, 1), "ANN1", Outcome.DECLINED, ""),) * 2),
            "counted twice",
        ),
        (
            FileResult(Path("x"), b"", b"", (Site(Position(1, 1), "ANN1", Outcome.REWRITTEN, ""),)),
            "nothing changed",
        ),
    ],
)
def test_results_that_contradict_themselves_are_internal_errors(
    tree: Path, monkeypatch: pytest.MonkeyPatch, result: FileResult, fault: str
) -> None:
    if result.before == b"":
        result = FileResult(result.path, LEGACY.encode(), LEGACY.encode(), result.sites)
    (tree / "a.py").write_text(LEGACY)
    monkeypatch.setattr(engine, "migrate_bytes", lambda *args, **kwargs: result)
    problem = migrate_paths(["a.py"]).files[0].problem
    assert problem is not None
    assert problem.internal
    assert fault in problem.reason


def test_every_public_name_is_there_and_no_other() -> None:
    for name in ann_migrate.__all__:
        assert getattr(ann_migrate, name) is not None
    assert set(ann_migrate.__all__) <= set(dir(ann_migrate))
    with pytest.raises(AttributeError, match="no attribute 'migrate'"):
        ann_migrate.migrate  # noqa: B018


MODULES = sorted(info.name for info in pkgutil.walk_packages(ann_migrate.__path__, "ann_migrate."))


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_in_the_documentation_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("module", [api, diff, engine, ignore, modules, source], ids=lambda module: module.__name__)
def test_there_are_examples_in_the_documentation(module: ModuleType) -> None:
    assert doctest.testmod(module).attempted
