"""What becomes of constructed objects: where they are held, and every use of them.

A :class:`~ann_migrate.trace.Trace` finds it. What it does not understand raises :class:`Escape` with the node that did
it; the rules of the ``ANN3xx`` range turn that into a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ann_migrate.attributes import Attributes
from ann_migrate.functions import Functions
from ann_migrate.names_in_strings import is_exported
from ann_migrate.objects import Escape, LoopObject, SelfAttribute, Use
from ann_migrate.project import Project
from ann_migrate.resolve import Names
from ann_migrate.trace import Trace
from ann_migrate.tree import Tree

__all__ = ["Escape", "Flow", "LoopObject", "SelfAttribute", "Use", "is_exported"]


class Flow:
    """Follows objects through one file."""

    def __init__(self, names: Names, project: Project, module: str | None, *, unsafe: bool = False) -> None:
        self.names = names
        self.tree: Tree = names.tree
        self.project = project
        self.module = module
        self.in_class = Attributes(names, project, module, unsafe=unsafe)
        self.functions = Functions(names, project, module, self.in_class)
        self._followed: dict[ast.Call, LoopObject | Escape] = {}

    def attributes(self, name: str) -> list[ast.Attribute]:
        """All places of the file that mention an attribute of this name."""
        return self.in_class.named(name)

    def attribute_names(self) -> Iterable[str]:
        """The names of all attributes that the file mentions."""
        return self.in_class.all_names()

    def method_owner(self, node: ast.Attribute) -> ast.ClassDef | None:
        """The class whose instance ``self`` is in ``self.attribute``."""
        return self.in_class.method_owner(node)

    def follow(self, constructor: ast.Call) -> LoopObject:
        """All uses of the object that ``constructor`` makes, and of the objects that go the same ways.

        Raises:
            Escape: some use cannot be followed.
        """
        if constructor not in self._followed:
            self._trace(constructor)
        known = self._followed[constructor]
        if isinstance(known, Escape):
            raise known
        return known

    def settle(self, calls: Iterable[ast.AST]) -> None:
        """Follow what all these calls make. An object that meets one which escapes, from whichever of the two ends
        that shows, escapes with it.
        """
        made = [call for call in calls if isinstance(call, ast.Call)]
        size = -1
        while size != sum(isinstance(known, Escape) for known in self._followed.values()):
            size = sum(isinstance(known, Escape) for known in self._followed.values())
            for call in made:
                if call not in self._followed:
                    self._trace(call)
                known = self._followed[call]
                found = known if isinstance(known, LoopObject) else known.found
                ends = [self._followed.get(other) for other in found.constructors] if found is not None else []
                escape = next((end for end in ends if isinstance(end, Escape)), None)
                if found is not None and escape is not None:
                    self._followed.update(
                        {
                            other: escape
                            for other, end in zip(found.constructors, ends, strict=True)
                            if not isinstance(end, Escape)
                        }
                    )

    def _trace(self, constructor: ast.Call) -> None:
        trace = Trace(self, constructor)
        try:
            trace.run()
            self._followed.update(dict.fromkeys(trace.found.constructors, trace.found))
        except Escape as escape:
            escape.found = trace.found
            self._followed[constructor] = escape
