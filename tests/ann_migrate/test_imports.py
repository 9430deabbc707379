"""What imports become: existing ones used, new ones placed, collisions avoided, comments and exports kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from ann_migrate.result import FileResult, Outcome
from ann_migrate.running.engine import migrate_bytes

LIBRARY = "from adaptiveneuralnetwork.training import TrainingLoop\n"
CHAIN = "TrainingLoop(model, config).train(loader, num_epochs=2)\n"


def _migrate(source: str) -> FileResult:
    result = migrate_bytes(source.encode(), path=Path("program.py"))
    assert result.problem is None
    return result


def _after(source: str) -> str:
    result = _migrate(source)
    assert Outcome.REWRITTEN in {site.outcome for site in result.sites}
    return result.after.decode()


def _head(source: str, lines: int) -> str:
    """The first lines of the migrated file."""
    return "".join(_after(source).splitlines(keepends=True)[:lines])


# -- existing imports -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("imports", "adam", "loss"),
    [
        ("from torch import nn, optim\n", "optim.Adam", "nn.CrossEntropyLoss"),
        ("import torch.nn as N\nimport torch.optim as o\n", "o.Adam", "N.CrossEntropyLoss"),
        ("import torch\n", "torch.optim.Adam", "torch.nn.CrossEntropyLoss"),
        ("import torch.nn\n", "torch.optim.Adam", "torch.nn.CrossEntropyLoss"),
        ("import torch as T\n", "T.optim.Adam", "T.nn.CrossEntropyLoss"),
        ("from torch.optim import Adam as A\nfrom torch.nn import CrossEntropyLoss\n", "A", "CrossEntropyLoss"),
        ("from torch.optim import SGD\n", "optim.Adam", "nn.CrossEntropyLoss"),
    ],
)
def test_an_existing_import_is_used(imports: str, adam: str, loss: str) -> None:
    after = _after(imports + LIBRARY + CHAIN)
    assert f"    {adam}(model.parameters(), lr=config.learning_rate),\n    {loss}(),\n" in after
    assert after.count("import torch") + after.count("from torch") == imports.count("torch") + (
        2 if "SGD" in imports else 0
    )


@pytest.mark.parametrize(
    "imports",
    [
        "if gpu:\n    from torch import nn, optim\n",
        "try:\n    from torch import nn, optim\nexcept ImportError:\n    nn = optim = None\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import nn, optim\n",
        "from torch import nn, optim\nnn = optim = None\n",
        "def f():\n    from torch import nn, optim\n    return nn, optim\n",
    ],
)
def test_an_import_that_may_not_be_bound_is_not_used(imports: str) -> None:
    after = _after(imports + LIBRARY + CHAIN)
    local = "def f" in imports
    assert ("import torch.nn as nn" if local else "import torch.nn as torch_nn") in after
    assert ("import torch.optim as optim" if local else "import torch.optim as torch_optim") in after


def test_an_import_behind_the_use_is_not_used() -> None:
    assert "import torch.nn as torch_nn\n" in _after(LIBRARY + CHAIN + "from torch import nn\n")


def test_trainer_and_bridge_that_are_there_are_used() -> None:
    source = (
        "from adaptiveneuralnetwork.training import Trainer as T, TrainingLoop\n"
        "from ann_compat import legacy_callbacks as lc, flatten_images\nimport torch\n"
    )
    after = _after(source + CHAIN)
    assert after.startswith(
        "from adaptiveneuralnetwork.training import Trainer as T\n"
        "from ann_compat import legacy_callbacks as lc, flatten_images\nimport torch\nT(\n"
    )
    assert "callbacks=lc(config)" in after


# -- where new imports go ---------------------------------------------------------------------------------------------


def test_new_imports_stand_beside_their_like() -> None:
    source = (
        '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n\nfrom torch.utils.data import DataLoader\n\n'
        + LIBRARY
        + "from adaptiveneuralnetwork.api import AdaptiveConfig\n\n"
        + CHAIN
    )
    assert _head(source, 14) == (
        '"""Doc."""\nfrom __future__ import annotations\n\nimport os\n\n'
        "import torch.nn as nn\nimport torch.optim as optim\nfrom torch.utils.data import DataLoader\n\n"
        "from adaptiveneuralnetwork.training import Trainer\n"
        "from adaptiveneuralnetwork.api import AdaptiveConfig\n"
        "from ann_compat import flatten_images, legacy_callbacks\n\nTrainer(\n"
    )


def test_a_local_import_gets_local_company() -> None:
    source = f"def run(model, config, loader):\n    {LIBRARY}    return {CHAIN}"
    assert _head(source, 5) == (
        "def run(model, config, loader):\n"
        "    from adaptiveneuralnetwork.training import Trainer\n"
        "    from ann_compat import flatten_images, legacy_callbacks, legacy_history\n"
        "    import torch.nn as nn\n"
        "    import torch.optim as optim\n"
    )


def test_every_branch_of_a_fallback_gets_the_imports() -> None:
    source = f"try:\n    {LIBRARY}except ImportError:\n    {LIBRARY.replace('training', 'training.loops')}{CHAIN}"
    after = _after(source)
    assert after.count("    from ann_compat import flatten_images, legacy_callbacks\n") == 2
    assert "    from adaptiveneuralnetwork.training.trainer import Trainer\n" in after


def test_a_statement_on_a_shared_line_is_followed_on_that_line() -> None:
    source = "import torch; " + LIBRARY.rstrip() + "; x = 1\n" + CHAIN
    assert _head(source, 1) == (
        "import torch; from adaptiveneuralnetwork.training import Trainer;"
        " from ann_compat import flatten_images, legacy_callbacks; x = 1\n"
    )


@pytest.mark.parametrize(
    ("imports", "call", "line", "callee"),
    [
        (
            "import adaptiveneuralnetwork.training as t\n",
            "t.TrainingLoop",
            "import adaptiveneuralnetwork.training as t\n",
            "t.Trainer",
        ),
        (
            "from adaptiveneuralnetwork import training\n",
            "training.TrainingLoop",
            "from adaptiveneuralnetwork import training\n",
            "training.Trainer",
        ),
        (
            "import adaptiveneuralnetwork.training.loops\n",
            "adaptiveneuralnetwork.training.loops.TrainingLoop",
            "import adaptiveneuralnetwork.training.loops\n",
            "adaptiveneuralnetwork.training.Trainer",
        ),
        (
            "import adaptiveneuralnetwork.training.loops as L\n",
            "L.TrainingLoop",
            "from adaptiveneuralnetwork.training.trainer import Trainer\n",
            "Trainer",
        ),
        (
            "from adaptiveneuralnetwork.training import loops\n",
            "loops.TrainingLoop",
            "from adaptiveneuralnetwork.training import Trainer, loops\n",
            "Trainer",
        ),
        (
            "from adaptiveneuralnetwork.training.loops import TrainingLoop as TL\n",
            "TL",
            "from adaptiveneuralnetwork.training.trainer import Trainer\n",
            "Trainer",
        ),
    ],
)
def test_every_import_form(imports: str, call: str, line: str, callee: str) -> None:
    after = _after(imports + CHAIN.replace("TrainingLoop", call))
    assert line in after
    assert f"\n{callee}(\n" in after
    assert "TrainingLoop" not in after


# -- collisions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("from lightning import Trainer\n", "AnnTrainer"),
        ("class Trainer: ...\n", "AnnTrainer"),
        ("Trainer = AnnTrainer = None\n", "AnnTrainer2"),
        ("def f():\n    global Trainer\n", "AnnTrainer"),
        ("def f():\n    return Trainer\n", "AnnTrainer"),
        ("def f(Trainer):\n    return Trainer\n", "Trainer"),
        ("class C:\n    Trainer = 1\n", "Trainer"),
        ("[Trainer for Trainer in ()]\n", "Trainer"),
    ],
)
def test_a_name_that_is_taken_is_avoided(code: str, name: str) -> None:
    after = _after(LIBRARY + code + CHAIN)
    assert f"\n{name}(\n" in after
    assert ("import Trainer\n" if name == "Trainer" else f"import Trainer as {name}\n") in after


def test_a_name_hidden_at_one_use_gets_another_there() -> None:
    source = LIBRARY + CHAIN + "def f(model, config, loader, nn):\n    " + CHAIN + "def g(optim):\n    return optim\n"
    after = _after(source)
    assert "\n    nn.CrossEntropyLoss()," in after
    assert "\n        torch_nn.CrossEntropyLoss()," in after
    assert "import torch.nn as nn\n" in after
    assert "import torch.nn as torch_nn\n" in after


@pytest.mark.parametrize("code", ["optimizer = 1\n", "print(criterion)\n", "def f():\n    return optimizer\n"])
def test_optimizer_and_criterion_are_not_bound_where_the_name_is_used(code: str) -> None:
    after = _after(LIBRARY + "loop = TrainingLoop(model, config)\n" + code)
    taken = "optimizer" if "optimizer" in code else "criterion"
    assert f"\n{taken} = " not in after.replace(code, "")
    assert ("    optim.Adam(" if taken == "optimizer" else "    nn.CrossEntropyLoss(),") in after


# -- what stays -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" import TrainingLoop  # the loop\n", " import Trainer  # the loop\n"),
        (" import (\n    TrainingLoop,  # the loop\n)\n", " import (\n    Trainer,  # the loop\n)\n"),
        (" import TrainingLoop, load_digits\n", " import Trainer, load_digits\n"),
        (" import load_digits, TrainingLoop\n", " import load_digits, Trainer\n"),
        (" import LoggingCallback, TrainingLoop\n", " import LoggingCallback, Trainer\n"),
        (" import (TrainingLoop, load_digits,)\n", " import (Trainer, load_digits,)\n"),
        (" import \\\n    TrainingLoop\n", " import \\\n    Trainer\n"),
        (" import TrainingLoop  # noqa: F401\n", " import Trainer, TrainingLoop  # noqa: F401\n"),
        (" import TrainingLoop  # noqa: E402\n", " import Trainer  # noqa: E402\n"),
        (".loops import TrainingLoop  # the loop\n", ".trainer import Trainer  # the loop\n"),
    ],
)
def test_only_the_name_changes(old: str, new: str) -> None:
    """The statements are given without ``from adaptiveneuralnetwork.training``."""
    package = "from adaptiveneuralnetwork.training"
    assert _after(package + old + CHAIN).startswith(package + new)


@pytest.mark.parametrize(
    "rest",
    ["cls = TrainingLoop\n", "def f(x: TrainingLoop): ...\n", "__all__ = ['TrainingLoop']\n", "TrainingLoop(*a)\n"],
)
def test_the_legacy_name_stays_while_something_needs_it(rest: str) -> None:
    assert _after(LIBRARY + CHAIN + rest).startswith(
        "from adaptiveneuralnetwork.training import Trainer, TrainingLoop\n"
    )


def test_a_star_import_that_follows_could_bind_anything() -> None:
    result = _migrate(LIBRARY + "from tools import *\n" + CHAIN)
    assert [site.code for site in result.sites] == ["ANN408"]


def test_a_name_that_an_earlier_star_import_may_give_is_avoided() -> None:
    after = _after("from tools import *\n" + LIBRARY + CHAIN + "nn.Linear(1, 1)\n")
    assert "import torch.nn as torch_nn\n" in after


def test_the_one_star_import_brings_trainer_too() -> None:
    after = _after(f"from adaptiveneuralnetwork.training import *\n{CHAIN}")
    assert after.startswith("from adaptiveneuralnetwork.training import *\nfrom ann_compat import")
    assert "\nTrainer(" in after
    assert "import Trainer" not in after


def test_a_name_of_ones_own_beats_the_star_import() -> None:
    after = _after(f"from adaptiveneuralnetwork.training import *\nclass Trainer: ...\n{CHAIN}")
    assert "\nfrom adaptiveneuralnetwork.training.trainer import Trainer as AnnTrainer\n" in after
    assert "\nAnnTrainer(" in after


@pytest.mark.parametrize(
    "imports",
    [
        "from adaptiveneuralnetwork.training import *\nfrom mine import *\n",
        "from mine import *\nfrom adaptiveneuralnetwork.training import *\n",
        "if fast:\n    from adaptiveneuralnetwork.training import *\n",
    ],
)
def test_a_star_import_that_leaves_doubt_is_declined(imports: str) -> None:
    result = _migrate(f"{imports}{CHAIN}")
    assert not result.changed
    assert [site.code for site in result.sites] == ["ANN203"]


def test_a_class_of_ones_own_beside_a_star_import_is_no_site() -> None:
    result = _migrate(f"from adaptiveneuralnetwork.training import *\nclass TrainingLoop: ...\n{CHAIN}")
    assert not result.changed
    assert not result.sites


def test_annotations_go_with_a_star_import_too() -> None:
    after = _after(
        "from adaptiveneuralnetwork.training import *\nfirst: TrainingLoop = TrainingLoop(model, config)\n"
        'second: "TrainingLoop" = TrainingLoop(model, config)\n'
    )
    assert "\nfirst: Trainer = Trainer(" in after
    assert '\nsecond: "Trainer" = Trainer(' in after


@pytest.mark.parametrize(
    "rest",
    [
        "def run(loop: 'TrainingLoop'): ...\n",
        "__all__ = ['TrainingLoop']\n",
        "isinstance(loop, TrainingLoop)\n",
    ],
)
def test_other_uses_of_a_star_imported_name_are_sites_before_and_after(rest: str) -> None:
    result = _migrate(f"from adaptiveneuralnetwork.training import *\n{rest}{CHAIN}")
    other, call = (site.outcome for site in result.sites)
    assert other in (Outcome.DECLINED, Outcome.IGNORED)
    assert call is Outcome.REWRITTEN


@pytest.mark.parametrize(
    "rest", ["del TrainingLoop\n", "def spoil():\n    global TrainingLoop\n    TrainingLoop = 3\n"]
)
def test_a_star_imported_name_that_is_bound_again_is_declined(rest: str) -> None:
    result = _migrate(f"from adaptiveneuralnetwork.training import *\n{rest}{CHAIN}")
    assert not result.changed
    assert {site.outcome for site in result.sites} == {Outcome.DECLINED}
