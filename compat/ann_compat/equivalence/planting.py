"""Planting defects: each changes the real Trainer, bridge, codemod or harness while its context is active.

A defect is planted by rewriting a line of the real source and compiling it again, so a mutant can only be made from
code that is really there: when that code has changed, planting it fails instead of planting nothing.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Edit = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A defect that the harness must catch.

    Attributes:
        name: Short and distinct.
        defect: What is wrong.
        edits: ``(place, old, new)``: in the source of ``module:qualified.name``, ``old`` becomes ``new``.
        equivalent: Why no run can tell it from the right code, for a change that is none.
    """

    name: str
    defect: str
    edits: tuple[Edit, ...]
    equivalent: str | None = None

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The defect is in force while the context is active.

        Raises:
            LookupError: The source has changed since the mutant was written.
        """
        places: dict[str, list[tuple[str, str]]] = {}
        for place, old, new in self.edits:
            places.setdefault(place, []).append((old, new))
        with ExitStack() as stack:
            for place, replacements in places.items():
                stack.enter_context(edited(place, replacements))
            yield


@contextmanager
def edited(place: str, replacements: list[tuple[str, str]]) -> Iterator[None]:
    """Put an edited copy in the place of a function or method.

    Args:
        place: ``module:function`` or ``module:Class.method``.
        replacements: Parts of its source, each of which must occur exactly once, and what stands there instead.

    Raises:
        LookupError: A part does not occur exactly once: the source has changed since the mutant was written.
    """
    module_name, _, qualified = place.partition(":")
    module = import_module(module_name)
    owner: Any = module
    *owners, name = qualified.split(".")
    for part in owners:
        owner = getattr(owner, part)
    original = inspect.getattr_static(owner, name)
    function = getattr(original, "fget", original)
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in replacements:
        if source.count(old) != 1:
            raise LookupError(f"{place}: expected {old!r} once in its source, found it {source.count(old)} times")
        source = source.replace(old, new)
    namespace: dict[str, Any] = {}
    code = compile(source, f"<mutant of {place}>", "exec", _ANNOTATIONS)
    exec(code, vars(module), namespace)
    holders = [owner] if owner is not module else _holders(name, original)
    for holder in holders:
        setattr(holder, name, namespace[name])
    try:
        yield
    finally:
        for holder in holders:
            setattr(holder, name, original)


def _holders(name: str, function: Any) -> list[Any]:
    """The project's modules that have the function under its name, those that import it included."""
    modules = [module for key, module in sys.modules.items() if key.split(".")[0] in _PACKAGES]
    return [module for module in modules if vars(module).get(name) is function]


_ANNOTATIONS = __future__.annotations.compiler_flag
_PACKAGES = ("adaptiveneuralnetwork", "ann_compat", "ann_migrate")
