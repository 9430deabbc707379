"""Every example in the docstrings of the bridge and the harness runs and gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import ann_compat

MODULES = sorted(module.name for module in pkgutil.walk_packages(ann_compat.__path__, "ann_compat."))


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_the_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0


def test_there_are_examples():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES if "bridge" in name)
