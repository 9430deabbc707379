"""``ProgramSpec``: a legacy program as plain values, from which its text, its meaning and its verdict follow.

A program is a point in a grid: one value for each of :data:`DIMENSIONS`. The first value of a dimension is the simplest
and goes with every other, so any pair of values that can stand together can be made into a whole program, and a failure
shrinks by putting dimensions back to their first values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from ann_compat.equivalence.cases import CaseSpec

RESULTS = "RESULTS"
"""The name under which a program keeps what it saw, and the call that stands for it in a trace."""

PROGRAM_VERSION = 1
"""Version of the JSON form; a program of another version is refused rather than misread."""

_VALUES = {
    "imports": "from alias module dotted package loops lines star local reraised reexport fallback typing",
    "constructor": (
        "positional keywords swapped optimizer criterion both maybe_optimizer explicit_none built_model "
        "built_config built_swapped built_optimizer star surplus walrus"
    ),
    "binding": (
        "name chain annotated attribute closure walrus tuple twin placeholder reused global quick quick_whole list "
        "dict factory argument branches conditional foreign_attribute rebound"
    ),
    "arguments": (
        "loader both three keywords permuted none zero negative name computed of_config effects effects_permuted "
        "awaited star options surplus"
    ),
    "result": "ignored kept losses last rows compared dumped mutated zipped model_keys truth length returned",
    "placement": (
        "module function method coroutine branch loop block try class_body guard lambda late_lambda comprehension "
        "default decorator f_string"
    ),
    "trivia": (
        "plain comments exploded mixed_newlines crlf tabs backslash semicolons one_line odd non_ascii bom cookie "
        "future comment_between"
    ),
    "other_use": (
        "none model learning_rate criterion config_epochs config_rate again evaluate train_epoch save load "
        "save_metrics history current_epoch config class bound passed stored tested device"
    ),
    "decoy": (
        "none mentions own_class shadow names_taken other_config second_loop model_modes subclass isinstance "
        "exported looked_up skip_comment"
    ),
    "padding": "none dead_code renamed blank_lines comment_lines if_true unused_alias",
    "model": "mlp written dropout stateful alternating",
    "data": "small ragged images large raising",
    "files": "off on",
}
DIMENSIONS: dict[str, tuple[str, ...]] = {name: tuple(values.split()) for name, values in _VALUES.items()}
"""What varies from program to program, the simplest value of each first.

