"""Patches of the package's own names: a site is declined just where Python itself would run the replacement."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from types import ModuleType
from unittest import mock

import pytest

from adaptiveneuralnetwork.api import AdaptiveConfig
from ann_migrate.api import migrate_paths
from ann_migrate.project.contents import Contents
from ann_migrate.project.import_paths import ImportPaths
from ann_migrate.project.meanings import Meanings
from ann_migrate.project.patches import Patches
from ann_migrate.project.project import Project
from ann_migrate.project.reexports import Reexports
from ann_migrate.result import Outcome, Site

TRAINING = "adaptiveneuralnetwork.training"
RUN = "def run(model, config, loader):\n    "
SITES = {
    "module": f"from adaptiveneuralnetwork import training\n{RUN}training.TrainingLoop(model, config).train(loader)\n",
    "module as": f"import {TRAINING} as t\n{RUN}t.TrainingLoop(model, config).train(loader)\n",
    "dotted": f"import {TRAINING}.loops\n{RUN}{TRAINING}.loops.TrainingLoop(model, config).train(loader)\n",
    "import in function": (
        f"{RUN}from {TRAINING} import TrainingLoop\n    TrainingLoop(model, config).train(loader)\n"
    ),
    "import in function as": (
        f"{RUN}from {TRAINING}.loops import TrainingLoop as L\n    L(model, config).train(loader)\n"
    ),
    "import in method": (
        f"class Job:\n    def go(self, model, config, loader):\n        from {TRAINING} import TrainingLoop\n"
        f"        TrainingLoop(model, config).train(loader)\n{RUN}Job().go(model, config, loader)\n"
    ),
    "import at top": f"from {TRAINING} import TrainingLoop\n{RUN}TrainingLoop(model, config).train(loader)\n",
    "loops at top": f"from {TRAINING}.loops import TrainingLoop\n{RUN}TrainingLoop(model, config).train(loader)\n",
    "quick_train": f"from {TRAINING} import quick_train\n{RUN}quick_train(config, loader)\n",
    "quick_train of module": f"import {TRAINING} as t\n{RUN}t.quick_train(config, loader)\n",
}
"""What ``app.py`` may hold: one site, which runs when ``run`` is called."""
PATCHES = {
    "string": f'mock.patch("{TRAINING}.TrainingLoop", Fake).start()',
    "string of loops": f'mock.patch("{TRAINING}.loops.TrainingLoop", Fake).start()',
    "keyword": f"mock.patch(new=Fake, target='{TRAINING}.TrainingLoop').start()",
    "quick_train": f'mock.patch("{TRAINING}.quick_train", Fake).start()',
    "quick_train of loops": f'monkeypatch.setattr("{TRAINING}.loops.quick_train", Fake)',
    "setattr by string": f'monkeypatch.setattr("{TRAINING}.TrainingLoop", Fake)',
    "setattr on module": 'monkeypatch.setattr(training, "TrainingLoop", Fake)',
    "setattr on loops": 'monkeypatch.setattr(training.loops, "TrainingLoop", Fake)',
    "with context": 'with monkeypatch.context() as m:\n    m.setattr(training, "TrainingLoop", Fake); return call()',
    "patch.object": 'patch_it.object(training, "TrainingLoop", Fake).start()',
    "patch.object by keywords": 'mock.patch.object(new=Fake, attribute="TrainingLoop", target=training).start()',
    "patch.multiple": f'mock.patch.multiple("{TRAINING}", TrainingLoop=Fake).start()',
    "patch.multiple of module": "mock.patch.multiple(training, TrainingLoop=Fake).start()",
    "alias of patch": f'patch_it("{TRAINING}.TrainingLoop", Fake).start()',
    "assignment": "training.TrainingLoop = Fake",
    "builtin setattr": 'setattr(training, "TrainingLoop", Fake)',
    "looked up": f'monkeypatch.setattr(importlib.import_module("{TRAINING}"), "TrainingLoop", Fake)',
    "through a module of the project": 'mock.patch("tools.t.TrainingLoop", Fake).start()',
    "through a package of the project": 'monkeypatch.setattr(tools.t, "TrainingLoop", Fake)',
    "constant": "mock.patch(TARGET, Fake).start()",
    "f-string": 'mock.patch(f"{MODULE}.TrainingLoop", Fake).start()',
    "sum": 'mock.patch(MODULE + ".TrainingLoop", Fake).start()',
    "one of several": f'for each in ["{TRAINING}.TrainingLoop"]:\n    mock.patch(each, Fake).start()',
    "several names": 'for each in ["TrainingLoop", "quick_train"]:\n    monkeypatch.setattr(training, each, Fake)',
    "other module": 'monkeypatch.setattr(tools, "TrainingLoop", Fake, raising=False)',
    "other attribute": 'monkeypatch.setattr(training, "TrainingLoops", Fake, raising=False)',
    "read": 'getattr(training, "TrainingLoop")',
    "imported": f'importlib.import_module("{TRAINING}").TrainingLoop',
    "in data": f'settings = {{"_target_": "{TRAINING}.TrainingLoop"}}',
    "own module": 'monkeypatch.setattr(app, "TrainingLoop", Fake, raising=False)',
    "own module by string": 'monkeypatch.setattr("app.TrainingLoop", Fake, raising=False)',
}
"""What a function in another file may do before it calls ``run``."""
TOLD_APART = ("string", "string of loops", "quick_train", "quick_train of loops", "several names", "own module")
"""Those that tell one site from another: each is tried with all of them, the others with two."""
PAIRS = [
    (site, patch) for site in SITES for patch in PATCHES if patch in TOLD_APART or site in ("module", "import at top")
]
TOOLS = "from adaptiveneuralnetwork import training as t\n"
CONFTEST = f"""\
import importlib
from unittest import mock
from unittest.mock import patch as patch_it

