"""One file from names to edits: sites, objects, plans, edits, checks."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from ann_migrate.documents import NOTEBOOKS
from ann_migrate.facts.arguments import Arguments
from ann_migrate.facts.values import Values
from ann_migrate.flow.flow import Escape, Flow, Use
from ann_migrate.flow.sites import Form, NameUse, find_sites
from ann_migrate.legacy_api import CONSTRUCTOR, QUICK_TRAIN
from ann_migrate.names.resolve import Variable
from ann_migrate.project.exports import Exports
from ann_migrate.project.links import names_of
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Outcome, Position, Problem, Site
from ann_migrate.rewriting import check
from ann_migrate.rewriting.hints import python_hints
from ann_migrate.rewriting.imports import Imports
from ann_migrate.rewriting.long_lines import break_long_lines
from ann_migrate.rewriting.plan import Context, Plan, PlanFailed
from ann_migrate.rewriting.selection import Selection
from ann_migrate.rewriting.skips import Skips
from ann_migrate.rules import (
    annotation,
    constructor,
    file_not_to_edit,
    in_f_string,
    layout_lost,
    not_ours,
    not_selected,
    object_used_otherwise,
    quick_train,
    rules_with,
    skip_comment,
    unsupported_attribute,
)
from ann_migrate.rules._base import Decline, Left
from ann_migrate.text.edits import Edit, Region, apply_edits
from ann_migrate.text.shown import find_shown
from ann_migrate.text.source import Source
from ann_migrate.text.tree import Tree, depth

_DEEPEST = 100
"""LibCST's parser is recursive and kills the process on very deep input: calls nested deeper are declined."""


