"""Every rewriting rule's cases in other places: in functions, classes, blocks, lambdas, under other names.

Each wrapped case is rewritten to something that parses and that a second run leaves alone, or declined with a code:
there is no third outcome. A sample is executed before and after.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from program_runs import ProgramRun, differences, run_program
from torch.utils.data import DataLoader, TensorDataset

from adaptiveneuralnetwork.api import AdaptiveConfig, AdaptiveModel
from ann_migrate.result import FileResult, Outcome
from ann_migrate.rules import all_rules
from ann_migrate.running.engine import migrate_bytes

REWRITTEN_SHARE = 0.8
CALLS = {
    "def run(config, optimizer, loader):": "run(config, torch.optim.SGD(model.parameters(), lr=0.1), loader)",
    "run = lambda:": "run()",
}
"""Cases that only define something are called too, or they would show nothing when they are executed."""


@dataclass(frozen=True)
class Case:
    """A case of a rule, cut into its imports and what follows them."""

    name: str
    imports: str
    body: str

    @property
    def source(self) -> str:
        return f"{self.imports}\n{self.body}"


def _cut(name: str, source: str) -> Case:
    statements = ast.parse(source).body
    first = next(item for item in statements if not isinstance(item, (ast.Import, ast.ImportFrom)))
    lines = source.splitlines(keepends=True)
    body = "".join(lines[first.lineno - 1 :])
    body += "".join(f"{call}\n" for start, call in CALLS.items() if start in body)
    return Case(name, "".join(lines[: first.lineno - 1]).strip() + "\n", body)


CASES = [
    _cut(f"{rule.CODE}-{number}", case[0])
    for rule in all_rules()
    for number, case in enumerate(rule.INVALID)
    if isinstance(case, tuple)
]


# -- the wrappings ----------------------------------------------------------------------------------------------------


def _inside(*lines: str, after: str = "") -> Callable[[Case], str]:
    """The body below some lines, each indented more than the one before."""

    def wrap(case: Case) -> str:
        head = "".join("    " * depth + line + "\n" for depth, line in enumerate(lines))
        return f"{case.imports}\n{head}{textwrap.indent(case.body, '    ' * len(lines))}{after}"

    return wrap


def _with_local_import(case: Case) -> str:
    return f"def wrapped():\n{textwrap.indent(case.source, '    ')}\nwrapped()\n"


def _in_closure(case: Case) -> str | None:
    """What makes the object in a function, what uses it in a function inside that one."""
    first, rest = _halves(case)
    if not rest:
        return None
    inner = textwrap.indent(f"def inner():\n{textwrap.indent(rest, '    ')}inner()\n", "    ")
    return f"{case.imports}\ndef outer():\n{textwrap.indent(first, '    ')}{inner}outer()\n"


def _on_self(case: Case) -> str | None:
    """The object on an attribute, made in one method and used in another."""
    first, rest = _halves(case)
    if not rest or not first.startswith("loop = "):
        return None
    first, rest = (re.sub(r"\bloop\b", "self.loop", text) for text in (first, rest))
    methods = f"def __init__(self):\n{textwrap.indent(first, '    ')}\ndef run(self):\n{textwrap.indent(rest, '    ')}"
    return f"{case.imports}\nclass Wrapped:\n{textwrap.indent(methods, '    ')}\nWrapped().run()\n"


def _in_lambda(case: Case) -> str | None:
    """Where the case is one expression, or a name and an expression that uses it once."""
    expression = _expression(case)
    return f"{case.imports}\nwrapped = lambda: (\n{expression})\nwrapped()\n" if expression else None


def _in_comprehension(case: Case) -> str | None:
    expression = _expression(case)
    return f"{case.imports}\nwrapped = [\n{expression}for turn in range(2)]\n" if expression else None


def _under_other_name(case: Case) -> str:
    renamed = re.sub(r"\b(TrainingLoop|quick_train)\b", r"\1 as legacy_\1", case.imports)
    return f"{renamed}\n{_renamed(case, 'legacy_')}"


def _through_module(case: Case) -> str:
    imports = re.sub(r"from \S+training import (TrainingLoop|quick_train)", f"import {_HOME} as t", case.imports)
    return f"{imports}\n{_renamed(case, 't.')}"


def _through_submodule(case: Case) -> str:
    imports = case.imports.replace(f"from {_HOME} import", f"from {_HOME}.loops import")
    return f"{imports}\n{case.body}"


def _by_star(case: Case) -> str:
    imports = re.sub(rf"from {_HOME} import \w+", f"from {_HOME} import *", case.imports)
    return f"{imports}\n{case.body}"


_HOME = "adaptiveneuralnetwork.training"
WRAPPINGS: dict[str, Callable[[Case], str | None]] = {
    "function": _inside("def wrapped():", after="wrapped()\n"),
    "function with its import": _with_local_import,
    "async function": _inside("async def wrapped():", after="import asyncio\nasyncio.run(wrapped())\n"),
    "nested function": _inside("def outer():", "def inner():", after="        return None\n    inner()\nouter()\n"),
    "closure": _in_closure,
    "method": _inside("class Wrapped:", "def method(self):", after="Wrapped().method()\n"),
    "self attribute": _on_self,
    "class body": _inside("class Wrapped:"),
    "if": _inside("if __name__ == '__main__':"),
    "else": _inside("if __name__ != '__main__':\n    pass\nelse:"),
    "try": _inside("try:", after="except ZeroDivisionError:\n    raise\n"),
    "except": _inside("try:\n    1 / 0\nexcept ZeroDivisionError:"),
    "finally": _inside("try:\n    pass\nfinally:"),
    "with": _inside("with torch.enable_grad():"),
    "for": _inside("for turn in range(2):"),
    "while": _inside("while True:", after="    break\n"),
    "match": _inside("match 1:", "case 1:"),
    "if in a loop in a function": _inside("def wrapped():", "for turn in (0, 1):", "if turn:", after="wrapped()\n"),
    "lambda": _in_lambda,
    "comprehension": _in_comprehension,
    "alias": _under_other_name,
    "module alias": _through_module,
    "submodule": _through_submodule,
    "star import": _by_star,
}


def _halves(case: Case) -> tuple[str, str]:
    """The statements up to the one that names the legacy API, and those behind it."""
    statements = ast.parse(case.body).body
    lines = case.body.splitlines(keepends=True)
    for statement in statements:
        text = "".join(lines[statement.lineno - 1 : statement.end_lineno])
        if re.search(r"\bTrainingLoop\b|\bquick_train\b", text):
            return "".join(lines[: statement.end_lineno]), "".join(lines[statement.end_lineno :])
    raise AssertionError(f"{case.name} names nothing legacy")


def _expression(case: Case) -> str | None:
    """The case as one expression, if it can be one."""
    first, rest = _halves(case)
    statement = ast.parse(first).body[-1]
    if not isinstance(statement, ast.Assign) or len(ast.parse(first).body) != 1:
        return None
    value = first.partition(" = ")[2]
    if not rest:
        return value
    use = ast.parse(rest).body
    if len(use) != 1 or not isinstance(use[0], (ast.Expr, ast.Assign)) or first.count("\n") != 1:
        return None
    name = first.partition(" = ")[0]
    text = rest if isinstance(use[0], ast.Expr) else rest.partition(" = ")[2]
    return re.sub(rf"\b{name}\b", lambda _: value.strip(), text, count=1)


def _renamed(case: Case, prefix: str) -> str:
    return re.sub(r"\b(TrainingLoop|quick_train)\b", rf"{prefix}\1", case.body)


def _wrapped() -> Iterator[tuple[str, str]]:
    for case in CASES:
        for name, wrap in WRAPPINGS.items():
            source = wrap(case)
            if source is not None:
                yield f"{case.name} in {name}", source


SOURCES = dict(_wrapped())


@cache
def migrate(source: str) -> FileResult:
    return migrate_bytes(source.encode(), path=Path("program.py"))


# -- what must hold ---------------------------------------------------------------------------------------------------


def test_every_wrapping_takes_cases() -> None:
    taken = Counter(name.partition(" in ")[2] for name in SOURCES)
    assert set(taken) == set(WRAPPINGS)
    assert len(SOURCES) > 300


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_rewritten_or_declined(wrapping: str) -> None:
    for name, source in SOURCES.items():
        if name.partition(" in ")[2] != wrapping:
            continue
        ast.parse(source)
        result = migrate(source)
        assert result.problem is None, f"{name}: {result.problem}\n{source}"
        assert result.sites, f"{name}: no site\n{source}"
        for site in result.sites:
            assert site.outcome in (Outcome.REWRITTEN, Outcome.DECLINED), name
            assert re.fullmatch(r"ANN[1-4]\d\d", site.code), name
            assert site.reason, name
        if not result.changed:
            assert all(site.outcome is Outcome.DECLINED and site.advice for site in result.sites), name
            continue
        ast.parse(result.after)
        again = migrate_bytes(result.after, path=Path("program.py"))
        assert again.after == result.after, name
        assert Outcome.REWRITTEN not in {site.outcome for site in again.sites}, name


def test_most_are_rewritten(record_property: Callable[[str, object], None]) -> None:
    declined = {name: result for name, source in SOURCES.items() if (result := migrate(source)) and not result.changed}
    share = 1 - len(declined) / len(SOURCES)
    record_property("rewritten share", share)
    print(f"\n{len(SOURCES) - len(declined)} of {len(SOURCES)} wrapped cases are rewritten ({share:.1%})")
    for name, result in declined.items():
        print(f"  {name}: " + "; ".join(f"{site.code} {site.reason}" for site in result.sites))
    assert share >= REWRITTEN_SHARE


DECLINED = [
    (f"{rule.CODE}-{number}", case)
    for rule in all_rules()
    for number, case in enumerate(rule.INVALID)
    if isinstance(case, str) and not rule.CODE.startswith("ANN5")
]
BLOCKS = {
    "function": ("def wrapped():",),
    "method": ("class Wrapped:", "def method(self):"),
    "nested function": ("def outer():", "def inner():"),
    "class body": ("class Wrapped:",),
    "if": ("if fast:",),
    "try": ("try:",),
    "with": ("with context:",),
    "loop": ("for turn in range(2):",),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_what_a_rule_declines_is_never_a_third_thing_elsewhere(block: str) -> None:
    """Some are rewritten in another place: an object that escaped from a module can stay within a function."""
    for name, code in DECLINED:
        lines = "".join("    " * depth + line + "\n" for depth, line in enumerate(BLOCKS[block]))
        source = lines + textwrap.indent(code, "    " * len(BLOCKS[block]))
        source += "finally:\n    pass\n" if block == "try" else ""
        try:
            ast.parse(source)
            compile(source, name, "exec")
        except SyntaxError:
            continue  # a star import in a function
        result = migrate(source)
        assert result.problem is None, f"{name}: {result.problem}\n{source}"
        # What is inside a class does not see its names: an import there brings nothing.
        assert result.sites or (block == "class body" and re.search("def |lambda|class |for ", code)), (
            f"{name}: no site\n{source}"
        )
        for site in result.sites:
            assert re.fullmatch(r"ANN[1-5]\d\d", site.code), name
            assert site.reason, name
            assert site.advice or site.outcome is not Outcome.DECLINED, name
        if result.changed:
            ast.parse(result.after)
            assert migrate_bytes(result.after, path=Path("program.py")).after == result.after, name


@pytest.mark.parametrize("name", list(SOURCES)[::11])
def test_a_sample_does_the_same(name: str, tmp_path: Path) -> None:
    result = migrate(SOURCES[name])
    old = _run(SOURCES[name].encode(), tmp_path / "old")
    new = _run(result.after, tmp_path / "new")
    assert old.error is None, old.output
    assert differences(old, new) == [], new.output + "\n" + result.after.decode()
    if b"LoggingCallback" not in result.after:
        assert _without_clock(old.output) == _without_clock(new.output)


def _without_clock(output: str) -> str:
    return re.sub(r"('(?:timestamp|epoch_time)': )[\d.e-]+", r"\1...", output)


def _run(source: bytes, folder: Path) -> ProgramRun:
    """Run a case with the names that cases use bound, in a folder that holds the checkpoint that one of them reads."""
    return run_program(b"prepare()\n" + source, "program.py", folder, _bindings())


def _bindings() -> dict[str, Any]:
    torch.manual_seed(0)
    inputs, targets = torch.randn(8, 784), torch.randint(0, 10, (8,))
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=4, shuffle=True)
    config = AdaptiveConfig(num_nodes=4, hidden_dim=4, num_epochs=1)
    model = AdaptiveModel(config)

    def prepare() -> None:
        path = Path("checkpoints/checkpoint_epoch_4.pt")
        path.parent.mkdir()
        state = {"epoch": 4, "config": config.to_dict(), "metrics_history": [{"epoch": 0, "train_loss": 1.0}]}
        adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        state |= {"model_state_dict": model.get_state_dict_full(), "optimizer_state_dict": adam.state_dict()}
        torch.save(state, path)

    return {
        "MODEL": model,
        "build": lambda: model,
        "config": config,
        "epochs": 0,
        "fast": True,
        "load": lambda: config,
        "loader": loader,
        "model": model,
        "prepare": prepare,
        "test": lambda: loader,
        "test_loader": loader,
        "torch": torch,
        "train": lambda: loader,
        "train_loader": loader,
    }
