"""The examples in the documentation of the package run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from ann_migrate import documents

MODULES = [f"{documents.__name__}.{module.name}" for module in pkgutil.iter_modules(documents.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