import app
import tools
from adaptiveneuralnetwork import training

MODULE = "{TRAINING}"
TARGET = {{target}}

def use(monkeypatch, Fake, call):
{{body}}
    return call()
"""


class Fake:
    """What the patches put in the place of a legacy name."""

    called = False

    def __init__(self, *given: object, **named: object) -> None:
        Fake.called = True

    def train(self, *given: object, **named: object) -> list[object]:
        return []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which modules can be imported; nothing of them, or of what they replace, is left."""
    training = importlib.import_module(TRAINING)
    modules = (training, training.loops)
    kept = [(module, name, getattr(module, name)) for module in modules for name in ("TrainingLoop", "quick_train")]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "pyproject.toml").write_text("")
    Fake.called = False
    yield tmp_path
    mock.patch.stopall()
    for module, name, value in kept:
        setattr(module, name, value)
    for name in ("app", "tools", "conftest_of_app"):
        sys.modules.pop(name, None)


def write(folder: Path, site: str, patch: str) -> None:
    target = repr(f"{TRAINING}.TrainingLoop") if "TARGET" in patch else None
    (folder / "app.py").write_text(site)
    (folder / "tools.py").write_text(TOOLS)
    (folder / "conftest_of_app.py").write_text(CONFTEST.format(body=indent(patch, "    "), target=target))


def is_replaced(conftest: ModuleType, app: ModuleType) -> bool:
    """Whether the site runs what a patch has put there."""
    config = AdaptiveConfig(input_dim=2, hidden_dim=2, output_dim=2, num_nodes=2, device="cpu")

    def call() -> bool:
        try:
            app.run(None, config, None)
        except (AttributeError, TypeError):  # the real one wants a model and a loader
            return Fake.called
        return True

    with pytest.MonkeyPatch.context() as monkeypatch:
        return bool(conftest.use(monkeypatch, Fake, call))


def site_of(folder: Path, name: str = "app.py") -> Site:
    (site,) = next(result.sites for result in migrate_paths([folder / name]).files)
    return site


