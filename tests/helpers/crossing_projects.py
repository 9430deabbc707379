"""Random projects of several modules in which loops go from file to file.

Each object has a number, and each use has one, so that a run is the list of which use met which object. A project that
was migrated must give the same list.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from crossing_oddities import odd_statement, reach_oddly


@dataclass(eq=False)
class Module:
    """A module that is being written.

    Attributes:
        name: Its dotted name.
        is_package: Whether it is an ``__init__.py``.
        loop: The text that constructs a loop in it.
        names_loop: Whether that is a name that others can import from it.
        head: Its imports.
        body: Its other lines.
        offers: What others may take from it: names by kind.
        known: The texts by which it reaches what others offer.
        imports: The other modules that it has as such, by the name that it gives them.
    """

    name: str
    is_package: bool = False
    loop: str = "TrainingLoop"
    names_loop: bool = False
    head: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    offers: dict[str, str] = field(default_factory=dict)
    known: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return self.name.replace(".", "/") + ("/__init__.py" if self.is_package else ".py")

    @property
    def text(self) -> str:
        return "\n".join([*self.head, *self.body]) + "\n"

    def relative(self, other: str) -> str:
        """The dotted name of another module of the same package, as a relative import writes it."""
        around = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        parts = other.split(".")
        shared = 0
        while shared < min(len(around), len(parts)) and around[shared] == parts[shared]:
            shared += 1
        return "." * (len(around) - shared + 1) + ".".join(parts[shared:])


LAYOUTS: list[list[str]] = [
    ["jobs"],
    ["jobs"],
    ["jobs", "state"],
    ["jobs", "state", "work"],
    ["pkg.jobs"],
    ["pkg.jobs", "pkg.state"],
    ["pkg.sub.jobs", "pkg.state", "work"],
    ["pkg.jobs", "pkg.sub.jobs"],
    ["jobs", "pkg.jobs"],
]
NAMES = ("a", "b", "model", "jobs")
"""Global variables: the same in several modules, one as what the codemod calls its own, one as a module."""
KINDS = {"variable": 5, "list": 2, "dict": 1, "make": 5, "take": 4, "hand": 3, "class": 3, "keep": 2, "closure": 1}


class Writer:
    """Writes one project: only forms that run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.oddity = self.random.choice([0.0, 0.0, 0.0, 0.05, 0.2])
        self.others = self.random.choice([0.0, 0.0, 0.0, 0.05])
        self.count = 0
        self.modules: list[Module] = []

    def project(self) -> dict[str, str]:
        """The files of a project, by path; it is run by its ``main.py``."""
        names = list(self.random.choice(LAYOUTS))
        self.random.shuffle(names)
        packages = {
            ".".join(parts[:end]) for parts in (name.split(".") for name in names) for end in range(1, len(parts))
        }
        self.modules = [Module(name) for name in names]
        for module in list(self.modules):
            self.fill(module, list(self.modules[: self.modules.index(module)]), self.random.randint(1, 3))
        self.modules += [self.package(name) for name in sorted(packages, key=len, reverse=True)]
        main = Module("main")
        self.modules.append(main)
        self.fill(main, self.modules[:-1], self.random.choice([0, 0, 1]))
        for _ in range(self.random.randint(2, 5)):
            self.statement(main, 0)
        if self.random.random() < self.oddity:
            self.late(self.modules[0], main)
        return {module.file: module.text for module in self.modules}

    def package(self, name: str) -> Module:
        module = Module(name, is_package=True)
        for other in self.modules:
            if not other.name.startswith(f"{name}.") or self.random.random() < 0.6:
                continue
            for offered, kind in other.offers.items():
                if offered not in module.offers and self.random.random() < 0.5:
                    alias = self.random.choice([offered, offered, f"{offered}_here"])
                    way = self.random.choice([other.name, module.relative(other.name)])
                    module.head.append(f"from {way} import {offered}" + f" as {alias}" * (alias != offered))
                    module.offers[alias] = kind
        return module

    def late(self, first: Module, main: Module) -> None:
        """A function of the first module that imports from one that imports it."""
        others = [each for each in self.modules[1:-1] if each.offers]
        if others and not first.is_package:
            other = self.random.choice(others)
            name, kind = self.random.choice(list(other.offers.items()))
            inner = Module(first.name)
            text = self.reach(inner, other, name)
            first.body += ["def late():", *(f"    {line}" for line in inner.head)]
            first.body += [f"    return {self.of_kind(first, kind, text)}"]
            main.body += [f"import {first.name} as first", f"first.late().train({self.number()})"]

    def number(self) -> int:
        self.count += 1
        return self.count

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    # -- modules ------------------------------------------------------------------------------------------------------

    def fill(self, module: Module, before: Sequence[Module], offers: int) -> None:
        self.before = [each for each in before if each.offers]
        if self.maybe(0.15):
            module.head += ['"""A module."""', "from __future__ import annotations"]
        if self.maybe(0.9) or module.name != "main":
            form = self.random.randrange(4)
            training = "adaptiveneuralnetwork.training"
            line, module.loop = [
                (f"from {training} import TrainingLoop", "TrainingLoop"),
                (f"from {training} import TrainingLoop as Loop", "Loop"),
                (f"import {training} as t", "t.TrainingLoop"),
                ("from adaptiveneuralnetwork import training", "training.TrainingLoop"),
            ][form if self.maybe(0.5) else 0]
            module.head.append(line)
            module.names_loop = "t." not in module.loop and "training." not in module.loop
            givers = [each for each in before if each.names_loop]
            if givers and self.maybe(0.15):
                module.head.pop()
                module.loop = self.reach(module, (home := self.random.choice(givers)), home.loop)
                module.names_loop = module.loop.isidentifier()
        else:
            module.loop = ""
        module.head.append("from support import CONFIG, Model, Other, flag, key")
        for _ in range(offers):
            kind = self.random.choices(list(KINDS), list(KINDS.values()))[0]
            getattr(self, f"define_{kind}")(module)
        for _ in range(self.random.randint(0, 2)):
            self.statement(module, 0)

    def fresh(self, module: Module, name: str) -> str:
        taken = {*module.offers, *(text for texts in module.known.values() for text in texts)}
        while name in taken:
            name += "_"
        return name

    def offer(self, module: Module, name: str, kind: str) -> str:
        name = self.fresh(module, name)
        module.offers[name] = kind
        return name

    def define_variable(self, module: Module) -> None:
        value = self.value(module) if self.maybe(0.7) else "None"
        module.body.append(f"{self.offer(module, self.random.choice(NAMES), 'variable')} = {value}")

    def define_list(self, module: Module) -> None:
        items = ", ".join(self.value(module, 1) for _ in range(2))
        module.body.append(f"{self.offer(module, 'loops', 'list')} = [{items}]")

    def define_dict(self, module: Module) -> None:
        value = f"{{'k': {self.value(module, 1)}, 'm': {self.value(module, 1)}}}"
        module.body.append(f"{self.offer(module, 'table', 'dict')} = {value}")

    def define_make(self, module: Module) -> None:
        returns = self.annotation(module, " -> {}")
        body = [f"    return {self.value(module, 1)}"]
        if self.maybe(0.3):
            body = ["    if flag():", f"        return {self.value(module, 1)}", *body]
        elif self.maybe(0.3):
            body = [
                f"    made = {self.value(module, 1)}",
                f"    made and made.train({self.number()})",
                "    return made",
            ]
        if self.maybe(0.1):
            module.body.append(f"{self.offer(module, 'make', 'make')} = lambda: {self.value(module, 1)}")
            return
        module.body += [f"def {self.offer(module, 'make', 'make')}(){returns}:", *body]

    def define_take(self, module: Module) -> None:
        default = f"={self.value(module, 2)}" if self.maybe(0.15) else ""
        name = self.offer(module, "take", "take")
        annotation = self.annotation(module, ": {}")
        use = f"p and p.train({self.number()})"
        if self.maybe(self.oddity):
            others = self.reachable(module, "take")
            use = self.random.choice(
                [f"import {module.name} as me", "p = None", "del p", "yield p", *(f"{each}(p)" for each in others)]
            )
        module.body += [f"def {name}(p{annotation}{default}):", f"    {use}"]

    def annotation(self, module: Module, form: str) -> str:
        if not module.loop or "(" in module.loop or not self.maybe(0.2):
            return ""
        return form.format(self.random.choice([module.loop, f"'{module.loop}'", f"{module.loop} | None"]))

    def define_hand(self, module: Module) -> None:
        name = self.offer(module, "hand", "hand")
        module.body += [f"def {name}(p):", *([f"    p and p.evaluate({self.number()})"] * self.maybe(0.5))]
        module.body.append(f"    return {self.random.choice(['p', 'p', self.value(module, 2)])}")

    def define_keep(self, module: Module) -> None:
        """A function that writes a global."""
        kept = [name for name, kind in module.offers.items() if kind == "variable"]
        if not kept:
            return self.define_variable(module)
        name, at = self.offer(module, "keep", "take"), self.random.choice(kept)
        module.body += [f"def {name}(p=None):", f"    global {at}", f"    {at} = p or {self.value(module, 2)}"]
        module.body.append(f"    {at} and {at}.train({self.number()})")
        return None

    def define_closure(self, module: Module) -> None:
        name = self.offer(module, "outer", "outer")
        module.body += [f"def {name}():", f"    kept = {self.value(module, 2)}", "    def inner():"]
        module.body += [f"        return kept and kept.evaluate({self.number()})", "    return inner()"]

    def define_class(self, module: Module) -> None:
        bases = [each for each in self.reachable(module, "class") if self.maybe(0.4)]
        base = f"({bases[0]})" if bases else ""
        name = self.offer(module, "Job", "class")
        if self.maybe(0.1 * (self.oddity > 0)) and not base:
            module.body += ["import dataclasses", "@dataclasses.dataclass", f"class {name}:", "    loop: object"]
        else:
            module.body.append(f"class {name}{base}:")
            if not base or self.maybe(0.2):
                kept = self.random.choice(["p", "p", self.value(module, 2)])
                module.body += ["    def __init__(self, p):", f"        self.loop = {kept}"]
        module.body += ["    def run(self):", f"        self.loop and self.loop.train({self.number()})"]
        if self.maybe(0.3):
            module.body += ["    def make(self):", f"        return {self.value(module, 2)}"]
        if self.maybe(0.3):
            module.body += ["    @property", "    def held(self):", "        return self.loop"]
        if self.maybe(0.3):
            module.body += ["    @staticmethod", "    def made():", f"        return {self.value(module, 2)}"]
        if self.maybe(0.2):
            module.body += ["    def set(self, p):", "        self.loop = p"]

    # -- expressions --------------------------------------------------------------------------------------------------

    def value(self, module: Module, depth: int = 0) -> str:
        """An expression that is a loop, mostly."""
        if self.maybe(self.others):
            return f"Other({self.number()})"
        new = f"{module.loop}(Model({self.number()}), CONFIG)" if module.loop else "None"
        forms = [lambda: new] * 4
        if depth < 2:
            for kind in ("variable", "make", "hand", "list", "dict", "class"):
                found = self.reachable(module, kind)
                forms += [lambda kind=kind, text=text: self.of_kind(module, kind, text, depth) for text in found]
            forms.append(lambda: f"({self.value(module, depth + 1)} if flag() else {self.value(module, depth + 1)})")
        forms += [lambda: "None"] * (depth < 1)
        return self.random.choice(forms)()

    def of_kind(self, module: Module, kind: str, text: str, depth: int = 0) -> str:
        if kind == "make":
            return f"{text}()"
        if kind == "hand":
            return f"{text}({self.value(module, depth + 1)})"
        if kind == "list":
            return f"{text}[{self.random.choice(['0', '-1'])}]"
        if kind == "dict":
            return f"{text}[{self.random.choice(['key()', repr('k')])}]"
        if kind == "class":
            return f"{text}({self.value(module, depth + 1)}).loop"
        return text

    def reachable(self, module: Module, kind: str) -> list[str]:
        """What the module has of a kind, its own or by an import."""
        found = [name for name, each in module.offers.items() if each == kind]
        others = [(each, name) for each in self.before for name, has in each.offers.items() if has == kind]
        if others and self.maybe(0.8):
            home, name = self.random.choice(others)
            known = module.known.get((home.name, name), [])
            if known and self.maybe(0.7):
                found.append(self.random.choice(known))
            elif home is not module:
                text = self.reach(module, home, name)
                module.known.setdefault((home.name, name), []).append(text)
                found += [text] * 2
        return found

    def reach(self, module: Module, home: Module, name: str) -> str:
        """Write an import; return the text by which the module then reaches a name of another one."""
        way = home.name
        if "." in module.name and home.name.split(".")[0] == module.name.split(".")[0] and self.maybe(0.6):
            way = module.relative(home.name)
        package, _, last = way.rpartition(".")
        if way.startswith(".") and not package.strip("."):
            package = way[: len(way) - len(last)]
        if self.maybe(self.oddity):
            return reach_oddly(self, module, home.name, name, way)
        third = [each for each in self.modules if each not in (home, module) and home.name in each.imports.values()]
        if third and self.maybe(0.3):
            by = self.random.choice(third)
            inner = self.random.choice([alias for alias, name_ in by.imports.items() if name_ == home.name])
            alias = self.fresh(module, f"m{self.number()}")
            if self.maybe(0.5):
                module.head.append(f"from {by.name} import {inner} as {alias}")
                return f"{alias}.{name}"
            module.head.append(f"import {by.name} as {alias}")
            return f"{alias}.{inner}.{name}"
        form = self.random.randrange(6)
        if form in (0, 1) or not last or (form in (2, 3) and way.startswith(".")):
            alias = self.fresh(module, self.random.choice([name, name, f"{name}_of_{home.name.replace('.', '_')}"]))
            module.head.append(f"from {way} import {name}" + f" as {alias}" * (alias != name))
            return alias
        if form == 2:
            module.head.append(f"import {way}")
            return f"{way}.{name}"
        if form == 3 or not package:
            alias = self.fresh(module, f"m{self.number()}")
            module.head.append(f"import {home.name} as {alias}")
            module.imports[alias] = home.name
            return f"{alias}.{name}"
        alias = self.fresh(module, self.random.choice([last, f"m{self.number()}"]))
        module.head.append(f"from {package} import {last}" + f" as {alias}" * (alias != last))
        module.imports[alias] = home.name
        return f"{alias}.{name}"

    # -- statements ---------------------------------------------------------------------------------------------------

    def statement(self, module: Module, depth: int) -> None:
        forms = [self.use] * 5 + [self.assign] * 2 + [self.call] * 4 + [self.job] * 2 + [self.of_list]
        forms += [self.branch] * (depth == 0) + [self.odd] * self.maybe(self.oddity)
        self.random.choice(forms)(module, depth)

    def write(self, module: Module, depth: int, *lines: str) -> None:
        module.body += ["    " * depth + line for line in lines]

    def use(self, module: Module, depth: int) -> None:
        found = [text for kind in ("variable", "variable", "make") for text in self.reachable(module, kind)]
        if not found:
            return
        text = self.random.choice(found)
        method = self.random.choice(["train", "train", "evaluate"])
        kinds = {**module.offers, **{name: kind for each in self.modules for name, kind in each.offers.items()}}
        if kinds.get(text.rpartition(".")[2]) == "make" or "make" in text:
            self.write(module, depth, f"{text}().{method}({self.number()})")
        elif self.maybe(0.05) and text.isidentifier():
            self.write(module, depth, f"(w := {text}) and w.{method}({self.number()})")
        elif self.maybe(0.1):
            self.write(module, depth, f"if {text} is not None:", f"    note({self.number()}, {text}.metrics_history)")
            module.head.append("from support import note")
        else:
            self.write(module, depth, f"{text} and {text}.{method}({self.number()})")

    def assign(self, module: Module, depth: int) -> None:
        own = [name for name, kind in module.offers.items() if kind == "variable"]
        others = [text for text in self.reachable(module, "variable") if "." in text and "(" not in text]
        target = self.random.choice([*own, *own, "x", "x", *others])
        self.write(module, depth, f"{target} = {self.value(module)}")
        self.write(module, depth, f"{target} and {target}.train({self.number()})")

    def call(self, module: Module, depth: int) -> None:
        found = self.reachable(module, "take")
        outer = self.reachable(module, "outer")
        if found and (not outer or self.maybe(0.8)):
            self.write(module, depth, f"{self.random.choice(found)}({self.value(module)})")
        elif outer:
            self.write(module, depth, f"{self.random.choice(outer)}()")

    def job(self, module: Module, depth: int) -> None:
        found = self.reachable(module, "class")
        if not found:
            return
        name = f"job{self.number()}"
        self.write(module, depth, f"{name} = {self.random.choice(found)}({self.value(module)})", f"{name}.run()")
        if self.maybe(0.5):
            self.write(module, depth, f"{name}.loop and {name}.loop.evaluate({self.number()})")
        if self.maybe(0.1):
            self.write(module, depth, f"{name}.loop = {self.value(module)}", f"{name}.run()")

    def of_list(self, module: Module, depth: int) -> None:
        found = self.reachable(module, "list")
        if found:
            text = self.random.choice(found)
            lines = self.random.choice(
                [
                    [f"{text}.append({self.value(module)})"],
                    [f"for each in {text}:", f"    each and each.train({self.number()})"],
                    [f"[z and z.evaluate({self.number()}) for z in {text}]"],
                    [f"{text}[0] and {text}[0].train({self.number()})"],
                    [f"{text}[0] = {self.value(module)}"],
                ]
            )
            self.write(module, depth, *lines)

    def branch(self, module: Module, depth: int) -> None:
        before = len(module.body)
        self.write(module, depth, self.random.choice(["if flag():", "for _ in range(2):", "try:"]))
        self.write(module, depth + 1, "pass")
        self.statement(module, depth + 1)
        if module.body[before] == "try:":
            self.write(module, depth, "finally:", "    pass")

    def odd(self, module: Module, depth: int) -> None:
        texts = [text for kind in KINDS for text in self.reachable(module, kind) if "(" not in text]
        if texts:
            module.head.append("from support import note")
            self.write(module, depth, *odd_statement(self, self.random.choice(texts)))
