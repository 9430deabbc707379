"""Every example in the docstrings of the library runs and gives what it says.

Examples may use what a reader would have at hand: torch, nn and optim, a model with its optimizer and criterion, two
loaders, the names that ``adaptiveneuralnetwork.training`` exports, and an empty folder.
"""

import doctest
import importlib
import inspect
import pkgutil
import re
from enum import EnumType

import pytest
import torch
from torch import nn, optim

import adaptiveneuralnetwork
from adaptiveneuralnetwork import api, training
from adaptiveneuralnetwork.training import callbacks

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(adaptiveneuralnetwork.__path__, f"{adaptiveneuralnetwork.__name__}.")
)


@pytest.fixture
def at_hand(tmp_path):
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    batches = [(torch.randn(size, 6), torch.randint(0, 4, (size,))) for size in (8, 8, 3)]
    return {
        **{name: getattr(training, name) for name in training.__all__},
        "torch": torch,
        "nn": nn,
        "optim": optim,
        "model": model,
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
        "criterion": nn.CrossEntropyLoss(),
        "train_loader": batches,
        "val_loader": batches[:1],
        "folder": tmp_path,
    }


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, at_hand, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        for key, value in at_hand.items():
            test.globs.setdefault(key, value)
        runner.run(test)
    assert runner.summarize().failed == 0


PUBLIC = {
    f"{public.__module__}.{name}": public
    for package in (api, callbacks, training)
    for name in package.__all__
    if (public := getattr(package, name)) is not None
}
"""What people import, by its full name."""


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_has_a_docstring_of_its_own_with_arguments_and_an_example(name):
    public = PUBLIC[name]
    text = inspect.cleandoc(vars(public).get("__doc__") or "") if isinstance(public, type) else inspect.getdoc(public)
    assert ">>> " in text
    if isinstance(public, EnumType) or getattr(public, "_is_protocol", False) or not takes_arguments(public):
        return
    entries = re.findall(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*):", text, re.MULTILINE)
    explained = {name.lstrip("*") for entry in entries for name in entry.split(", ")}
    assert set(inspect.signature(public).parameters) <= explained


def takes_arguments(public):
    """An error without a constructor of its own does not count."""
    return not (isinstance(public, type) and public.__init__ in (ValueError.__init__, object.__init__))


@pytest.mark.parametrize("name", [name for name, public in PUBLIC.items() if isinstance(public, type)])
def test_what_a_public_class_can_do_is_explained(name):
    for method, function in vars(PUBLIC[name]).items():
        if not method.startswith("_") and callable(function):
            assert inspect.getdoc(getattr(PUBLIC[name], method)), f"{method} has no docstring"
