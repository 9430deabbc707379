"""Legacy names that reach a file through people's own modules: small projects on disk, migrated, and executed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from ann_migrate.api import RunResult, migrate_paths
from ann_migrate.result import Outcome

LIBRARY = "from adaptiveneuralnetwork.training import"
TRAINING = """
def run(model, config, loader):
    {name}(model, config).train(loader, num_epochs=2)
"""
MAIN = """
import torch
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
{imports}

torch.set_num_threads(1)
torch.manual_seed(3)
config = AdaptiveConfig(
    input_dim=6, hidden_dim=5, output_dim=3, num_nodes=4, device="cpu", save_checkpoint=False, metrics_file=None
)
data = TensorDataset(torch.randn(10, 6), torch.randint(0, 3, (10,)))
model = AdaptiveModel(config)
run(model, config, DataLoader(data, batch_size=4, shuffle=True))
for name, value in model.state_dict().items():
    print(name, value.double().numpy().tobytes().hex())
print(torch.rand(1).item())
"""


def project(root: Path, **files: str) -> Path:
    """Write a project: ``pkg__app`` is ``pkg/app.py``."""
    (root / "pyproject.toml").write_text("")
    for name, text in files.items():
        path = root / (name.replace("__init", "/__init__").replace("___", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return root


def outcomes(run: RunResult) -> dict[str, list[Outcome]]:
    return {result.path.name: [site.outcome for site in result.sites] for result in run.files if result.sites}


def after(run: RunResult, name: str) -> str:
    return next(result.after.decode() for result in run.files if result.path.name == name)


def written(run: RunResult) -> None:
    for result in run.changed:
        result.path.write_bytes(result.after)


def executed(root: Path) -> str:
    """What ``main.py`` prints: the model's numbers after training, and the next random one."""
    here = Path(__file__).parents[2]
    paths = os.pathsep.join(map(str, (root, here, here / "codemods", here / "compat")))
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "main.py"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if "poch" not in line)


EXECUTED = {
    "from": {
        "pkg__init": "",
        "pkg___compat": f"{LIBRARY} TrainingLoop\n",
        "pkg___app": "from .compat import TrainingLoop\n" + TRAINING.format(name="TrainingLoop"),
        "main": MAIN.format(imports="from pkg.app import run"),
    },
    "alias_of_alias": {
        "pkg__init": "",
        "pkg___compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "pkg___deep": "from pkg.compat import Loop as Inner\n",
        "pkg___app": "import pkg.deep as d\n" + TRAINING.format(name="d.Inner"),
        "main": MAIN.format(imports="from pkg.app import run"),
    },
    "package_with_all": {
        "pkg__init": f'{LIBRARY} TrainingLoop\n\n__all__ = ["TrainingLoop"]\n',
        "main": MAIN.format(imports="from pkg import TrainingLoop as T\n" + TRAINING.format(name="T")),
    },
    "module_that_draws_a_random_number": {
        "compat": f"import torch\n{LIBRARY} TrainingLoop as Loop\ntorch.manual_seed(1)\ntorch.rand(7)\n",
        "app": "from compat import Loop\n" + TRAINING.format(name="Loop"),
        "main": MAIN.format(imports="from app import run").replace("torch.manual_seed(3)\n", ""),
    },
}


@pytest.mark.parametrize("files", EXECUTED.values(), ids=EXECUTED)
def test_case_10_the_migrated_project_computes_the_same(tmp_path: Path, files: dict[str, str]) -> None:
    root = project(tmp_path, **files)
    before = executed(root)
    run = migrate_paths([root])
    assert run.rewritten == 1
    assert run.declined == 0
    written(run)
    assert executed(root) == before
    assert not migrate_paths([root]).rewritten


def test_case_10_the_name_is_taken_from_the_library_and_the_export_kept_and_reported(tmp_path: Path) -> None:
    run = migrate_paths([project(tmp_path, **EXECUTED["from"])])
    assert [result.path.name for result in run.changed] == ["app.py"]
    assert "from .compat" not in after(run, "app.py")
    assert "from adaptiveneuralnetwork.training.trainer import Trainer" in after(run, "app.py")
    (site,) = next(result.sites for result in run.files if result.path.name == "app.py")
    assert any("compat.py` line 1 goes on exporting `TrainingLoop`" in note for note in site.notes)


