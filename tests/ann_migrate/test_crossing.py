"""Objects that go from one file to another: small projects, migrated as a whole or not at all, and executed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ann_compat.equivalence.migrated import MigratedProject
from ann_migrate.api import RunResult, migrate_paths
from ann_migrate.cli import main
from ann_migrate.commands.explain import explain

PROJECTS = Path(__file__).with_name("crossing")
"""Each folder is a project with a ``main.py``; they share ``parts.py``."""
NAMES = sorted(folder.name for folder in PROJECTS.iterdir() if folder.is_dir() and folder.name != "__pycache__")
USE = "from parts import config, loader, model, show\n"
MAKE = (PROJECTS / "factory/jobs.py").read_text()


def copied(name: str, root: Path) -> Path:
    """A project on a disk, to be migrated."""
    shutil.copytree(PROJECTS / name, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECTS / "parts.py", root)
    (root / "pyproject.toml").write_text("")
    return root


def project(root: Path, **files: str) -> Path:
    """A project of modules with the given texts."""
    for name, text in files.items():
        (root / f"{name}.py").parent.mkdir(exist_ok=True)
        (root / f"{name}.py").write_text(text)
    (root / "pyproject.toml").write_text("")
    return root


def written(run: RunResult) -> None:
    for result in run.changed:
        result.path.write_bytes(result.after)


def after(run: RunResult, name: str) -> str:
    return next(result.after.decode() for result in run.files if result.path.name == name)


@dataclass(frozen=True)
class Migrated:
    """A project that was run, migrated and run again."""

    run: RunResult
    again: RunResult
    before: str
    after: str


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Migrated]:
    roots = {name: copied(name, tmp_path_factory.mktemp(name)) for name in NAMES}
    before = executed(roots)
    runs = {name: migrate_paths([root]) for name, root in roots.items()}
    for run in runs.values():
        written(run)
    after = executed(roots)
    return {name: Migrated(runs[name], migrate_paths([roots[name]]), before[name], after[name]) for name in roots}


DRIVER = """
import contextlib, io, json, os, runpy, sys

printed = {}
for name, root in json.loads(sys.argv[1]).items():
    os.chdir(root)
    sys.path.insert(0, root)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path("main.py", run_name="__main__")
    sys.path.remove(root)
    for module in [key for key, each in sys.modules.items() if str(getattr(each, "__file__", "")).startswith(root)]:
        del sys.modules[module]
    printed[name] = out.getvalue()
