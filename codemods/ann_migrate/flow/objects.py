"""What is known of objects: which constructors make them, what holds them, every use; and why one could not be
followed.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ann_migrate.names.scopes import Variable


class Escape(Exception):  # noqa: N818 - a finding, not an error
    """The object goes where it is not followed.

    Args:
        how: ``used`` (the node's parent shows how), ``rebound`` (something else may be in its place), ``outside``,
            ``override``, ``base``, ``class attribute``, ``by name`` (getattr), ``imported``, or ``function`` (one that
            cannot be followed; says so to whoever wanted to).
        node: The node that did it.
        where: More words for the report, such as the other file's name.
        files: Other files that have to do with it: analysed together with them, the object may not escape.
    """

    def __init__(self, how: str, node: ast.AST, where: str = "", files: Iterable[Path] = ()) -> None:
        super().__init__(how)
        self.how = how
        self.node = node
        self.where = where
        self.files = frozenset(files)
        self.found: LoopObject | None = None
        """What was known of the object when it escaped, for the explanation."""


@dataclass(eq=False)
class Use:
    """An attribute of the object: ``attribute`` is the node, ``call`` the call of it, if it is called."""

    attribute: ast.Attribute
    call: ast.Call | None

    @property
    def receiver(self) -> ast.expr:
        return self.attribute.value


@dataclass(frozen=True)
class SelfAttribute:
    """An object kept on ``self.attribute`` of one class (and of those that derive from it, or it from them)."""

    owner: ast.ClassDef
    attribute: str


class Kind(enum.Enum):
    """How a container is looked into: by places, or by keys."""

    SEQUENCE = "sequence"
    MAPPING = "mapping"


@dataclass(frozen=True)
class Element:
    """The element of a container at one place or key, or any of them (``key`` None)."""

    kind: Kind
    key: int | str | None = None

    def matches(self, other: Element) -> bool:
        """Whether the two may be the same element."""
        return self.kind is other.kind and (self.key is None or other.key is None or self.key == other.key)


Shape = tuple[Element, ...]
"""Where in a value the loop is: ``()`` is the value itself, else the way through containers, outermost first."""


@dataclass(eq=False)
class LoopObject:
    """Objects that go the same ways: the calls that make them, what holds them (nothing where one is only used in its
    own expression) and all uses. Mostly it is one object; a name that is bound in two branches makes two of it.
    """

    constructors: list[ast.Call]
    holders: list[Variable | SelfAttribute] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    """What nothing shows, and a rewrite by ``--unsafe`` rests on."""
    annotations: list[ast.expr] = field(default_factory=list)
    """Annotations of what holds it (``loop: TrainingLoop = TrainingLoop(...)``, parameters, return types)."""
    functions: list[ast.AST] = field(default_factory=list)
    """The functions that get or give it."""
    far: bool = False
    """It passes through functions, containers or several classes: a use need not mean what was made last."""

    @property
    def simple(self) -> bool:
        """Whether it is one object in names: what its constructor was given can be said of each use."""
        return not self.far and len(self.constructors) == 1
