"""Other files that can reach a variable of a module: those that import it or its module, and ways
to it that are not sure."""

from __future__ import annotations

from pathlib import Path

from ann_migrate.names.resolve import Names
from ann_migrate.names.scopes import Variable
from ann_migrate.project.project import Project


def files_reaching(names: Names, project: Project, variable: Variable) -> list[Path]:
    """The files in which a module's variable may be used without being seen: such as are not analysed and import it,
    under whichever of its names, and such as are but have another way to it. None for a variable of a function.
    """
    found: dict[Path, None] = {}
    for each in (variable, *variable.imported_as):
        if each.scope.kind == "module":
            module = each.scope.module_name
            found.update(dict.fromkeys([*project.importers(module, each.name), *project.looking_up(module, each.name)]))
        for stray in each.strays:
            path = names.module_at(stray).path
            if path is not None:
                found[path] = None
    return list(found)