The list of a dimension is in the order: understood by the codemod, then what it declines.
"""

_EXPRESSIONS = ("lambda", "late_lambda", "comprehension", "default", "decorator", "f_string")
_QUICK = ("quick", "quick_whole")
_BETWEEN = ("learning_rate", "criterion", "config_epochs", "config_rate", "device")


def _but(dimension: str, *values: str) -> tuple[str, ...]:
    return tuple(value for value in DIMENSIONS[dimension] if value not in values)


APART: tuple[tuple[str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    # An expression has no room for a name: the chain stands there, or a call of quick_train.
    ("binding", _but("binding", "name", "chain", *_QUICK), "placement", _EXPRESSIONS),
    ("binding", ("attribute",), "placement", _but("placement", "module", "method")),
    ("binding", ("global",), "placement", _but("placement", "module", "function", "method", "coroutine")),
    # A function sees no names of the class body around it.
    ("binding", ("closure",), "placement", ("class_body",)),
    # What comes after the last use in the body of a loop comes before the first use of the next round.
    ("binding", ("reused",), "placement", ("loop",)),
    # Uses of the object need a name for it, and those before training need one before training.
    ("binding", ("chain", *_QUICK, "argument"), "other_use", _but("other_use", "none")),
    ("binding", ("walrus",), "other_use", _BETWEEN),
    ("placement", _EXPRESSIONS, "other_use", _but("other_use", "none")),
    # quick_train makes model and loop itself.
    ("binding", _QUICK, "constructor", _but("constructor", "positional")),
    ("binding", _QUICK, "decoy", ("second_loop", "shadow", "subclass", "isinstance", "exported", "looked_up")),
    ("binding", _QUICK, "model", _but("model", "mlp")),
    ("binding", _QUICK, "data", ("raising",)),
    ("binding", ("quick_whole",), "result", _but("result", "ignored")),
    ("binding", ("quick_whole",), "placement", _EXPRESSIONS),
    # Only a function can return something, and nothing runs behind that.
    ("result", ("returned",), "placement", _but("placement", "module", "function", "method", "coroutine")),
    ("result", ("returned",), "other_use", _but("other_use", "none", *_BETWEEN)),
    ("result", ("returned",), "binding", ("reused",)),
    ("result", _but("result", "ignored"), "placement", ("f_string", "decorator")),
    ("arguments", ("awaited",), "placement", _but("placement", "module", "coroutine")),
    ("arguments", ("awaited",), "binding", ("attribute", "closure", "argument")),
    # What an f-string of Python 3.11 cannot hold.
    ("placement", ("f_string",), "trivia", ("exploded", "mixed_newlines", "backslash", "comment_between")),
    # Where legacy_trainer takes the arguments as they stand, the comment stays.
    ("trivia", ("comment_between",), "constructor", ("built_model", "built_config", "built_swapped")),
    ("other_use", ("device",), "decoy", ("second_loop",)),
    # A name that a function imports is not there for the rest of the module.
    ("imports", ("local", "typing", "fallback"), "decoy", ("second_loop", "subclass", "isinstance", "exported")),
    ("imports", ("local", "module", "dotted", "package"), "decoy", ("shadow", "exported", "looked_up")),
    ("data", ("raising",), "model", _but("model", "mlp")),
)
"""Values that cannot stand together in a program."""


def compatible(dimension: str, value: str, other: str, other_value: str) -> bool:
    """Whether two values of two dimensions can stand together."""
    return (other, other_value) not in _APART.get((dimension, value), ())


def _pairs_apart() -> dict[tuple[str, str], set[tuple[str, str]]]:
    apart: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for dimension, values, other, others in APART:
        for value in values:
            for other_value in others:
                apart.setdefault((dimension, value), set()).add((other, other_value))
                apart.setdefault((other, other_value), set()).add((dimension, value))
    return apart


_APART = _pairs_apart()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramSpec:
    """A legacy program, as plain values; the defaults are the simplest program.

    Args:
        imports: How the legacy name comes into the file.
        constructor: How the loop's arguments are given.
        binding: What holds the loop.
        arguments: What ``train`` is given.
        result: What is done with what it returns.
        placement: In what the code stands; ``module`` means a function where the other values need one.
        trivia: How it is laid out and encoded.
        other_use: What else is done with the loop.
        decoy: What else stands in the file.
        padding: A change of the text that means nothing.
        model: A member of the model zoo, or an ``AdaptiveModel`` that the program itself writes out with its config.
        data: Shape and size of the data, or a model that makes training raise.
        files: Whether the config has files written.
        seed: Seeds model, data and the run itself.

    Raises:
        TypeError, ValueError: A field is wrong, or two values cannot stand together; the message names them.

    Example:
        >>> spec = ProgramSpec(binding="chain", result="losses")
        >>> spec.non_defaults()
        {'binding': 'chain', 'result': 'losses'}
        >>> ProgramSpec.from_json(spec.to_json()) == spec
        True
    """

    imports: str = "from"
    constructor: str = "positional"
    binding: str = "name"
    arguments: str = "loader"
    result: str = "ignored"
    placement: str = "module"
    trivia: str = "plain"
    other_use: str = "none"
    decoy: str = "none"
    padding: str = "none"
    model: str = "mlp"
    data: str = "small"
    files: str = "off"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, accepted in DIMENSIONS.items():
            if getattr(self, name) not in accepted:
                raise ValueError(f"{name} must be one of {', '.join(accepted)}, got {getattr(self, name)!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed must be an integer of at least 0, got {self.seed!r}")
        values = list(self.values())
        for number, (name, value) in enumerate(values):
            for other, other_value in values[:number]:
                if not compatible(name, value, other, other_value):
                    raise ValueError(f"{name}={value!r} cannot stand together with {other}={other_value!r}")

    def values(self) -> Iterator[tuple[str, str]]:
        """The dimensions with the values."""
        return ((name, getattr(self, name)) for name in DIMENSIONS)

    @property
    def holder(self) -> str:
        """The binding; of an expression, that it has none."""
        return "chain" if self.binding == "name" and self.placement in _EXPRESSIONS else self.binding

    @property
    def place(self) -> str:
        """The placement; for what ``module`` stands where the other values need something around the code."""
        if self.placement != "module":
            return self.placement
        if self.arguments == "awaited":
            return "coroutine"
        if self.binding == "attribute":
            return "method"
        return "function" if self.result == "returned" or self.binding == "global" else "module"

    @property
    def in_expression(self) -> bool:
        """Whether all of it is one expression inside another."""
        return self.placement in _EXPRESSIONS

    @property
    def case(self) -> CaseSpec:
        """Model, data, and config that the program works with."""
        sizes = {"small": 2, "raising": 2}
        return CaseSpec(
            seed=self.seed,
            model="mlp" if self.model == "written" else self.model,
            learning_rate=0.05,
            config_epochs=2,
            train_size=sizes.get(self.data, 5),
            batch_size=3,
            shuffle=self.data == "ragged",
            scale=100.0 if self.data == "large" else 1.0,
            input_form="image" if self.data == "images" else "flat",
            validation=True,
            validation_size=3,
            files=self.files == "on" or self.other_use in ("save", "load", "save_metrics"),
            fault="no_metrics" if self.data == "raising" else "none",
        )

    def to_dict(self) -> dict[str, Any]:
        """The program as JSON values, every field, with the version first."""
        return {"program": PROGRAM_VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` gave; fields left out have their defaults.

        Raises:
            TypeError, ValueError: It is not a mapping, of another version, or a field is unknown or wrong.
        """
        if not isinstance(data, Mapping):
            raise TypeError(f"a program must be a mapping of field names to values, got {type(data).__name__}")
        given = dict(data)
        version = given.pop("program", None)
        if version != PROGRAM_VERSION:
            raise ValueError(f"program must be {PROGRAM_VERSION}, got {version!r}: it is of another release")
        known = {field.name for field in fields(cls)}
        unknown = sorted(given.keys() - known)
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}; a program has {', '.join(sorted(known))}")
        return cls(**given)

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls.from_dict(json.loads(text))

    def non_defaults(self) -> dict[str, Any]:
        """The fields that differ from the simplest program, which are what a reader of a failure needs."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}

    def __str__(self) -> str:
        return f"ProgramSpec({', '.join(f'{name}={value!r}' for name, value in self.non_defaults().items())})"


def mended(values: Mapping[str, Any]) -> ProgramSpec:
    """The program of these fields; a value that cannot stand with an earlier one is put back to the simplest."""
    kept: dict[str, Any] = {"seed": values.get("seed", 0)}
    for name, accepted in DIMENSIONS.items():
        value = values.get(name, accepted[0])
        fits = all(compatible(name, value, other, kept[other]) for other in kept if other != "seed")
        kept[name] = value if fits else accepted[0]
    return ProgramSpec(**kept)
