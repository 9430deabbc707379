"""What random projects do now and then that nobody can follow, or hardly: odd imports, names bound again."""

from __future__ import annotations

import random
from typing import Protocol


class Writer(Protocol):
    """What these forms need of whoever writes the project."""

    random: random.Random

    def number(self) -> int: ...


class Module(Protocol):
    """What they need of a module that is being written."""

    head: list[str]


def reach_oddly(writer: Writer, module: Module, home: str, name: str, way: str) -> str:
    """Write an import of a name of ``home`` that is not plain; return the text by which the name is then reached.

    Args:
        writer: Makes the choices.
        module: The module that imports.
        home: The module that has the name.
        name: The name.
        way: How the import writes the module's name.
    """
    form = writer.random.randrange(19)
    if form == 0:
        module.head += [f"from {way} import *"]
        return name if not name.startswith("_") else "None"
    if form == 1:
        module.head += ["try:", f"    from {way} import {name}", "except ImportError:", f"    {name} = None"]
        return name
    if form == 2:
        module.head += ["if flag():", f"    from {way} import {name}", "else:", f"    from {way} import {name}"]
        return name
    if form == 3:
        module.head += ["import importlib"]
        return f"importlib.import_module('{home}').{name}"
    if form == 4:
        module.head += [f"import sys, {home}"]
        return f"sys.modules['{home}'].{name}"
    if form == 5:
        module.head += [f"import {home} as got"]
        return f"getattr(got, '{name}')"
    if form == 6:
        module.head += [f"def ask{(n := writer.number())}():", f"    from {way} import {name}", f"    return {name}"]
        return f"ask{n}()"
    if form == 7:
        return f"__import__('{home}', fromlist=['x']).{name}"
    if form == 8:
        module.head += ["from typing import TYPE_CHECKING", f"import {home} as typed", "if TYPE_CHECKING:"]
        module.head += [f"    from {way} import {name}"]
        return f"typed.{name}"
    if form == 9:
        module.head += [f"import {home} as here", f"alias{(n := writer.number())} = here.{name}"]
        return f"alias{n}"
    if form == 10:
        module.head += [f"import {home} as one", "two = one"]
        return f"two.{name}"
    if form == 11:
        module.head += ["class Space:", f"    from {way} import {name}"]
        return f"Space.{name}"
    if form == 12:
        module.head += [f"import {home} as g", "h = g if flag() else g"]
        return f"h.{name}"
    if form == 13:
        module.head += [f"from {way} import {name} as given", f"{name} = given"]
        return name
    if form == 14:
        module.head += [f"import {home} as v"]
        return f"vars(v)['{name}']"
    if form == 15:
        module.head += [f"from {way} import {name}", f"from {way} import {name} as {name}"]
        return name
    if form == 16:
        package = home.partition(".")[0]
        module.head += [f"import {home}", f"from {package} import *"]
        return f"{home}.{name}"
    if form == 17:
        module.head += [f"def here{(n := writer.number())}():", f"    import {home}"]
        module.head += [f"    return {home}.{name}"]
        return f"here{n}()"
    module.head += [f"import {home} as had", "def __getattr__(name):", "    return getattr(had, name)"]
    return f"had.{name}"


def odd_statement(writer: Writer, text: str) -> list[str]:
    """Lines that do something odd with what is reached by ``text``."""
    root, _, _last = text.partition(".")
    return writer.random.choice(
        [
            ["if flag():", f"    del {text}"],
            [f"held = [{text}]"],
            ["import copy", f"same = {text}"],
            [f"{root} = {root}"],
            [f"{text} = {text}"],
            [f"__all__ = ['{text.rpartition('.')[2]}']"],
            [f"globals().get({text!r})"],
            [f"model = Other({writer.number()})"],
            [f"if {text} and hasattr({text}, 'train'):", f"    {text}.train({writer.number()})"],
            [f"setattr(__import__('sys').modules[__name__], {text!r}, {text})"],
            [
                f"def shadow({root}):",
                f"    return {text}",
                "try:",
                "    shadow(Other(1))",
                "except Exception:",
                "    pass",
            ],
            [f"for {root} in []:", "    pass"],
            ["class Space:", f"    here = {text}", f"Space.here and note({writer.number()}, Space.here)"],
            [f"note(0, f'{{{text} is None}}')"],
            [f"pair = {text}, {text}", f"pair[0] and note({writer.number()}, pair[0])"],
            ["def local():", f"    {root} = Other({writer.number()})"],
            ["def outside():", f"    global {root}", f"    {root} = None"],
            [f"vars()[{text!r}]" if "." not in text else f"vars({text.rpartition('.')[0]})"],
            ["import functools", f"later = functools.partial({text})"],
            ["def again():", f"    {root} = None", f"    return {root}"],
        ]
    )
