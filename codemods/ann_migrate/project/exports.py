"""Whether other files may import a name from this one, so that the import that brings it must stay."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from ann_migrate.names.resolve import Names, Variable
from ann_migrate.project.project import Project
from ann_migrate.project.reach import files_reaching
from ann_migrate.text.source import Source

_MEANT_SO = re.compile(rb"#\s*noqa\b(?!:)|#\s*noqa:[^#\r\n]*\bF401\b")


@dataclass(frozen=True, slots=True)
class Exports:
    """What a file hands on.

    Args:
        kept: Names that stay by wish, such as those that another block of the same document uses.
    """

    names: Names
    project: Project
    source: Source
    kept: frozenset[str]

    def reach(self, variable: Variable) -> bool:
        """Whether others may import the variable: of a package, by an import marked as meant so, a known importer."""
        home = variable.scope.top.path
        if (home is not None and home.stem == "__init__") or variable.name in self.kept:
            return True
        if files_reaching(self.names, self.project, variable):
            return True
        return any(self._is_meant_so(binding.node) for binding in variable.bindings)

    def _is_meant_so(self, alias: ast.AST) -> bool:
        if isinstance(alias, ast.alias) and alias.asname is not None and alias.asname == alias.name:
            return True
        span = self.source.span(self.names.tree.statement(alias))
        lines = self.source.data[self.source.line_start(span.start) : self.source.line_end(span.end)]
        return _MEANT_SO.search(lines) is not None
