"""The rules: one file each, with a docstring that is its page in the catalogue, its ``CODE``, and cases that the
tests run.

Codes, by range:

========  =====================================================================================================
ANN1xx    rewrites
ANN2xx    declined: the *name* of the class or function is used as something else than a plain call of it
ANN3xx    declined: the *object* goes where it is not followed
ANN4xx    declined: the *arguments*, the time or the place of a call do not allow a rewrite that does the same
ANN5xx    ignored: nothing to do, or left alone by wish
ANN9xx    the file cannot be analysed or written (:mod:`ann_migrate.text.source`, :mod:`ann_migrate.running.engine`)
========  =====================================================================================================

A rule is found by being here: every module without a leading underscore is one.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType


@functools.cache
def all_rules() -> tuple[ModuleType, ...]:
    """Every rule module, in the order of the codes."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
        if not info.name.startswith("_")
    ]
    return tuple(sorted(modules, key=lambda module: str(module.CODE)))


@functools.cache
def rules_with(function: str) -> tuple[ModuleType, ...]:
    """The rules that have a function of this name: ``explain_name``, ``explain_escape`` or ``plan_use``."""
    return tuple(rule for rule in all_rules() if hasattr(rule, function))
