"""The part of a generated program that is migrated: the loop, its uses, and what they stand in."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from ann_compat.equivalence.programs import ProgramSpec

MARK = "\x00"
"""Stands before the legacy name, until its lines are known."""


def site_lines(spec: ProgramSpec, legacy: str, inner_imports: list[str]) -> list[str]:
    """The lines of the part that is migrated.

    Args:
        legacy: How the legacy name is written there.
        inner_imports: Imports that stand inside of it.
    """
    site = _Site(spec, legacy)
    if spec.in_expression:
        body = [*inner_imports, *_padded(spec, _laid_out(spec, site.in_expression()))]
        return [*site.helpers(inner_imports), *body]
    made, rest = site.made(), site.rest()
    imports = inner_imports if spec.binding != "factory" else []
    helpers = site.helpers(inner_imports)
    if spec.binding == "attribute":
        init = _suite(spec, "def __init__(self):", [*imports, *made])
        body = _suite(spec, "def run(self):", _padded(spec, _laid_out(spec, rest)))
        return [*helpers, "class Job:", *indented(init), *indented(body), *_called(spec, "Job().run()")]
    body = [*imports, *_padded(spec, _laid_out(spec, [*made, *rest]))]
    return [*helpers, *_placed(spec, body)]


def indented(lines: list[str]) -> list[str]:
    return [textwrap.indent(line, "    ") for line in lines]


class _Site:
    """The statements, each one text (of several lines, if compound)."""

    def __init__(self, spec: ProgramSpec, legacy: str) -> None:
        self.spec = spec
        self.legacy = legacy
        renamed = spec.padding == "renamed"
        self.loop = "runner" if renamed else "loop"
        self.history = "log" if renamed else "history"

    # -- the object ---------------------------------------------------------------------------------------------------

    def constructor(self) -> str:
        arguments = list(_CONSTRUCTORS[self.spec.constructor])
        if self.spec.trivia == "comment_between":
            return f"({self.legacy}  # the old loop\n    ({', '.join(arguments)}))"
        return self.call(self.legacy, arguments)

    def made(self) -> list[str]:
        """The statements that make the object and bind it."""
        make, loop = self.constructor(), self.loop
        forms: dict[str, list[str]] = {
            "name": [f"{loop} = {make}"],
            "annotated": [f"{loop}: {self.legacy.replace(MARK, '')} = {make}"],
            "attribute": [f"self.{loop} = {make}"],
            "closure": [f"{loop} = {make}"],
            "tuple": [f"number, {loop} = 7, {make}"],
            "twin": [f"first = {loop} = {make}"],
            "placeholder": [f"{loop} = None", f"{loop} = {make}"],
            "reused": [f"{loop} = {make}"],
            "global": [f"global {loop}", f"{loop} = {make}"],
            "list": [f"{loop}s = [{make}]"],
            "dict": [f'{loop}s = {{"first": {make}}}'],
            "factory": [f"{loop} = make()"],
            "branches": [f"if READY:\n{_deep(f'{loop} = {make}')}\nelse:\n{_deep(f'{loop} = {make}')}"],
            "conditional": [f"{loop} = {make} if READY else None"],
            "foreign_attribute": [f"holder.{loop} = {make}"],
            "rebound": [f"{loop} = {make}", f"if not READY:\n    {loop} = object()"],
        }
        return forms.get(self.spec.holder, [])

    def helpers(self, inner_imports: list[str]) -> list[str]:
        """Definitions of the module that the code needs."""
        spec = self.spec
        lines: list[str] = []
        if spec.constructor == "both":
            lines += [
                "def halved(outputs, targets):",
                "    return 0.5 * torch.nn.functional.cross_entropy(outputs, targets)",
                "",
            ]
        if spec.arguments == "awaited":
            lines += ["async def later(value):", "    RESULTS.append(type(value).__name__)", "    return value", ""]
        if spec.binding == "factory":
            lines += ["def make():", *indented([*inner_imports, f"return {self.constructor()}"]), ""]
        if spec.binding == "argument":
            lines += [f"def go({self.loop}):", *indented([f"return {self.train_call(self.loop)}"]), ""]
        if spec.binding == "foreign_attribute":
            lines += ["class Holder:", "    pass", "", "holder = Holder()"]
        if spec.binding == "global":
            lines += [f"{self.loop} = None"]
        if spec.other_use == "stored":
            lines += ["shelf = {}"]
        return lines

    @property
    def holder(self) -> str:
        """What the object is reached by."""
        special = {
            "attribute": f"self.{self.loop}",
            "list": f"{self.loop}s[0]",
            "dict": f'{self.loop}s["first"]',
            "foreign_attribute": f"holder.{self.loop}",
        }
        return special.get(self.spec.holder, self.loop)

    # -- its uses -----------------------------------------------------------------------------------------------------

    def rest(self) -> list[str]:
        """The statements that use the object."""
        spec = self.spec
        statements = _BEFORE_TRAINING.get(spec.other_use, [])
        if spec.padding == "unused_alias":
            statements = ["unused = model", *statements]
        if spec.binding == "closure":
            inner = "async def go():" if spec.arguments == "awaited" else "def go():"
            statements = [*statements, f"{inner}\n{_deep(f'return {self.train_call(self.holder)}')}"]
        statements = [*statements, *self.used(self.trained()), *_AFTER_TRAINING.get(spec.other_use, [])]
        if spec.binding == "reused":
            statements += [f'{self.loop} = "done"', f"RESULTS.append({self.loop})"]
        return [statement.replace("LOOP", self.holder) for statement in statements]

    def trained(self) -> str:
        """The expression that trains; its value is the history."""
        spec = self.spec
        if spec.holder in ("quick", "quick_whole"):
            call = self.call(self.legacy, ["config", *_TRAIN_ARGUMENTS[spec.arguments]])
            return call if spec.result == "ignored" and not spec.in_expression else f'{call}["metrics_history"]'
        special: dict[str, Callable[[], str]] = {
            "chain": lambda: self.train_call(self.constructor()),
            "walrus": lambda: self.train_call(f"({self.loop} := {self.constructor()})"),
            "closure": lambda: "go()",
            "argument": lambda: f"go({self.constructor()})",
        }
        return special.get(spec.holder, lambda: self.train_call(self.holder))()

    def used(self, expression: str) -> list[str]:
        """The statements that do something with the history."""
        if self.spec.binding == "quick_whole":
            return [f"RESULTS.append((lambda whole: sorted(whole))({expression}))"]
        history = self.history
        keep = f"{history} = {expression}"
        forms: dict[str, list[str]] = {
            "ignored": [expression],
            "kept": [keep, f"RESULTS.append({history})"],
            "losses": [keep, f'RESULTS.append([row["train_loss"] for row in {history}])'],
            "last": [f'RESULTS.append({expression}[-1]["train_accuracy"])'],
            "rows": [f'for row in {expression}:\n    RESULTS.append((row["epoch"], row.get("val_accuracy")))'],
            "compared": [
                keep,
                f'if {history}[-1]["train_accuracy"] > 40:\n    RESULTS.append("good")\n'
                'else:\n    RESULTS.append("bad")',
            ],
            "dumped": [keep, f'pathlib.Path("history.json").write_text(json.dumps({history}))'],
            "mutated": [keep, f'{history}.append({{"mine": 1}})', f"RESULTS.append({history})"],
            "zipped": [keep, f"RESULTS.extend(row for row, number in zip({history}, range(9)))"],
            "model_keys": [keep, f'RESULTS.append([row["mean_energy"] for row in {history}])'],
            "truth": [f'if {expression}:\n    RESULTS.append("trained")'],
            "length": [keep, f"RESULTS.append(len({history}))"],
            "returned": [f"return {expression}"],
        }
        return forms[self.spec.result]

    def in_expression(self) -> list[str]:
        """The statements with the expression in them, and what is done with its value."""
        expression = self.trained()
        place = self.spec.placement
        if place == "lambda":
            return [f"train_now = lambda: {expression}", *self.used("train_now()")]
        if place == "late_lambda":
            # The lambdas read the name of the model when they run: all train the last one.
            each = f"for model in (model, other_model):\n    jobs.append(lambda: {_shifted(expression)})"
            return ["jobs = []", each, *self.used("[job() for job in jobs][-1]")]
        if place == "comprehension":
            return self.used(f"[{expression} for number in range(2)][-1]")
        if place == "default":
            return [f"def late(history={expression}):\n    return history", *self.used("late()")]
        if place == "decorator":
            return [
                "def keep(value):\n    RESULTS.append(len(value))\n    return lambda function: function",
                f"@keep({expression})\ndef marked():\n    return None",
            ]
        return [f"RESULTS.append(f'''{{len({expression})}}''')"]

    # -- calls --------------------------------------------------------------------------------------------------------

    def train_call(self, receiver: str) -> str:
        dot = " . " if self.spec.trivia == "odd" else "."
        return self.call(f"{receiver}{dot}train", list(_TRAIN_ARGUMENTS[self.spec.arguments]))

    def call(self, function: str, arguments: list[str]) -> str:
        trivia = self.spec.trivia
        if trivia == "exploded":
            inside = "".join(f"    {text},  # {number}\n" for number, text in enumerate(arguments))
            return f"{function}(\n{inside})"
        if trivia == "mixed_newlines":
            inside = "".join(f"    {text},\n" for text in arguments)
            return f"{function}(\x01\n{inside})"
        if trivia == "backslash":
            return f"{function}({', '.join(arguments[:-1])}{', ' if arguments[1:] else ''}\\\n        {arguments[-1]})"
        if trivia == "odd":
            return f"{function} ( {' , '.join(arguments)} )"
        return f"{function}({', '.join(arguments)})"


_SGD = "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"

_CONSTRUCTORS: dict[str, tuple[str, ...]] = {
    "positional": ("model", "config"),
    "keywords": ("model=model", "config=config"),
    "swapped": ("config=config", "model=model"),
    "optimizer": ("model", "config", f"optimizer={_SGD}"),
    "criterion": ("model", "config", "criterion=torch.nn.CrossEntropyLoss(label_smoothing=0.1)"),
    "both": ("model", "config", _SGD, "halved"),
    "maybe_optimizer": ("model", "config", "given"),
    "explicit_none": ("model", "config", "None", "None"),
    "built_model": ("noted(model)", "config"),
    "built_config": ("model", "noted(config)"),
    "built_swapped": ("config=noted(config)", "model=noted(model)"),
    "built_optimizer": ("model", "config", f"noted({_SGD})"),
    "star": ("*(model, config)",),
    "surplus": ("model", "config", "epochs=3"),
    "walrus": ("(chosen := model)", "config"),
}

_TRAIN_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "loader": ("train_loader",),
    "both": ("train_loader", "test_loader"),
    "three": ("train_loader", "test_loader", "1"),
    "keywords": ("train_loader=train_loader", "num_epochs=1", "test_loader=test_loader"),
    "permuted": ("num_epochs=1", "test_loader=test_loader", "train_loader=train_loader"),
    "none": ("train_loader", "None", "None"),
    "zero": ("train_loader", "num_epochs=0"),
    "negative": ("train_loader", "test_loader", "-1"),
    "name": ("train_loader", "num_epochs=epochs"),
    "computed": ("train_loader", "test_loader", "len(RESULTS) - len(RESULTS)"),
    "of_config": ("train_loader", "num_epochs=config.num_epochs"),
    "effects": ("noted(train_loader)", "noted(test_loader)", "noted(1)"),
    "effects_permuted": ("num_epochs=noted(0)", "train_loader=noted(train_loader)"),
    "awaited": (
        "test_loader=await later(test_loader)",
        "train_loader=await later(train_loader)",
        "num_epochs=await later(1)",
    ),
    "star": ("*(train_loader, test_loader)",),
    "options": ("train_loader", "**{'num_epochs': 1}"),
    "surplus": ("train_loader", "test_loader", "1", "2"),
}

_BEFORE_TRAINING: dict[str, list[str]] = {
    "learning_rate": ["for group in LOOP.optimizer.param_groups:\n    group['lr'] *= 0.5"],
    "criterion": ["LOOP.criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.2)"],
    "config_epochs": ["config.num_epochs = 1"],
    "config_rate": ["config.learning_rate = 0.5"],
    "device": ['config.device = "cpu"'],
}

_AFTER_TRAINING: dict[str, list[str]] = {
    "model": ["RESULTS.append(LOOP.model is model)"],
    "again": ["LOOP.train(train_loader, num_epochs=1)"],
    "evaluate": ["RESULTS.append(LOOP.evaluate(test_loader))"],
    "train_epoch": ["RESULTS.append(LOOP.train_epoch(train_loader, 5))"],
    "save": ["LOOP.save_checkpoint(1)"],
    "load": [
        "LOOP.save_checkpoint(epoch=1)",
        "RESULTS.append(LOOP.load_checkpoint('saved/checkpoints/checkpoint_epoch_1.pt'))",
    ],
    "save_metrics": ["LOOP.save_metrics()"],
    "history": ["RESULTS.append(LOOP.metrics_history)"],
    "current_epoch": ["RESULTS.append(LOOP.current_epoch)"],
    "config": ["RESULTS.append(LOOP.config.seed)"],
    "class": ["RESULTS.append(LOOP.__class__ is None)"],
    "bound": ["once_more = LOOP.train_epoch", "RESULTS.append(once_more(train_loader, 0))"],
    "passed": ["RESULTS.append(callable(LOOP))"],
    "stored": ['shelf["loop"] = LOOP'],
    "tested": ["RESULTS.append(LOOP is None)"],
}


# -- around the statements --------------------------------------------------------------------------------------------

_COMPOUND = re.compile(r"(?:if|else|for|with|try|def|async|class|@)\b|@")


def _placed(spec: ProgramSpec, body: list[str]) -> list[str]:
    """The statements in what they stand in, and the call that runs them."""
    place = spec.place
    if place == "function":
        return [*_suite(spec, "def run():", body), "", *_called(spec, "run()")]
    if place == "coroutine":
        return [
            *_suite(spec, "async def run():", ["await asyncio.sleep(0)", *body]),
            "",
            *_called(spec, "asyncio.run(run())"),
        ]
    if place == "method":
        return ["class Job:", *indented(_suite(spec, "def run(self):", body)), "", *_called(spec, "Job().run()")]
    if place == "branch":
        return [*_suite(spec, "if READY:", body), "else:", '    RESULTS.append("not ready")']
    if place == "try":
        return [*_suite(spec, "try:", body), "finally:", '    RESULTS.append("finally")']
    if place == "class_body":
        return ["class Outer:", *indented(_suite(spec, "class Inner:", body))]
    headers = {
        "loop": "for number in range(2):",
        "block": "with contextlib.nullcontext():",
        "guard": 'if __name__ == "__main__":',
    }
    return _suite(spec, headers[place], body) if place in headers else body


def _called(spec: ProgramSpec, call: str) -> list[str]:
    return [f"RESULTS.append({call})" if spec.result == "returned" else call]


def _suite(spec: ProgramSpec, header: str, body: list[str]) -> list[str]:
    if spec.trivia == "one_line" and all(_is_simple(statement) for statement in body):
        return [f"{header} {'; '.join(body)}"]
    return [header, *indented(body)]


def _padded(spec: ProgramSpec, body: list[str]) -> list[str]:
    """The statements with what means nothing."""
    if spec.padding == "dead_code":
        dead = 'if not READY:\n    RESULTS.append("never")'
        return [dead, *body, dead] if spec.result != "returned" else [dead, *body]
    if spec.padding == "blank_lines":
        return ["", *(line for statement in body for line in ("", statement))]
    if spec.padding == "comment_lines":
        return [line for number, statement in enumerate(body) for line in (f"# step {number}: TrainingLoop", statement)]
    if spec.padding == "if_true":
        return ["if True:", *indented(body)]
    return body


def _laid_out(spec: ProgramSpec, body: list[str]) -> list[str]:
    """The statements with comments, or joined to lines."""
    if spec.trivia == "comments":
        return [f"{statement}  # why {number}" for number, statement in enumerate(body)]
    if spec.trivia == "non_ascii":
        label = 'label = "Größe ✓"'
        first, *others = body
        lines = [f"{label}; {first}"] if _is_simple(first) else [label, first]
        return [*lines, *others, "RESULTS.append(label)  # naïve"] if spec.result != "returned" else [*lines, *others]
    if spec.trivia not in ("semicolons", "one_line") or spec.padding == "comment_lines":
        return body
    joined: list[str] = []
    for statement in body:
        if joined and _is_simple(statement) and _is_simple(joined[-1]):
            joined[-1] += f"; {statement}"
        else:
            joined.append(statement)
    return joined


def _is_simple(statement: str) -> bool:
    return bool(statement) and "\n" not in statement and _COMPOUND.match(statement) is None and statement[0] != "#"


def _deep(statement: str) -> str:
    return textwrap.indent(statement, "    ")


def _shifted(expression: str) -> str:
    """An expression of several lines, one step further in."""
    return expression.replace("\n", "\n    ")