@pytest.mark.parametrize(("site", "patch"), PAIRS)
def test_a_site_is_declined_where_a_patch_elsewhere_reaches_it(folder: Path, site: str, patch: str) -> None:
    write(folder, SITES[site], PATCHES[patch])
    declined = site_of(folder)
    app, conftest = importlib.import_module("app"), importlib.import_module("conftest_of_app")
    if is_replaced(conftest, app):
        assert (declined.code, declined.outcome) == ("ANN201", Outcome.DECLINED)
        assert "is replaced at " in declined.reason
        assert "conftest_of_app.py:" in declined.reason
    else:
        assert declined.outcome is Outcome.REWRITTEN


def test_the_place_is_the_line_of_the_string(folder: Path) -> None:
    write(folder, SITES["module"], f"mock.patch(\n    '{TRAINING}.TrainingLoop',\n    Fake,\n).start()")
    line = 1 + (folder / "conftest_of_app.py").read_text().splitlines().index(f"        '{TRAINING}.TrainingLoop',")
    assert f"conftest_of_app.py:{line}, so what the name means" in site_of(folder).reason


def test_a_patch_in_a_notebook_is_named_by_its_cell(folder: Path) -> None:
    write(folder, SITES["module"], "")
    cells = [
        {"cell_type": "markdown", "source": ["Text"], "metadata": {}},
        {"cell_type": "code", "source": ["%time x = 1"], "metadata": {}, "outputs": []},
        {
            "cell_type": "code",
            "source": ["from unittest import mock\n", f"mock.patch('{TRAINING}.TrainingLoop')"],
            "metadata": {},
            "outputs": [],
        },
    ]
    (folder / "book.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    assert "book.ipynb:cell 3:2, so what the name means" in site_of(folder).reason


def test_in_a_package_relative_imports_lead_to_the_patched_module(folder: Path) -> None:
    for name, text in {
        "__init__": "",
        "deep": "from adaptiveneuralnetwork import training\n",
        "app": SITES["module"],
        "test_app": "from . import deep\nfrom .deep import training as t\n\n"
        "def test(monkeypatch):\n    monkeypatch.setattr(deep.training, 'TrainingLoop', 1)\n",
    }.items():
        (folder / "pkg").mkdir(exist_ok=True)
        (folder / "pkg" / f"{name}.py").write_text(text)
    assert "test_app.py:5" in site_of(folder, "pkg/app.py").reason


def test_the_string_that_names_it_through_a_module_of_the_project_is_a_site(folder: Path) -> None:
    write(folder, SITES["import at top"], 'mock.patch("tools.t.TrainingLoop", Fake).start()')
    assert (site_of(folder, "conftest_of_app.py").code, site_of(folder).outcome) == ("ANN208", Outcome.REWRITTEN)


def test_a_file_that_patches_nothing_is_not_parsed() -> None:
    files = {
        Path(
            "app.py"
        ): b"from adaptiveneuralnetwork import training as t\nloop = t.TrainingLoop(m, c)\ndispatch(loop)\n",
        Path("test_app.py"): b'"""Of t.TrainingLoop."""\npatch_size = 3\n',
    }

    def parse(path: Path) -> None:
        raise AssertionError(f"{path} is parsed")

    reexports = Reexports({}, ImportPaths({}), Contents({}, files.__getitem__), parse)
    patches = Patches(Contents(files, files.__getitem__), Meanings({}, reexports, parse))
    assert patches.place(f"{TRAINING}.TrainingLoop") is None


def test_a_patching_file_that_is_nested_too_deeply_is_passed_over() -> None:
    deep = f"mock.patch('{TRAINING}.TrainingLoop')\nx = 1{' + 1' * 2500}\n"
    files = {Path("test_a.py"): deep.encode()}
    project = Project({"test_a": Path("test_a.py")}, files.__getitem__)
    assert project.patch(f"{TRAINING}.TrainingLoop") is None


def test_a_circle_of_imports_ends() -> None:
    files = {
        Path("a.py"): b"from b import training\n",
        Path("b.py"): b"from a import training\n",
        Path("test_a.py"): b"import a\nmonkeypatch.setattr(a.training, 'TrainingLoop', 1)\n",
    }
    project = Project({path.stem: path for path in files}, files.__getitem__)
    assert project.patch(f"{TRAINING}.TrainingLoop") is None