def test_case_10_an_import_that_does_more_than_define_names_stays(tmp_path: Path) -> None:
    run = migrate_paths([project(tmp_path, **EXECUTED["module_that_draws_a_random_number"])])
    assert "from compat import Loop\n" in after(run, "app.py")
    (site,) = next(result.sites for result in run.files if result.path.name == "app.py")
    assert any("stays" in note for note in site.notes)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from .compat import Loop", "Loop"),
        ("from .compat import Loop as X", "X"),
        ("from pkg.compat import Loop", "Loop"),
        ("from . import compat", "compat.Loop"),
        ("from . import compat as c", "c.Loop"),
        ("from pkg import compat", "compat.Loop"),
        ("import pkg.compat", "pkg.compat.Loop"),
        ("import pkg.compat as c", "c.Loop"),
        ("from .assigned import Alias", "Alias"),
        ("from .starred import Loop", "Loop"),
        ("from .below.compat import Loop", "Loop"),
    ],
)
def test_case_10_every_form_of_import(tmp_path: Path, statement: str, name: str) -> None:
    files = {
        "pkg__init": "",
        "pkg___compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "pkg___assigned": "from .compat import Loop\nAlias = Loop\n",
        "pkg___starred": "from .compat import *\n",
        "pkg___below__init": "",
        "pkg___below___compat": "from ..compat import Loop\n",
        "pkg___app": f"{statement}\n" + TRAINING.format(name=name),
    }
    run = migrate_paths([project(tmp_path, **files)])
    assert outcomes(run)["app.py"] == [Outcome.REWRITTEN]
    assert [result.path.name for result in run.changed] == ["app.py"]


def test_case_11_an_export_of_a_package_is_never_removed(tmp_path: Path) -> None:
    own = f'{LIBRARY} TrainingLoop\n__all__ = ["TrainingLoop"]\n' + TRAINING.format(name="TrainingLoop")
    run = migrate_paths([project(tmp_path, pkg__init=own, main="from pkg import TrainingLoop\nprint(TrainingLoop)\n")])
    assert "TrainingLoop" in after(run, "__init__.py").partition("__all__")[0]
    assert Outcome.REWRITTEN in outcomes(run)["__init__.py"]


def test_case_11_a_name_that_another_module_imports_stays(tmp_path: Path) -> None:
    own = f"{LIBRARY} TrainingLoop as Loop\n" + TRAINING.format(name="Loop")
    run = migrate_paths([project(tmp_path, pkg__init="", pkg___compat=own, pkg___user="from .compat import Loop\n")])
    assert "TrainingLoop as Loop" in after(run, "compat.py")


DECLINED = {
    "bound_twice": {
        "compat": f"try:\n    {LIBRARY} TrainingLoop as Loop\nexcept ImportError:\n    Loop = None\n",
        "app": "from compat import Loop\n" + TRAINING.format(name="Loop"),
    },
    "two_targets": {
        "compat": f"import os\nif os.name:\n    {LIBRARY} TrainingLoop as Loop\nelse:\n    from other import Loop\n",
        "app": "from compat import Loop\n" + TRAINING.format(name="Loop"),
    },
    "in_a_circle": {
        "pkg__init": "",
        "pkg___circle": f"from .round import Loop\n{LIBRARY} TrainingLoop as Loop\n",
        "pkg___round": "from .circle import Loop\n",
        "pkg___app": "from .round import Loop\n" + TRAINING.format(name="Loop"),
    },
    "which_file": {
        "a___compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "b___compat": "class Loop: ...\n",
        "c___app": "from compat import Loop\n" + TRAINING.format(name="Loop"),
    },
    "other_folder": {
        "a___compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "c___app": "from compat import Loop\n" + TRAINING.format(name="Loop"),
    },
    "patched": {
        "pkg__init": "",
        "pkg___compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "test_it": 'from unittest import mock\n\nmock.patch("pkg.compat.Loop")\n',
        "pkg___app": "import pkg.compat as c\n" + TRAINING.format(name="c.Loop"),
    },
}


@pytest.mark.parametrize("files", DECLINED.values(), ids=DECLINED)
def test_case_10_what_is_not_sure_is_declined(tmp_path: Path, files: dict[str, str]) -> None:
    run = migrate_paths([project(tmp_path, **files)])
    assert outcomes(run)["app.py"] == [Outcome.DECLINED]
    assert not run.changed
    assert next(result.sites[0].code for result in run.files if result.path.name == "app.py") == "ANN201"


