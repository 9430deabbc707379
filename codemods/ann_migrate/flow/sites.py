"""The sites of a file: every use of a legacy name other than in an import, found by one pass over the names.

This pass knows nothing of the rules. The engine holds their verdicts against it: rewritten + declined + ignored ==
found.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from dataclasses import dataclass

from ann_migrate.flow.subclasses import ClassUses, find_uses
from ann_migrate.legacy_api import LEGACY_PATHS, QUICK_TRAIN, QUICK_TRAIN_READS, STAR_NAMES, TRAINING_LOOP
from ann_migrate.names.looked_up import module_looked_up
from ann_migrate.names.resolve import Binding, Names, Scope, Variable
from ann_migrate.project.project import Project
from ann_migrate.text.tree import dotted


class Form(enum.Enum):
    """How a site names the legacy API."""

    NAME = "name"
    ANNOTATION_STRING = "annotation string"
    STRING = "string"
    EXPORT = "export"


_BY_NAME = frozenset({"getattr", "setattr", "delattr", "hasattr", "object", "patch", "multiple"})
"""Functions that take an object and the name of its attribute (``object`` is ``mock.patch.object``)."""


@dataclass(eq=False)
class NameUse:
    """One site.

    Attributes:
        node: The ``Name``, ``Attribute`` (``t.TrainingLoop``, ``import_module("...").TrainingLoop``) or string
            ``Constant`` that names the legacy API.
        target: ``TrainingLoop`` or ``quick_train``.
        form: How it names it.
        imports: The import bindings that the name comes from (empty for star imports and some strings).
        doubt: Why the name cannot be relied on, or None: ``ambiguous``, ``typing``, ``star`` or ``patched``.
        patch: What may replace the name: the place in this file, or in which file and line.
        subclass: Where the class is used that derives from it here; None where none does, or its file has no lines of
            its own.
    """

    node: ast.expr
    target: str
    form: Form = Form.NAME
    imports: tuple[Binding, ...] = ()
    doubt: str | None = None
    patch: ast.expr | str | None = None
    subclass: ClassUses | None = None


def find_sites(names: Names, project: Project, *, lines_are_seen: bool = False) -> list[NameUse]:
    """All sites, in the order in which they stand.

    Args:
        names: The names of the file, or of several.
        project: What is known of other files.
        lines_are_seen: Whether the lines of the syntax tree are those that people see in the file.
    """
    found = [*_named(names), *_looked_up(names, project)]
    for module in names.modules:
        found += [*_starred(module), *_strings(names, project, module)]
    for module in names.modules:
        own = [use for use in found if names.module_at(use.node) is module]
        _doubt_patched(own, names, project, module)
        for use in own:
            parent = names.tree.parent(use.node)
            if isinstance(parent, ast.ClassDef) and use.node in parent.bases:
                use.subclass = _uses_of(parent, names, module, project, lines_are_seen=lines_are_seen)
    return sorted(found, key=lambda use: (use.node.lineno, use.node.col_offset))


def _uses_of(
    node: ast.ClassDef, names: Names, module: Scope, project: Project, *, lines_are_seen: bool
) -> ClassUses | None:
    """What hangs on a class; None where the lines of its text are not those of a file."""
    if module.path is None:
        return None
    if len(names.modules) == 1:
        return find_uses(node, names, module.path, project) if lines_are_seen else None
    number = names.modules.index(module)
    line = node.lineno - (names.tree.separators[number - 1] if number else 0)
    alone = project.meanings.names(module.path)
    same = [each for each in (alone.tree.all_of(ast.ClassDef) if alone else ()) if each.lineno == line]
    return find_uses(same[0], alone, module.path, project) if alone is not None and same else None


def _doubt_patched(found: list[NameUse], names: Names, project: Project, module: Scope) -> None:
    """Doubt the sites of a module whose names some code may replace."""
    patches: dict[str, ast.expr | str] = {}
    for use in found:
        if _may_change_binding(use, names) and not _is_of_another_module(use, found, module.module_name):
            patches.setdefault(use.target, use.node)
    for target, binding in _reachable_names(names, project, module):
        if target in patches:
            continue
        if project.names_in_string(binding) and (place := project.string_that_names(binding)) is not None:
            patches[target] = project.shown(*place)
        elif (at := project.patch(binding)) is not None:
            patches[target] = at
    for use in found:
        if use.doubt is None and use.form is Form.NAME and not _is_write(use.node):
            patch = patches.get(use.target) or next(_patches_of_package(use, names, project), None)
            if patch is not None:
                use.doubt, use.patch = "patched", patch


def _reachable_names(names: Names, project: Project, module: Scope) -> Iterator[tuple[str, str]]:
    """The legacy names as other files can reach them here or where they come from: target, and dotted name."""
    if module.module_name is not None:
        for name, target in _exported(names, module).items():
            yield target, f"{module.module_name}.{name}"
    for export in names.reexports.values():
        yield export.target, f"{project.module(export.path)}.{export.name}"


def _patches_of_package(use: NameUse, names: Names, project: Project) -> Iterator[str]:
    """Where the package's own attribute is replaced that a site reads when it runs: through the module, or by an import
    in a function. What a module imports at its top level is a binding of its own.
    """
    attributes = (dotted(use.node) or ())[1:]
    read = {".".join([binding.path or "", *attributes]) for binding in use.imports} if attributes else set()
    if not attributes:
        late = (binding for binding in use.imports if names.tree.function(binding.node) is not None)
        read = {binding.path or "" for binding in late}
    if use.target == QUICK_TRAIN:
        read.add(QUICK_TRAIN_READS)
    for path in sorted(read & LEGACY_PATHS.keys()):
        if (patch := project.patch(path)) is not None:
            yield patch


def _is_of_another_module(use: NameUse, found: list[NameUse], module: str | None) -> bool:
    """Whether a string names the binding of a module that no site of this file gets its name from."""
    value = use.node.value if isinstance(use.node, ast.Constant) else None
    if use.form is not Form.STRING or not isinstance(value, str) or "." not in value or value in LEGACY_PATHS:
        return False
    home = value.rpartition(".")[0]
    paths = {binding.path for other in found for binding in other.imports if binding.path}
    return module is not None and home != module and not any(f"{path}.".startswith(f"{home}.") for path in paths)


def legacy_imports(variable: Variable, names: Names) -> list[Binding]:
    """The bindings of a variable that are imports from which a legacy name can be reached."""
    return [binding for binding in variable.bindings if binding.path and names.reaches_legacy(binding.path)]


def _exported(names: Names, module: Scope) -> dict[str, str]:
    """The module-level names that are a legacy class or function (other files can import them), and which one."""
    return {
        variable.name: target
        for variable in module.variables.values()
        for binding in variable.bindings
        if (target := names.target(binding.path)) is not None
    }


def _named(names: Names) -> Iterator[NameUse]:
    suspects = {variable.name for variable in names.variables() if legacy_imports(variable, names)}
    for node in names.tree.all_of(ast.Name):
        if node.id not in suspects or isinstance(node.ctx, ast.Store):
            continue
        yield from _along_chain(names, node)


def _along_chain(names: Names, node: ast.Name) -> Iterator[NameUse]:
    """The site that starts at this name: the name itself, or the attribute of it that is legacy
    (``t.TrainingLoop``).
    """
    variables = names.meanings(node)
    imports = tuple(binding for variable in variables for binding in legacy_imports(variable, names))
    at: ast.expr = node
    while True:
        paths = names.paths(at)
        targets = {LEGACY_PATHS[path] for path in paths if path in LEGACY_PATHS}
        if targets:
            doubt = None if len(paths) == 1 else "ambiguous"
            if doubt is None and any(binding.kind == "del" for variable in variables for binding in variable.bindings):
                doubt = None if isinstance(node.ctx, ast.Del) else "ambiguous"
            if doubt is None and all(_typing_only(names, binding) for binding in imports):
                doubt = "typing"
            yield NameUse(at, min(targets), Form.NAME, imports, doubt)
            return
        parent = names.tree.parent(at)
        if not isinstance(parent, ast.Attribute):
            return
        at = parent


def _typing_only(names: Names, binding: Binding) -> bool:
    """Whether an import runs for type checkers only: in the body of ``if TYPE_CHECKING:``."""
    child: ast.AST = binding.node
    for at in names.tree.ancestors(binding.node):
        if isinstance(at, ast.If) and any(item is child for item in at.body):
            parts = dotted(at.test)
            if parts and parts[-1] == "TYPE_CHECKING":
                return True
        child = at
    return False


def _is_write(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)


def _may_change_binding(use: NameUse, names: Names) -> bool:
    """Whether a site may replace what other sites mean: a patch by name, a write to the module's or the class's
    attribute.
    """
    parent = names.tree.parent(use.node)
    if use.form is Form.STRING and isinstance(use.node, ast.Attribute):
        return False  # it is read only
    if use.form is Form.STRING or _is_write(use.node) or _is_write(parent):
        return True
    return isinstance(parent, ast.Call) and use.node in parent.args and _called(parent) in _BY_NAME


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _starred(module: Scope) -> Iterator[NameUse]:
    """Names that only a ``from adaptiveneuralnetwork.training import *`` can have brought, where that is not sure."""
    stars = [star for star in module.star_imports if star.level == 0 and star.module in STAR_NAMES]
    if not stars:
        return
    for name in (TRAINING_LOOP, QUICK_TRAIN):
        variable = module.variables.get(name)
        if variable is not None and not variable.bindings:
            for read in variable.reads:
                yield NameUse(read, name, doubt="star")


# -- strings ----------------------------------------------------------------------------------------------------------


def _strings(names: Names, project: Project, module: Scope) -> Iterator[NameUse]:
    exported = _exported(names, module)
    for node in names.tree.all_of(ast.Constant):
        if not isinstance(node.value, str) or len(node.value) > 500 or names.module_at(node) is not module:
            continue
        value = node.value
        if _in_annotation(names, node):
            imports = _annotation_imports(value, node, names)
            if imports:
                target = min(imports)
                yield NameUse(node, target, Form.ANNOTATION_STRING, tuple(imports[target]))
        elif value in exported and _in_dunder_all(names, node):
            bindings = tuple(legacy_imports(module.variables[value], names))
            yield NameUse(node, exported[value], Form.EXPORT, bindings)
        else:
            named = _argument_target(node, value, names, exported, project, module.module_name)
            if named is not None:
                yield NameUse(node, named, Form.STRING)


def _looked_up(names: Names, project: Project) -> Iterator[NameUse]:
    """The attributes of modules that are looked up by a string: ``import_module("pkg.mod").TrainingLoop``."""
    called = {TRAINING_LOOP, QUICK_TRAIN, *project.reexports.aliases}
    for node in names.tree.all_of(ast.Attribute):
        if node.attr not in called or not isinstance(node.ctx, ast.Load):
            continue
        if (module := module_looked_up(node.value, names)) is not None:
            target = names.target(f"{module}.{node.attr}") or project.legacy_export(module, node.attr)
            if target is not None:
                yield NameUse(node, target, Form.STRING)


def _argument_target(
    node: ast.Constant, value: str, names: Names, exported: dict[str, str], project: Project, module: str | None
) -> str | None:
    """The legacy name that a string argument stands for: ``getattr(t, "TrainingLoop")``,
    ``patch("pkg.mod.TrainingLoop")``.
    """
    call = names.tree.parent(node)
    if not isinstance(call, ast.Call) or node not in call.args:
        return None
    index = call.args.index(node)
    if index and value.isidentifier():
        path = names.path(call.args[index - 1]) or module_looked_up(call.args[index - 1], names)
        by_name = _called(call) in _BY_NAME and path is None
        if (target := names.target(f"{path}.{value}") or (exported.get(value) if by_name else None)) is not None:
            return target
        return project.legacy_attribute(f"{path}.{value}", module) if path is not None else None
    if value in LEGACY_PATHS:
        return LEGACY_PATHS[value]
    home, _, name = value.rpartition(".")
    if home and home == module and name in exported:
        return exported[name]
    return project.legacy_export(home, name) or project.legacy_attribute(value, module) if home else None


def _in_annotation(names: Names, node: ast.AST) -> bool:
    child = node
    for at in names.tree.ancestors(node):
        if isinstance(at, (ast.arg, ast.AnnAssign)) and at.annotation is child:
            return True
        if isinstance(at, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return at.returns is child
        if isinstance(at, ast.Call):  # typing.cast("TrainingLoop", x), TypeVar("T", bound="TrainingLoop")
            path = names.path(at.func) or ""
            first = bool(at.args) and at.args[0] is child
            bound = isinstance(child, ast.keyword) and child.arg == "bound"
            return (path.endswith("typing.cast") and first) or (path.endswith("TypeVar") and bound)
        if isinstance(at, ast.stmt):
            return False
        child = at
    return False


def _annotation_imports(value: str, node: ast.AST, names: Names) -> dict[str, list[Binding]]:
    """The legacy names in a string annotation, each with the imports that it comes from."""
    try:
        expression = ast.parse(value.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return {}
    scope = names.scope_at(node)
    found: dict[str, list[Binding]] = {}
    for part in ast.walk(expression):
        parts = dotted(part)
        variable = names.lookup(parts[0], scope) if parts else None
        if parts is None or variable is None:
            continue
        for binding in variable.bindings:
            target = names.target(".".join([binding.path, *parts[1:]])) if binding.path else None
            if target:
                found.setdefault(target, []).append(binding)
    return found


def _in_dunder_all(names: Names, node: ast.AST) -> bool:
    statement = names.tree.statement(node)
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        parts = dotted(statement.value.func)
        return bool(parts) and parts is not None and parts[0] == "__all__"
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
