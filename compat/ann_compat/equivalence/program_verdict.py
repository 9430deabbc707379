"""What must become of a generated program, by what the codemod promises (its catalogue of rules), not by what it does.

A prediction is wrong in both directions: a program that is declined although it need not be counts as much as one that
is rewritten although it must not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ann_compat.equivalence.programs import ProgramSpec

DECLINED: dict[tuple[str, str], str] = {
    ("imports", "fallback"): "ANN201",
    ("imports", "typing"): "ANN202",
    ("constructor", "star"): "ANN401",
    ("constructor", "surplus"): "ANN402",
    ("constructor", "walrus"): "ANN403",
    ("binding", "quick_whole"): "ANN308",
    ("binding", "foreign_attribute"): "ANN303",
    ("binding", "rebound"): "ANN304",
    ("arguments", "surplus"): "ANN402",
    ("placement", "f_string"): "ANN406",
    ("trivia", "comment_between"): "ANN407",
    ("other_use", "class"): "ANN306",
    ("other_use", "bound"): "ANN307",
    ("other_use", "passed"): "ANN302",
    ("other_use", "device"): "ANN404",
    ("decoy", "looked_up"): "ANN201",
    ("decoy", "skip_comment"): "ANN502",
}
"""Values that keep an object from being migrated, whatever the others are, with the code that says so."""

_DECOY_SITES = {"subclass": "ANN204", "isinstance": "ANN206", "exported": "ANN501", "looked_up": "ANN208"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What must become of a program.

    Attributes:
        codes: Those of which one must be the reason for leaving the object alone; empty if it must be migrated.
        others: The codes of the other sites, which stand in the decoys.
    """

    codes: frozenset[str]
    others: tuple[str, ...] = ()

    @property
    def migrated(self) -> bool:
        return not self.codes

    @property
    def changed(self) -> bool:
        """Whether the file gets another content."""
        return self.migrated or any(code.startswith("ANN1") for code in self.others)


def predict(spec: ProgramSpec) -> Prediction:
    """The verdict that the codemod must give.

    Example:
        >>> predict(ProgramSpec(binding="chain")).migrated
        True
        >>> sorted(predict(ProgramSpec(binding="rebound")).codes)
        ['ANN304']
    """
    codes = {DECLINED[value] for value in spec.values() if value in DECLINED and _acts(spec, *value)}
    codes |= {code for code, holds in _COMBINATIONS if holds(spec)}
    others = [_DECOY_SITES[spec.decoy]] if spec.decoy in _DECOY_SITES else []
    if spec.decoy == "second_loop":
        others.append("ANN101")
    if spec.binding == "annotated":
        # The annotation goes with the object, whatever becomes of that.
        others.append(_of_annotation(codes))
    return Prediction(frozenset(codes), tuple(sorted(others)))


def _of_annotation(codes: set[str]) -> str:
    """The verdict on ``loop: TrainingLoop``, by the reasons why the object is left alone."""
    if not codes:
        return "ANN112"
    return next((code for code in ("ANN502", "ANN201") if code in codes), "ANN205")


def _acts(spec: ProgramSpec, dimension: str, value: str) -> bool:
    """Whether a value that is declined occurs in the text at all, and can be seen there."""
    if value == "comment_between":
        return not spec.binding.startswith("quick")
    return True


def _makes_config(spec: ProgramSpec) -> bool:
    return spec.constructor in ("built_config", "built_swapped")


def _needs_config(spec: ProgramSpec) -> bool:
    """Whether the new code needs the config after the object was made."""
    surely_not_zero = ("three", "keywords", "permuted", "negative", "name")
    return spec.arguments not in surely_not_zero or spec.other_use == "config"


def _asks_for_config(spec: ProgramSpec) -> bool:
    """Whether the bridge is asked for a config that a call gave, since no name can hold it."""
    held = spec.binding == "attribute" and spec.trivia != "one_line"
    return _makes_config(spec) and _needs_config(spec) and not held


def _needs_bridge_elsewhere(spec: ProgramSpec) -> bool:
    """A use in another function than the one that imports needs a function of the bridge there."""
    if spec.binding == "argument":
        return spec.place in ("function", "method", "coroutine", "class_body")
    functions = ("evaluate", "train_epoch", "save", "load", "save_metrics", "history")
    return spec.binding in ("attribute", "factory") and (
        _asks_for_config(spec) or spec.result != "ignored" or spec.other_use in functions
    )


def _needs_config_too_late(spec: ProgramSpec) -> bool:
    """The number of epochs is read from the config before an argument whose effect may come first, and no function of
    the bridge does it: that is asked where a call gave the config and the object goes further than one name.
    """
    asked = _makes_config(spec) and spec.binding in ("twin", "global", "list", "dict", "factory")
    return spec.arguments == "effects_permuted" and spec.other_use == "config_epochs" and not asked


_COMBINATIONS: tuple[tuple[str, Callable[[ProgramSpec], bool]], ...] = (
    ("ANN401", lambda spec: spec.arguments in ("star", "options") and spec.binding.startswith("quick")),
    ("ANN403", _needs_config_too_late),
    ("ANN408", lambda spec: spec.imports == "local" and _needs_bridge_elsewhere(spec)),
)
"""Codes that several values together call for."""