print(json.dumps(printed))
"""


def executed(roots: dict[str, Path]) -> dict[str, str]:
    """What the ``main.py`` of each project prints, but for the lines with times in them."""
    here = Path(__file__).parents[2]
    paths = os.pathsep.join(map(str, (here, here / "codemods", here / "compat")))
    given = json.dumps({name: str(root) for name, root in roots.items()})
    command = [sys.executable, "-B", "-c", DRIVER, given]
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout.splitlines()[-1])
    return {name: "\n".join(line for line in text.splitlines() if "poch" not in line) for name, text in printed.items()}


@pytest.mark.parametrize("name", NAMES)
def test_case_24_what_goes_to_other_files_is_rewritten_in_all_of_them(migrated: dict[str, Migrated], name: str) -> None:
    project = migrated[name]
    assert project.run.declined == 0, [site.reason for result in project.run.files for site in result.sites]
    assert project.run.rewritten >= 1
    assert all(b"TrainingLoop" not in result.after for result in project.run.changed)
    assert project.after == project.before
    assert not project.again.changed
    assert project.again.found == 0


def test_in_the_guides_style_the_readers_in_other_files_are_turned(tmp_path: Path) -> None:
    root = copied("results", tmp_path)
    before = executed({"results": root})["results"]
    run = migrate_paths([root], style="guide")
    assert run.declined == 0, [site.reason for result in run.files for site in result.sites]
    assert {result.path.name for result in run.changed} == {"jobs.py", "main.py", "report.py"}
    assert "{row['train_accuracy']:.1%}" in after(run, "report.py")
    assert "{study.history[-1]['val_accuracy']:.2%}" in after(run, "main.py")
    assert not any(b"ann_compat" in result.after for result in run.changed)
    written(run)
    mine = [line for line in before.splitlines() if line.startswith(">")]
    now = executed({"results": root})["results"]
    assert [line for line in now.splitlines() if line.startswith(">")] == mine
    assert len(mine) == 5


def test_the_files_that_change_are_named_with_the_site_and_belong_together(tmp_path: Path) -> None:
    run = migrate_paths([copied("factory", tmp_path)])
    jobs, main = run.changed
    assert jobs.together == main.together == {jobs.path, main.path}
    assert any(note == f"goes together with {main.path}" for note in jobs.sites[0].notes)
    assert not main.sites
    assert "legacy_train(make(model, config), loader)" in after(run, "main.py")


DECLINED = {
    "star_import": ("from jobs import *\nmake(model, config).train(loader)\n", "main.py uses `make`"),
    "bound_again": (
        "from jobs import make\nif loader:\n    make = print\nmake(model, config)\n",
        "main.py uses `make`",
    ),
    "fallback": (
        "try:\n    from jobs import make\nexcept ImportError:\n    make = None\nmake(model, config).train(loader)\n",
        "main.py uses `make`",
    ),
    "as_a_value": ("from jobs import make\nmakers = [make]\nmakers[0](model, config).train(loader)\n", "as a value"),
    "module_as_a_value": ("import jobs\njobs.make(model, config)\nmodules = [jobs]\n", "main.py uses `make`"),
    "replaced": ("import jobs\njobs.make = print\njobs.make(model, config)\n", "main.py uses `make`"),
    "exported": (
        'from jobs import make\n__all__ = ["make"]\nmake(model, config).train(loader)\n',
        "`__all__` names `make`",
    ),
    "by_name": ("import jobs\njobs.make(model, config)\ngetattr(jobs, 'make')(model, config)\n", "main.py uses `make`"),
    "module_by_a_string": (
        "import sys\nimport jobs\njobs.make(model, config)\nsys.modules['jobs'].make(model, config).train(loader)\n",
        "main.py uses `make`",
    ),
    "module_by_a_string_alone": (
        "import importlib\njobs = importlib.import_module('jobs')\njobs.make(model, config).train(loader)\n",
        "main.py uses `make`",
    ),
    "module_by_a_name": (
        "import importlib\nname = 'jobs'\nimportlib.import_module(name).make(model, config).train(loader)\n",
        "main.py uses `make`",
    ),
    "entry_point": (
        "import pkgutil\npkgutil.resolve_name('jobs:make')(model, config)\n",
        "a string of the project names `make`",
    ),
    "used_otherwise": ("from jobs import make\nprint(make(model, config))\n", "passed to print()"),
    "attribute_that_trainer_lacks": ("from jobs import make\nmake(model, config).x = 1\n", "attribute 'x' is set"),
}


@pytest.mark.parametrize(("use", "why"), DECLINED.values(), ids=DECLINED)
def test_case_24_what_is_not_sure_is_declined_in_all_of_them(tmp_path: Path, use: str, why: str) -> None:
    run = migrate_paths([project(tmp_path, jobs=MAKE, main=USE + use)])
    assert not run.changed
    ((site,),) = [result.sites for result in run.files if result.sites]
    assert why in site.reason
    assert site.advice


def test_what_all_names_is_rewritten_on_the_assumption_that_nobody_else_uses_it(tmp_path: Path) -> None:
    root = copied("factory_of_a_package", tmp_path)
    (root / "pkg/__init__.py").write_text('from .factory import make\n__all__ = ["make"]\n')
    assert not migrate_paths([root]).changed
    run = migrate_paths([root], unsafe=True)
    assert run.declined == 0
    (site,) = next(result.sites for result in run.files if result.sites)
    assert any("nothing outside of the project uses `make`, which `__all__` names" in each for each in site.not_kept)


def test_a_module_that_another_string_means_is_no_way_to_a_name(tmp_path: Path) -> None:
    use = "import sys\nfrom jobs import make\nmake(model, config).train(loader)\nsys.modules['torch'].make\n"
    assert migrate_paths([project(tmp_path, jobs=MAKE, main=USE + use)]).rewritten == 1


def test_a_module_that_a_file_gets_by_its_own_name_is_that_file(tmp_path: Path) -> None:
    own = "import sys\nsys.modules[__name__].make\n"
    main = f"{USE}from jobs import make\nmake(model, config).train(loader)\n"
    assert migrate_paths([project(tmp_path, jobs=MAKE + own, main=main)]).declined == 1
    main = f"{USE}import jobs\njobs.make(model, config).train(loader)\n"
    assert migrate_paths([project(tmp_path, jobs=MAKE, main=main + own)]).rewritten == 1


@pytest.mark.parametrize(
    ("app", "use"),
    [
        ("import jobs\n", "import app\napp.jobs.make(model, config).train(loader)\n"),
        ("import jobs as j\n", "from app import j\nj.make(model, config).train(loader)\n"),
        ("import more\n", "from app import more\nmore.jobs.make(model, config).train(loader)\n"),
    ],
)
def test_a_module_reached_through_a_third_one_is_declined_or_followed_too(tmp_path: Path, app: str, use: str) -> None:
    main = f"{USE}from jobs import make\nmake(model, config).train(loader)\n{use}"
    run = migrate_paths([project(tmp_path, jobs=MAKE, more="import jobs\n", app=app, main=main)])
    if run.declined:
        assert not run.changed
    else:
        assert after(run, "main.py").count("legacy_train(") == 2


def test_a_chain_through_modules_is_followed(tmp_path: Path) -> None:
    main = f"{USE}import app\napp.jobs.make(model, config).train(loader)\n"
    run = migrate_paths([project(tmp_path, jobs=MAKE, app="import jobs\n", main=main)])
    assert run.declined == 0
    assert "legacy_train(app.jobs.make(model, config), loader)" in after(run, "main.py")


def test_a_legacy_name_that_others_read_from_the_module_stays_imported(tmp_path: Path) -> None:
    main = f"{USE}import jobs\njobs.make(model, config).train(loader)\nprint(jobs.TrainingLoop(model, config))\n"
    run = migrate_paths([project(tmp_path, jobs=MAKE, main=main)])
    assert (run.rewritten, run.declined) == (1, 1)
    assert "import Trainer, TrainingLoop\n" in after(run, "jobs.py")


def test_no_import_stands_above_the_future_import(tmp_path: Path) -> None:
    work = '"""Work."""\n\nfrom __future__ import annotations\nfrom .jobs import make\n\n\n'
    work += "def work(model, config, loader):\n    make(model, config).train(loader)\n"
    run = migrate_paths([project(tmp_path, **{"pkg/__init__": "", "pkg/jobs": MAKE, "pkg/work": work})])
    assert run.declined == 0
    assert "from __future__ import annotations\nfrom ann_compat import legacy_train\n" in after(run, "work.py")


def test_a_file_without_a_place_for_an_import_declines(tmp_path: Path) -> None:
    helpers = '"""Helpers."""; work = lambda loop, loader: loop.train(loader)\n'
    main = f"from adaptiveneuralnetwork.training import TrainingLoop\n{USE}from helpers import work\n"
    main += "work(TrainingLoop(model, config), loader)\n"
    run = migrate_paths([project(tmp_path, helpers=helpers, main=main)])
    assert [site.code for result in run.files for site in result.sites] == ["ANN408"]
    assert not run.problems


def test_a_module_behind_a_package_variable_of_its_name_hands_nothing_on(tmp_path: Path) -> None:
    main = f"{USE}import pkg.jobs as jobs\njobs.TrainingLoop(model, config).train(loader)\n"
    files = {"pkg/__init__": "from .jobs import jobs\n", "pkg/jobs": f"{MAKE}\n\njobs = None\n"}
    run = migrate_paths([project(tmp_path, main=main, **files)])
    assert not any(result.path.name == "main.py" for result in run.changed)


@pytest.mark.parametrize(
    "use", ["import jobs\njobs.held.train(loader)\n", "from jobs import held\nheld.train(loader)\n"]
)
@pytest.mark.parametrize(
    ("home", "user", "more"),
    [
        ("lib/jobs", "bin/use", {"lib/__init__": ""}),
        ("lib/jobs", "lib/use", {"lib/__init__": "", "jobs": "held = None\n"}),
    ],
    ids=["sys.path", "script_in_a_package"],
)
def test_an_import_that_may_mean_the_file_is_a_use(
    tmp_path: Path, use: str, home: str, user: str, more: dict[str, str]
) -> None:
    held = "from adaptiveneuralnetwork.training import TrainingLoop\nfrom parts import model, config\n"
    held += "held = TrainingLoop(model, config)\n"
    run = migrate_paths([project(tmp_path, **{home: held, user: f"from parts import loader\n{use}", **more})])
    assert (run.rewritten, run.declined) == (0, 1)
    main = "from parts import loader\nfrom lib.jobs import held\nheld.train(loader)\n"
    files = {home: held, user: f"from parts import loader\n{use}", "main": main, **more}
    assert not migrate_paths([project(tmp_path, **files)]).changed


def test_a_package_variable_with_the_name_of_a_module_may_be_either(tmp_path: Path) -> None:
    held = "from adaptiveneuralnetwork.training import TrainingLoop\nfrom parts import model, config, loader\n"
    held += "jobs = TrainingLoop(model, config)\n"
    main = "from parts import loader\nimport pkg.jobs\nfrom pkg import jobs\njobs.jobs.train(loader)\n"
    files = {"pkg/__init__": "from .state import jobs\n", "pkg/state": "jobs = None\n", "pkg/jobs": held}
    assert not migrate_paths([project(tmp_path, main=main, **files)]).changed


def test_a_function_that_takes_the_place_of_its_module_is_followed(tmp_path: Path) -> None:
    main = f"{USE}from pkg import make\nmake(model, config).train(loader)\n"
    run = migrate_paths(
        [project(tmp_path, main=main, **{"pkg/__init__": "from .make import make\n", "pkg/make": MAKE})]
    )
    assert run.declined == 0
    assert "legacy_train(make(model, config), loader)" in after(run, "main.py")


def test_a_file_outside_the_given_paths_is_read_but_never_changed(tmp_path: Path) -> None:
    root = copied("factory", tmp_path)
    run = migrate_paths([root / "jobs.py"])
    ((site,),) = [result.sites for result in run.files]
    assert not run.changed
    assert site.code == "ANN313"
    assert "main.py, which is outside the given paths" in site.reason
    assert len(migrate_paths([root / "jobs.py", root / "main.py"]).changed) == 2


def test_an_excluded_file_is_not_changed_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = copied("factory", tmp_path)
    monkeypatch.chdir(root)
    run = migrate_paths(["."], exclude=["main.py"])
    assert not run.changed
    assert {site.code for result in run.files for site in result.sites} == {"ANN313"}


def test_a_file_that_cannot_be_read_stays_apart(tmp_path: Path) -> None:
    root = project(tmp_path, jobs=MAKE, main=USE + "from jobs import make\nmake(model, config)\n")
    (root / "broken.py").write_text("from jobs import make\nmake(\n")
    run = migrate_paths([root])
    assert not run.changed
    assert not run.problems
    assert {"broken.py uses `make`"} <= {
        site.reason.split("/")[-1].split(")")[0] for result in run.files for site in result.sites
    }


def test_an_object_that_is_declined_holds_nothing_else_back(tmp_path: Path) -> None:
    jobs = MAKE + "\n\ndef other(model, config):\n    return TrainingLoop(model, config)\n"
    use = "from jobs import make, other\nmake(model, config).train(loader)\nprint(other(model, config))\n"
    run = migrate_paths([project(tmp_path, jobs=jobs, main=USE + use)])
    assert (run.rewritten, run.declined) == (1, 1)
    assert "legacy_train(make(model, config), loader)" in after(run, "main.py")
    assert "return TrainingLoop(model, config)" in after(run, "jobs.py")


def test_each_file_keeps_its_encoding_and_line_ends(tmp_path: Path) -> None:
    root = copied("factory", tmp_path)
    (root / "jobs.py").write_bytes(b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + MAKE.encode())
    (root / "main.py").write_bytes(b"\xef\xbb\xbf" + (root / "main.py").read_bytes().replace(b"\n", b"\r\n").rstrip())
    run = migrate_paths([root])
    jobs, main = run.changed
    assert jobs.after.startswith(b"# -*- coding: latin-1 -*-\n# caf\xe9\n")
    assert b"\r" not in jobs.after
    assert main.after.startswith(b"\xef\xbb\xbffrom parts")
    assert main.after.count(b"\n") == main.after.count(b"\r\n")
    assert not main.after.endswith(b"\n")


def test_the_report_says_what_goes_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = copied("factory_of_a_package", tmp_path)
    with pytest.raises(SystemExit):
        main(["--check", str(root)])
    told = capsys.readouterr().err
    assert "work.py: would rewrite the uses of what" in told
    assert "1 site found: 1 to rewrite" in told
    with pytest.raises(SystemExit):
        main(["--check", "--output-format", "json", str(root)])
    document = json.loads(capsys.readouterr().out)
    assert document["summary"]["naming_legacy_api"] == 1
    assert document["summary"]["changed_files"] == 2
    together = [[Path(each).name for each in file["together"]] for file in document["files"]]
    assert together == [["factory.py", "work.py"], ["factory.py", "work.py"]]


@pytest.mark.parametrize(("file", "line"), [("pkg/factory.py", 5), ("pkg/work.py", 5)])
def test_explain_tells_the_way_through_all_files_from_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, line: int
) -> None:
    monkeypatch.chdir(copied("factory_of_a_package", tmp_path))
    told = explain(f"{file}:{line}")
    assert told.startswith("pkg/factory.py:5:12 TrainingLoop")
    use = "5:32" if file == "pkg/work.py" else "pkg/work.py:5:32"
    assert f"use at {use}: make(model, config).train(loader)" in told
    assert "can be rewritten" in told
    assert "no use of the legacy API stands here" in explain("main.py:2")


def test_tests_of_what_goes_together_run_the_old_files_against_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied("factory", tmp_path))
    monkeypatch.setenv("ANN_MIGRATE_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(SystemExit) as ended:
        main([".", "--emit-tests", "tests/migrated"])
    assert ended.value.code == 0
    migrated = MigratedProject(Path("tests/migrated/migrated.json"))
    (site,) = migrated.sites
    migrated.check(site, ["python main.py"])
    text = Path("main.py").read_text()
    Path("main.py").write_text(text.replace("loader)", "loader, num_epochs=1)"))
    with pytest.raises(AssertionError, match="does not do what the old code did"):
        MigratedProject(Path("tests/migrated/migrated.json")).check(site, ["python main.py"])


def test_examples_in_docstrings_are_migrated_with_the_files(tmp_path: Path) -> None:
    example = '    """Make one.\n\n    >>> from adaptiveneuralnetwork.training import TrainingLoop\n'
    example += '    >>> loop = TrainingLoop(model, config)\n    """\n'
    root = copied("factory", tmp_path)
    (root / "jobs.py").write_text(MAKE.replace("config):\n", f"config):\n{example}"))
    run = migrate_paths([root], docs=True)
    assert (run.rewritten, run.declined) == (2, 0)
    assert ">>> loop = Trainer(" in after(run, "jobs.py")
    assert "return Trainer(" in after(run, "jobs.py")
    assert "TrainingLoop" not in after(run, "jobs.py")
    assert migrate_paths([root]).rewritten == 1