UNTOUCHED = {
    "own_class": {
        "compat": "class TrainingLoop: ...\n",
        "app": "from compat import TrainingLoop\nTrainingLoop(1, 2)\n",
    },
    "other_library": {
        "compat": "from pykeen.training import TrainingLoop\n",
        "app": "from compat import TrainingLoop\nTrainingLoop(1, 2)\n",
    },
    "local_in_function": {
        "compat": f"def f():\n    {LIBRARY} TrainingLoop as Loop\n    return Loop\n",
        "app": "from compat import Loop\nLoop(1, 2)\n",
    },
    "same_word": {
        "compat": f"{LIBRARY} TrainingLoop as Loop\n",
        "app": "class Loop: ...\n\n\nLoop().train(1)\n",
        "broken": "Loop = (\n",
    },
}


@pytest.mark.parametrize("files", UNTOUCHED.values(), ids=UNTOUCHED)
def test_classes_of_others_are_not_touched(tmp_path: Path, files: dict[str, str]) -> None:
    run = migrate_paths([project(tmp_path, **files)])
    assert not run.changed
    assert not run.problems
    assert "app.py" not in outcomes(run)


def test_the_whole_project_is_read_but_only_what_is_given_is_written(tmp_path: Path) -> None:
    root = project(tmp_path, **EXECUTED["alias_of_alias"])
    run = migrate_paths([root / "pkg" / "app.py"])
    assert outcomes(run) == {"app.py": [Outcome.REWRITTEN]}


def test_case_46_a_patch_declines_the_binding_that_it_names_and_no_other(tmp_path: Path) -> None:
    training = TRAINING.format(name="TrainingLoop")
    test = f"""\
        from unittest import mock
        {LIBRARY} TrainingLoop

        mock.patch("runner.TrainingLoop")

        def own(model, config, loader):
            TrainingLoop(model, config).train(loader)
        """
    project(tmp_path, runner=f"{LIBRARY} TrainingLoop\n{training}", test_runner=test)
    run = migrate_paths([tmp_path])
    sites = {(result.path.name, site.code): site for result in run.files for site in result.sites}
    assert sites.keys() == {("runner.py", "ANN201"), ("test_runner.py", "ANN208"), ("test_runner.py", "ANN101")}
    patched = sites["runner.py", "ANN201"]
    assert "is replaced at " in patched.reason
    assert "test_runner.py:4, so what the name means" in patched.reason
    assert "Trainer" in patched.advice
    project(tmp_path, test_runner=test.replace("runner.TrainingLoop", "test_runner.TrainingLoop"))
    (own,) = (
        site
        for result in migrate_paths([tmp_path]).files
        for site in result.sites
        if result.path.name == "test_runner.py" and site.code == "ANN201"
    )
    assert "is replaced in this file" in own.reason
    assert own.culprit is not None
    assert own.culprit.line == 4


STARRED = (
    f"{LIBRARY} TrainingLoop\nfrom parts import model, config, loader\nTrainingLoop(model, config).train(loader)\n"
)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("import mine as nn\nfrom jobs import *\n", "import torch.nn as torch_nn\nimport torch.optim as optim\n"),
        ("from jobs import *\nprint(x)\n", "import torch.nn as nn\n"),
        ("import mine as nn\nfrom jobs import work\n", "import torch.nn as nn\n"),
        ("from again import *\noptim = 1\n", "import torch.optim as torch_optim\n"),
    ],
    ids=["a name of its own", "none of them", "no star", "a star of a star"],
)
def test_a_new_name_does_not_get_into_a_file_that_has_it_too(tmp_path: Path, other: str, expected: str) -> None:
    files = {"parts": "model = config = loader = 1\n", "jobs": STARRED, "app": other, "again": "from jobs import *\n"}
    if "again" not in other:
        del files["again"]
    run = migrate_paths([project(tmp_path, **files)])
    assert run.rewritten == 1
    assert expected in after(run, "jobs.py")


def test_a_new_name_that_all_does_not_list_stays_where_it_is(tmp_path: Path) -> None:
    files = {"jobs": f"{STARRED}__all__ = ['x']\n", "app": "import mine as nn\nfrom jobs import *\n"}
    assert "import torch.nn as nn\n" in after(migrate_paths([project(tmp_path, **files)]), "jobs.py")
