"""Random programs, executed: every object is met only at the uses that were found for it.

Each program makes loops and other objects and hands them through names, functions, containers, branches, attributes and
classes. Each use has an attribute of its own, which tells which object it met. Whatever the flow analysis follows must
agree with the run: at the uses of a group only its objects are met, and its objects are met nowhere else. What it does
not follow is no matter here; but enough must be followed for the comparison to mean something.
"""

from __future__ import annotations

import ast
import os
import random
from typing import Any

import pytest

from ann_migrate.flow.flow import Escape, Flow, LoopObject
from ann_migrate.names.resolve import Names
from ann_migrate.project.project import Project
from ann_migrate.text.tree import Tree

IMPORT = "from adaptiveneuralnetwork.training import TrainingLoop as Loop\n"
PROGRAMS = 20_000 if os.environ.get("ANN_MIGRATE_TORTURE") else 800
PARTS = 8
NAMES = ("a", "b", "c")
LISTS = ("xs", "ys")
DICTS = ("d", "e")
KEYS = ("'k'", "'m'", "key()")


class Writer:
    """Writes one program: only forms that run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tag = 0
        self.others = self.random.choice([0.0, 0.0, 0.03, 0.15])
        self.functions: list[str] = []
        self.classes: list[str] = []
        self.lines: list[str] = []

    def program(self) -> str:
        used = self.random.sample(NAMES, self.random.randint(1, 3))
        self.names = used
        self.lists: list[str] = []
        self.dicts: list[str] = []
        self.write(0, *(f"{name} = None" for name in used))
        for name in self.random.sample(LISTS, self.random.randint(0, 2)):
            also = f"{self.random.choice(self.lists)} = " if self.lists and self.random.random() < 0.5 else ""
            self.write(0, f"{also}{name} = {self.display()}")
            self.lists.append(name)
        for name in self.random.sample(DICTS, self.random.randint(0, 2)):
            self.write(0, f"{name} = {self.mapping()}")
            self.dicts.append(name)
        for number in range(self.random.randint(0, 2)):
            self.define(f"f{number}")
        if self.random.random() < 0.4:
            self.define_class("Job")
        for _ in range(self.random.randint(2, 7)):
            self.statement(0)
        return "\n".join(self.lines) + "\n"

    def write(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * depth + line for line in lines]

    def number(self) -> int:
        self.tag += 1
        return self.tag

    # -- expressions ----------------------------------------------------------------------------------------------

    def value(self, depth: int = 0) -> str:
        """An expression that is a loop, mostly; or None, or another object."""
        if self.random.random() < self.others:
            return f"Other({self.number()})"
        forms = [lambda: f"Loop({self.number()})"] * 4 + [lambda: self.random.choice(self.names)] * 2
        if depth < 2:
            forms.append(lambda: f"({self.value(depth + 1)} if flag() else {self.value(depth + 1)})")
            forms.append(lambda: f"({self.random.choice(self.names)} or {self.value(depth + 1)})")
            forms += (
                [lambda: f"{self.random.choice(self.functions)}({self.value(depth + 1)})"] * 2 * bool(self.functions)
            )
            forms += [lambda: f"Job({self.value(depth + 1)}).loop"] * bool(self.classes)
            forms += [lambda: f"{self.random.choice(self.lists)}[{self.random.choice(['0', '-1'])}]"] * bool(self.lists)
            forms += [lambda: f"{self.random.choice(self.dicts)}[{self.random.choice(KEYS)}]"] * bool(self.dicts)
        forms.append(lambda: "None")
        return self.random.choice(forms)()

    def display(self) -> str:
        if self.random.random() < 0.2:
            return f"[Loop({self.number()}) for _ in range(2)]"
        return f"[{self.value(1)}, {self.value(1)}]"

    def mapping(self) -> str:
        if self.random.random() < 0.2:
            return f"dict(k={self.value(1)}, m={self.value(1)})"
        return f"{{'k': {self.value(1)}, 'm': {self.value(1)}}}"

    # -- statements -----------------------------------------------------------------------------------------------

    def use(self, depth: int, what: str) -> None:
        self.write(depth, f"if {what} is not None:", f"    {what}.u{self.number()}")

    def statement(self, depth: int) -> None:
        forms = [self.assign] * 4 + [self.use_name] * 3 + [self.unpack, self.lambda_use]
        forms += [self.branch] * (2 if depth < 2 else 0)
        forms += [self.of_list] * 3 * bool(self.lists) + [self.of_dict] * 3 * bool(self.dicts)
        forms += [self.call] * 2 * bool(self.functions) + [self.job] * 2 * bool(self.classes)
        self.random.choice(forms)(depth)

    def assign(self, depth: int) -> None:
        target = self.random.choice(self.names)
        also = f"{self.random.choice(self.names)} = " if self.random.random() < 0.15 else ""
        self.write(depth, f"{also}{target} = {self.value()}")

    def use_name(self, depth: int) -> None:
        self.use(depth, self.random.choice(self.names))

    def unpack(self, depth: int) -> None:
        left, right = self.random.choice(self.names), self.random.choice(self.names)
        self.write(depth, f"{left}, {right} = {self.value()}, {self.value()}")

    def lambda_use(self, depth: int) -> None:
        name = self.random.choice(self.names)
        self.write(depth, f"(lambda: {name} and {name}.u{self.number()})()")

    def branch(self, depth: int) -> None:
        head, tail = self.random.choice([("if flag():", "else:"), ("try:", "finally:"), ("for _ in range(2):", "")])
        self.write(depth, head)
        self.statement(depth + 1)
        self.statement(depth + 1)
        if tail:
            self.write(depth, tail)
            self.statement(depth + 1)

    def of_list(self, depth: int) -> None:
        name = self.random.choice(self.lists)
        item = self.random.choice(self.names)
        form = self.random.randrange(8)
        if form == 0:
            self.write(depth, f"{name}.append({self.value()})")
        elif form == 1:
            self.write(depth, f"{name}[{self.random.choice(['0', '-1'])}] = {self.value()}")
        elif form == 2:
            self.write(depth, f"{name}.insert(0, {self.value()})")
        elif form == 3:
            self.write(depth, f"{name} = {self.random.choice([*self.lists, f'list({name})', f'{name}[:]'])}")
        elif form == 4:
            self.write(depth, f"for {item} in {name}:")
            self.use(depth + 1, item)
        elif form == 5:
            self.write(depth, f"for n, {item} in enumerate({name}):")
            self.use(depth + 1, item)
        elif form == 6:
            self.use(depth, f"{name}[0]")
        else:
            self.write(depth, f"[z and z.u{self.number()} for z in {name}]")

    def of_dict(self, depth: int) -> None:
        name = self.random.choice(self.dicts)
        item = self.random.choice(self.names)
        form = self.random.randrange(7)
        key = self.random.choice(KEYS)
        if form == 0:
            self.write(depth, f"{name}[{key}] = {self.value()}")
        elif form == 1:
            self.use(depth, f"{name}[{key}]")
        elif form == 2:
            self.write(depth, f"for n, {item} in {name}.items():")
            self.use(depth + 1, item)
        elif form == 3:
            self.write(depth, f"for {item} in {name}.values():")
            self.use(depth + 1, item)
        elif form == 4:
            self.write(depth, f"{name} = {self.random.choice(self.dicts)}")
        elif form == 5:
            self.write(depth, f"{item} = {name}.get({key})")
        else:
            self.write(depth, f"{name}.update({{'k': {self.value()}}})")

    def call(self, depth: int) -> None:
        name = self.random.choice(self.functions)
        if self.random.random() < 0.05:
            self.write(depth, f"g = {name}", f"g({self.value()})")
        else:
            self.write(depth, f"{self.random.choice(self.names)} = {name}({self.value()})")

    def job(self, depth: int) -> None:
        form = self.random.randrange(3)
        name = self.random.choice(self.classes)
        if form == 0:
            self.write(depth, f"{name}({self.value()}).run()")
        elif form == 1:
            self.write(depth, f"job = {name}({self.value()})", "job.run()")
            self.use(depth, "job.loop")
        else:
            self.write(depth, f"{self.random.choice(self.names)} = {name}({self.value()}).make()")

    def define(self, name: str) -> None:
        default = self.random.choice(["", "", "=None"])
        self.write(0, f"def {name}(p{default}):")
        outside, self.names = self.names, ["p"]
        if self.random.random() < 0.3 and outside:
            self.write(1, f"global {outside[0]}", f"{outside[0]} = {self.value()}")
        for _ in range(self.random.randint(1, 2)):
            self.statement_in_function()
        self.write(1, f"return {self.value(2)}")
        self.names = outside
        self.functions.append(name)

    def statement_in_function(self) -> None:
        forms = [lambda: self.use(1, "p"), lambda: self.write(1, "if flag():", f"    return {self.value(2)}")]
        forms.append(lambda: self.write(1, f"p = {self.value(1)}"))
        self.random.choice(forms)()

    def define_class(self, name: str) -> None:
        kept = self.random.choice(["p", f"Loop({self.number()})"])
        self.write(0, f"class {name}:", "    def __init__(self, p):", f"        self.loop = {kept}")
        outside, self.names = self.names, ["p"]
        self.write(1, "def run(self):")
        self.use(2, "self.loop")
        if self.random.random() < 0.5:
            self.write(2, f"self.loop = Loop({self.number()})")
            self.use(2, "self.loop")
        self.write(1, "def make(self):", f"    return {self.random.choice(['self.loop', f'Loop({self.number()})'])}")
        self.names = outside
        self.classes.append(name)
        if self.random.random() < 0.4:
            self.classes.append("Sub")
            self.write(0, f"class Sub({name}):", "    def run(self):")
            self.use(2, "self.loop")
            if self.random.random() < 0.3:
                self.write(2, f"self.loop = {self.random.choice(['Loop', 'Other'])}({self.number()})")


class Met:
    """An object that notes at which use it is met."""

    def __init__(self, tag: int, log: list[tuple[str, int]]) -> None:
        self.tag = tag
        self.log = log

    def __getattr__(self, name: str) -> None:
        self.log.append((name, self.tag))


def run(body: str, seed: int) -> list[tuple[str, int]]:
    """Execute a program several times, each with other branches taken; return which object each use met."""
    log: list[tuple[str, int]] = []
    for turn in range(4):
        chance = random.Random(seed * 31 + turn)
        scope: dict[str, Any] = {
            "Loop": lambda tag: Met(tag, log),
            "Other": lambda tag: Met(-tag, log),
            "flag": lambda chance=chance: chance.random() < 0.5,
            "key": lambda chance=chance: chance.choice(["k", "m"]),
        }
        try:
            exec(compile(body, "program", "exec"), scope)  # the programs are those written above
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, UnboundLocalError):
            continue  # what ran until here counts
    return log


def groups(source: str) -> tuple[list[LoopObject], int]:
    """What is followed to the end, and how many constructors there are."""
    names = Names(Tree(ast.parse(source)))
    calls = [node for node in names.tree.all_of(ast.Call) if isinstance(node.func, ast.Name) and node.func.id == "Loop"]
    flow = Flow(names, Project.single())
    flow.settle(calls)
    found: list[LoopObject] = []
    for call in calls:
        try:
            group = flow.follow(call)
        except Escape:
            continue
        if group not in found:
            found.append(group)
    return found, len(calls)


def tag_of(call: ast.Call) -> int:
    value = call.args[0]
    assert isinstance(value, ast.Constant)
    assert isinstance(value.value, int)
    return value.value


@pytest.mark.parametrize("part", range(PARTS))
def test_objects_are_met_at_their_own_uses_only(part: int) -> None:
    made = followed = met = 0
    for seed in range(part, PROGRAMS, PARTS):
        body = Writer(seed).program()
        found, calls = groups(IMPORT + body)
        made += calls
        followed += sum(len(group.constructors) for group in found)
        log = set(run(body, seed))
        for group in found:
            tags = {tag_of(call) for call in group.constructors}
            uses = {use.attribute.attr for use in group.uses}
            met += sum(name in uses for name, _ in log)
            for name, tag in log:
                assert (name in uses) == (tag in tags), f"seed {seed}: {name} met {tag}, {tags} {uses}\n{body}"
    print(f"\n{followed} of {made} objects are followed; {met} of their uses ran")
    assert followed > made / 10
    assert met > PROGRAMS / PARTS / 4
