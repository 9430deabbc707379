"""Every example in the docstrings of the library runs and gives what it says.

Examples may use what a reader would have at hand: torch, nn and optim, a model with its optimizer and criterion, two
loaders, the names that ``adaptiveneuralnetwork.training`` exports, and an empty folder.
"""

import doctest
import importlib
import pkgutil

import pytest
import torch
from torch import nn, optim

import adaptiveneuralnetwork
from adaptiveneuralnetwork import training

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