class Migration:
    """The migration of one file."""

    def __init__(
        self,
        source: Source,
        path: Path,
        project: Project,
        style: str,
        module: ast.Module | None = None,
        kept: frozenset[str] = frozenset(),
        selection: Selection | None = None,
    ) -> None:
        self.source = source
        self.path = path
        self.project = project
        self.style = style
        self.selection = selection or Selection()
        ordered = source.parts is not None and source.parts.ordered
        self._files = source.parts.files if source.parts is not None else ()
        parsed = module or project.parsed(path, source.data) or source.parse()
        self.tree = Tree(parsed, source.separators, ordered=ordered, files=bool(self._files))
        self.tree.shown = find_shown(source, self.tree)
        self.names = names_of(self.tree, self._files or (path,), project)
        self.exports = Exports(self.names, project, source, kept)
        seen = source.parts is None or (path.suffix.lower() in NOTEBOOKS and project.module(path) is not None)
        self.sites = find_sites(self.names, project, lines_are_seen=seen)
        self.flow = Flow(self.names, project, unsafe=self.selection.unsafe)
        self.values = Values(source, self.names, self.flow)
        self.skips = Skips(source, self.tree)
        self.verdicts: dict[NameUse, Site] = {}
        self.regions: list[Region] = []
        """What the last rewrite touched."""

    def result(self, raw: bytes) -> FileResult:
        """The verdicts and the new bytes, checked."""
        data, edited = self.rewrite()
        sites = tuple(self.verdicts[use] for use in self.sites)
        counted = [site.outcome for site in sites]
        by_outcome = {outcome: counted.count(outcome) for outcome in Outcome}
        assert sum(by_outcome.values()) == len(self.sites), "every site has one verdict"
        notes = tuple(self.skips.unused())
        hints = python_hints(self.path, self.source, self.tree, self.sites)
        if not edited:
            return FileResult(self.path, raw, raw, sites, notes=notes, hints=hints, concerned=self.concerned)
        try:
            after = self.source.encode(data)
            failure = None
        except UnicodeError as error:
            failure = f"the new text does not fit the file's encoding: {error}"
        if failure is None:
            failure = check.find_failure(self, data)
        if failure is not None:
            problem = Problem("ANN990", f"internal check failed, the file is left as it is: {failure}", internal=True)
            return FileResult(self.path, raw, raw, (), problem, hints=hints)
        return FileResult(self.path, raw, after, sites, notes=notes, hints=hints, concerned=self.concerned)

    @property
    def concerned(self) -> frozenset[Path]:
        """The Python files to which objects of these escape: analysed together with them, they may not."""
        files = self._files or (self.path,)
        return frozenset(path for path in self.flow.concerned if path.suffix == ".py" and path not in files)

    def rewrite(self) -> tuple[bytes, bool]:
        """The edited UTF-8 text, and whether anything was edited. Sets the verdicts.

        An object whose edits turn out to be impossible is declined, and all is planned anew without it.
        """
        declined: dict[NameUse, Decline] = {}
        while True:
            try:
                plans = self._plan(declined)
                edits = self._edits(plans)
                data, regions = apply_edits(self.source, edits)
                data, self.regions = break_long_lines(self.source, data, regions)
                break
            except PlanFailed as failure:
                declined.update(dict.fromkeys(failure.sites, failure.decline))
        for plan in plans:
            self._accept(plan)
        return data, bool(edits)

    # -- planning -----------------------------------------------------------------------------------------------------

    def _plan(self, declined: dict[NameUse, Decline]) -> list[Plan]:
        """Plans for all sites that can be rewritten; the verdicts of all others are set."""
        self.verdicts = {}
        self.skips.forget_use()
        self.imports = Imports(self.source, self.names, self.project)
        context = Context(
            source=self.source,
            tree=self.tree,
            names=self.names,
            project=self.project,
            flow=self.flow,
            values=self.values,
            imports=self.imports,
            sites=self.sites,
            style=self.style,
        )
        self.flow.settle(self.tree.parents[use.node] for use in self.sites if self._is_call(use))
        plans: list[Plan] = []
        # Calls first: the plan of an object takes the annotations of its assignments with it.
        for use in sorted(self.sites, key=lambda use: not self._is_call(use)):
            if use in self.verdicts or any(use in (plan.site, *plan.annotations) for plan in plans):
                continue
            group = self._group(use)
            try:
                for member in group:
                    if member in declined:
                        raise declined[member]
                plans += self._plan_group(context, group)
            except Decline as decline:
                for member in group:
                    self.verdicts[member] = self._declined_or_left(member, decline)
            except Left as left:
                for member in group:
                    self._leave(member, left)
        return plans

    def _group(self, use: NameUse) -> list[NameUse]:
        """The sites that are migrated together with this one or not at all, itself first: those that make objects
        which go the same ways.
        """
        call = self.tree.parent(use.node)
        if not self._is_call(use) or use.target == QUICK_TRAIN or not isinstance(call, ast.Call):
            return [use]
        try:
            made = self.flow.follow(call).constructors
        except Escape as escape:
            made = escape.found.constructors if escape.found is not None else []
        return [use, *(other for other in self.sites if other is not use and self.tree.parent(other.node) in made)]

    def _is_call(self, use: NameUse) -> bool:
        call = self.tree.parent(use.node)
        return use.form is Form.NAME and use.doubt is None and isinstance(call, ast.Call) and call.func is use.node

    def _plan_group(self, context: Context, group: list[NameUse]) -> list[Plan]:
        """The plans for sites that make objects which go the same ways; none for one that is ignored.

        Raises:
            Decline: they are left as they are.
            Left: they are left as they are by wish.
        """
        home = self.names.module_at(group[0].node)
        text = self.source.text_of_part(self.names.modules.index(home)) if self._files else self.source.data
        if (reason := not_ours.explain_file(text, home.module_name)) is not None:
            self._ignore(group, not_ours.CODE, reason)
            return []
        for rule in rules_with("explain_ignored"):
            reason = rule.explain_ignored(group[0])
            if reason is not None:
                self._ignore(group, rule.CODE, reason)
                return []
        calls = [self._call_of(use) for use in group]
        if group[0].target == QUICK_TRAIN:
            self._check_wishes([*_origin(group[0]), calls[0]], [quick_train.CODE])
            return [quick_train.plan_call(context, group[0], calls[0])]
        nodes = [*(node for use in group for node in _origin(use)), *calls]
        self._check_wishes(nodes, [constructor.CODE])
        arguments = [Arguments(call, CONSTRUCTOR) for call in calls]
        try:
            found = self.flow.follow(calls[0])
        except Escape as escape:
            escapes = rules_with("explain_escape")
            raise next(found for each in escapes if (found := each.explain_escape(escape, self.tree))) from None
        if len(found.constructors) != len(group):
            raise object_used_otherwise.decline_unknown(calls[0])
        plans = [Plan(context, use, found, given) for use, given in zip(group, arguments, strict=True)]
        known = [known for item in found.uses if (known := find_use_rule(item)) is not None]
        codes = [constructor.CODE, *(each.CODE for each in known)]
        codes += [annotation.REWRITE_CODE] * bool(found.annotations)
        self._check_wishes([*nodes, *(item.attribute for item in found.uses)], codes)
        self._plan_objects(plans)
        nodes += [item.attribute for item in found.uses]
        self._check_wishes(nodes, [item.code for plan in plans for item in plan.dropped])
        return plans

    def _plan_objects(self, plans: list[Plan]) -> None:
        """Plan all uses, once, and then each constructor."""
        first = plans[0]
        for plan in plans:
            plan.mates = plans
        for assumption in first.found.assumptions:
            first.drop(f"the certainty that {assumption}: assumed, since unsafe rewrites are allowed")
        for item in first.found.uses:
            in_f_string.check_use(item.call or item.attribute, self.tree, self.source)
            self._check_place(item.call or item.attribute)
            _use_rule(item).plan_use(item, first)
        first.share()
        for plan in plans:
            constructor.plan_constructor(plan)
        annotation.plan_annotations(first)
        first.wording.finish(first)
        first.share()

    def _call_of(self, use: NameUse) -> ast.Call:
        """The call of the legacy name, if that is all the site is.

        Raises:
            Decline: it is something else.
        """
        if not self._is_call(use):
            raise next(found for rule in rules_with("explain_name") if (found := rule.explain_name(use, self.tree)))
        call = self.tree.parents[use.node]
        assert isinstance(call, ast.Call)
        in_f_string.check_constructor(call, self.tree)
        self._check_place(call)
        return call

    def _ignore(self, group: list[NameUse], code: str, reason: str) -> None:
        for use in group:
            self.verdicts[use] = Site(self._position(use), code, Outcome.IGNORED, reason)

    # -- wishes -------------------------------------------------------------------------------------------------------

    def _check_wishes(self, nodes: list[ast.AST], codes: list[str]) -> None:
        """Leave an object alone that stands at ``nodes`` and needs the rules with these codes, if somebody wishes so.

        Raises:
            Left: somebody does.
        """
        comment = self.skips.acts(nodes, codes)
        if comment is not None:
            raise skip_comment.left(comment)
        refused = self.selection.first_refused(codes)
        if refused is not None:
            raise not_selected.left(refused)

    def _declined_or_left(self, use: NameUse, decline: Decline) -> Site:
        """The verdict on a site that a rule declines: that, unless somebody wishes not to hear of it."""
        nodes = [*_origin(use), use.node]
        if decline.culprit is not None and decline.culprit in self.tree.parents:
            nodes.append(decline.culprit)
        comment = self.skips.acts(nodes, [decline.code])
        left = None
        if comment is not None:
            left = skip_comment.left(comment)
        elif not self.selection.allows(decline.code):
            left = not_selected.left(decline.code, decline.reason)
        if left is None:
            return self._declined(use, decline)
        return Site(self._position(use), left.code, Outcome.IGNORED, left.reason, culprit=left.wish)

    def _leave(self, use: NameUse, left: Left) -> None:
        """Set the verdict on an object that is left by wish, and on the annotations of what holds it."""
        uses = [use]
        call = self.tree.parent(use.node)
        if isinstance(call, ast.Call) and use.target != QUICK_TRAIN:
            with contextlib.suppress(Escape):
                within = {part for node in self.flow.follow(call).annotations for part in ast.walk(node)}
                uses += [other for other in self.sites if other.node in within]
        for each in uses:
            self.verdicts[each] = Site(self._position(each), left.code, Outcome.IGNORED, left.reason, left.wish)

    def _check_place(self, node: ast.expr) -> None:
        """Decline what is nested more deeply than the editor's parser can be trusted with."""
        if depth(node) > _DEEPEST:
            raise layout_lost.decline("the call is nested too deeply to be edited")

    # -- edits and verdicts -------------------------------------------------------------------------------------------

    def _edits(self, plans: list[Plan]) -> list[Edit]:
        if not plans:
            return []
        assert self.style != "guide" or not self.imports.adds("ann_compat"), "the guide style needs no bridge"
        rewritten = {use for plan in plans for use in (plan.site, *plan.annotations)}
        edits = [edit for plan in plans for edit in self._allowed(plan)]
        return [*edits, *self.imports.edits(self._removable(rewritten))]

    def _allowed(self, plan: Plan) -> list[Edit]:
        """The edits of a plan.

        Raises:
            PlanFailed: one of them lies in a file that must not be edited.
        """
        locked = self.source.parts.locked if self.source.parts is not None else ()
        for edit in plan.edits if any(locked) else ():
            part = self.source.part(edit.span.start)
            if locked[part]:
                sites = [mate.site for mate in plan.mates or [plan]]
                raise PlanFailed(sites, file_not_to_edit.decline(self._files[part], locked[part]))
        return plan.edits

    def _removable(self, rewritten: set[NameUse]) -> list[Variable]:
        """The variables that hold a legacy name, to which nothing refers any more."""
        kept_targets = {
            use.target for use in self.sites if use not in rewritten and use.form in (Form.STRING, Form.EXPORT)
        }
        removable = []
        for variable in {self.names.bound_by(binding) for use in rewritten for binding in use.imports}:
            others = [use for use in self.sites if use not in rewritten and self._imported_by(use, variable)]
            exported = variable.scope.kind == "module" and self.exports.reach(variable)
            targets = {self.names.target(binding.path) for binding in variable.bindings}
            if not others and not exported and not targets & kept_targets:
                removable.append(variable)
        return removable

    def _imported_by(self, use: NameUse, variable: Variable) -> bool:
        return any(binding in variable.bindings for binding in use.imports)

    def _accept(self, plan: Plan) -> None:
        code, reason = plan.verdict
        self.verdicts[plan.site] = Site(
            self._position(plan.site),
            code,
            Outcome.REWRITTEN,
            reason,
            notes=(*plan.notes, *self._handed_on_by(plan.site)),
            not_kept=tuple(plan.not_kept),
            dropped=tuple(plan.dropped),
        )
        for use in plan.annotations:
            reason = "the annotation goes with the object that is assigned"
            self.verdicts[use] = Site(self._position(use), annotation.REWRITE_CODE, Outcome.REWRITTEN, reason)

    def _handed_on_by(self, use: NameUse) -> Iterator[str]:
        """What the author should know of the modules from which the name came."""
        seen = {
            export.path: export
            for binding in use.imports
            for path, export in self.names.reexports.items()
            if binding.path and (path == binding.path or path.startswith(f"{binding.path}."))
            if export.target == use.target
        }
        for export in seen.values():
            kept = "; the import of it stays, as that may do more than define names" if export.needed else ""
            yield f"`{export.path.as_posix()}` line {export.line} goes on exporting `{export.name}`{kept}"

    def _declined(self, use: NameUse, decline: Decline) -> Site:
        culprit = decline.culprit
        at = None
        if isinstance(culprit, (ast.expr, ast.stmt, ast.alias, ast.arg, ast.keyword, ast.excepthandler, ast.pattern)):
            at = self.source.position(self.source.offset(culprit.lineno, culprit.col_offset))
        position = self._position(use)
        return Site(
            position, decline.code, Outcome.DECLINED, decline.reason, at if at != position else None, decline.advice
        )

    def _position(self, use: NameUse) -> Position:
        """Where the legacy name itself stands: behind the dots of ``t.TrainingLoop``."""
        span = self.source.span(use.node)
        if isinstance(use.node, ast.Attribute):
            return self.source.position(span.end - len(use.node.attr.encode("utf-8")))
        return self.source.position(span.start)


def find_use_rule(use: Use) -> ModuleType | None:
    """The rule that knows an attribute of the loop, if one does."""
    return next((rule for rule in rules_with("plan_use") if use.attribute.attr in rule.ATTRIBUTES), None)


def _use_rule(use: Use) -> ModuleType:
    """The rule that knows an attribute of the loop.

    Raises:
        Decline: none does.
    """
    rule = find_use_rule(use)
    if rule is None:
        raise unsupported_attribute.decline(use)
    return rule


def _origin(use: NameUse) -> list[ast.AST]:
    """The imports that bring the name of a site."""
    return [binding.node for binding in use.imports]
