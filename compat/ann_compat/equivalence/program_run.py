"""The oracle of generated programs: the spec carried out, the legacy text executed, the migrated text executed."""

from __future__ import annotations

import io
import re
import sys
import tokenize
import types
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ann_compat.equivalence.channels import CHANNELS
from ann_compat.equivalence.compare import EXACT, Comparison, Mode, compare
from ann_compat.equivalence.program_meaning import interpret
from ann_compat.equivalence.program_text import Program, render
from ann_compat.equivalence.program_verdict import Prediction, predict
from ann_compat.equivalence.programs import RESULTS, ProgramSpec
from ann_compat.equivalence.sources import as_script
from ann_compat.equivalence.trace import Recorder, Trace, record
from ann_migrate.project.project import Project
from ann_migrate.result import FileResult, Outcome, Site
from ann_migrate.running.engine import migrate_bytes

PATH = Path("program.py")
"""Where the program lies, for all that it and the codemod can see."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a program's migration.

    Attributes:
        kind: ``generator`` (the legacy text does not do what its spec says), ``crash``, ``verdict``, ``bytes``,
            ``syntax``, ``again``, ``comments``, ``layout`` or ``behaviour``.
        text: What is wrong, in words.
        channels: Where it was seen, for a difference in behaviour.
        codes: What the codemod said of the object, for a wrong verdict.
    """

    kind: str
    text: str
    channels: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(slots=True)
class ProgramResult:
    """One program, checked.

    Attributes:
        fault: The first that was found, or ``None``.
        comparison: Of the two runs that differ, for differences in behaviour.
        meaning, old, new: The traces of the spec, the legacy text and the migrated text, as far as they ran.
    """

    spec: ProgramSpec
    program: Program
    prediction: Prediction
    migration: FileResult
    fault: Fault | None = None
    comparison: Comparison | None = None
    meaning: Trace | None = None
    old: Trace | None = None
    new: Trace | None = None

    @property
    def migrated(self) -> bool:
        """Whether the object of the program was migrated."""
        return any(
            site.outcome is Outcome.REWRITTEN and _place(site) in self.program.places for site in self.migration.sites
        )


def check_program(spec: ProgramSpec, mode: Mode = EXACT) -> ProgramResult:
    """Migrate the program, and see whether verdict, text and behaviour are what they must be.

    Args:
        spec: The program.
        mode: What of the runs is compared, and how strictly.

    Example:
        >>> result = check_program(ProgramSpec(binding="chain", result="losses"))
        >>> result.migrated, result.fault
        (True, None)
    """
    program = render(spec)
    result = ProgramResult(spec, program, predict(spec), migrate(program.source, program))
    result.fault = _generator_fault(result) or _migration_fault(result) or _behaviour_fault(result, mode)
    return result


def migrate(source: bytes, program: Program) -> FileResult:
    """Migrate a text, in the project of the program."""
    files = {Path(f"{name}.py"): text.encode() for name, text in program.modules.items()}
    paths = {path.stem: path for path in files}
    return migrate_bytes(source, path=PATH, project=Project(paths, files.__getitem__))


def run_text(source: bytes, modules: Mapping[str, str], seed: int) -> Trace:
    """Execute a program as a script, with the other files of its project there to be imported."""

    def run(recorder: Recorder) -> None:
        main = types.ModuleType("__main__")
        main.__file__ = str(PATH)
        known = {name: sys.modules.get(name) for name in modules}
        try:
            with as_script(main, PATH):
                for name, text in modules.items():
                    module = sys.modules[name] = types.ModuleType(name)
                    exec(compile(text, f"{name}.py", "exec"), vars(module))
                exec(compile(source, str(PATH), "exec", dont_inherit=True), vars(main))
        finally:
            for name, module_before in known.items():
                if module_before is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = module_before
            recorder.result(RESULTS, vars(main).get(RESULTS))

    return record(run, seed)


def _place(site: Site) -> tuple[int, int]:
    return site.position.line, site.position.column


def _generator_fault(result: ProgramResult) -> Fault | None:
    spec, program = result.spec, result.program
    result.meaning = record(lambda recorder: interpret(spec, recorder), spec.seed)
    result.old = run_text(program.source, program.modules, spec.seed)
    comparison = compare(result.meaning, result.old)
    if comparison.equal:
        return None
    result.comparison = comparison
    return _difference("generator", comparison)


def _migration_fault(result: ProgramResult) -> Fault | None:
    """What is wrong with verdict and text."""
    migration, prediction = result.migration, result.prediction
    if migration.problem is not None:
        return Fault("crash", f"{migration.problem.code} {migration.problem.reason}")
    here = [site for site in migration.sites if _place(site) in result.program.places]
    codes = tuple(sorted({site.code for site in here}))
    told = [f"line {site.position}: {site.outcome.value} {site.code} {site.reason}" for site in migration.sites]
    if not here:
        return Fault("verdict", f"no site at {sorted(result.program.places)}: {told}")
    for site in here:
        rewritten = site.outcome is Outcome.REWRITTEN
        if rewritten is not prediction.migrated:
            wanted = "migrated" if prediction.migrated else f"left alone by {' or '.join(sorted(prediction.codes))}"
            text = f"must be {wanted}, but is {told[migration.sites.index(site)]}"
            return Fault("verdict", text, codes=(*codes, wanted))
        if not rewritten and site.code not in prediction.codes:
            return Fault("verdict", f"must be left alone by {sorted(prediction.codes)}: {told}", codes=codes)
    others = sorted(site.code for site in migration.sites if site not in here)
    if others != sorted(prediction.others):
        return Fault("verdict", f"the other sites must be {sorted(prediction.others)}: {told}")
    if migration.changed is not prediction.changed:
        return Fault("bytes", f"the file {'changed' if migration.changed else 'did not change'}: {told}")
    return _text_fault(result) if migration.changed else None


def _text_fault(result: ProgramResult) -> Fault | None:
    before, after = result.program.source, result.migration.after
    try:
        compile(after, str(PATH), "exec", dont_inherit=True)
        lost = _comments(before) - _comments(after)
    except (SyntaxError, ValueError) as error:
        return Fault("syntax", f"the new text cannot be read: {error}")
    again = migrate(after, result.program)
    if again.after != after:
        return Fault("again", "a second run changes the file again")
    if lost:
        return Fault("comments", f"comments are lost: {sorted(lost)}")
    for what, of in _LAYOUT.items():
        if of(before) != of(after):
            return Fault("layout", f"{what} changed")
    return None


_LAYOUT: dict[str, Callable[[bytes], object]] = {
    "the byte order mark": lambda raw: raw[:3] == b"\xef\xbb\xbf",
    "the newline at the end": lambda raw: raw[-1:] in b"\r\n",
    "the kind of the newlines": lambda raw: {match.group() for match in re.finditer(rb"\r\n|\r|\n", raw)},
    "the kind of the indentation": lambda raw: (
        {match.group(1) for match in re.finditer(rb"(?m)^([ \t])", raw)} or {b" "}
    ),
}


def _comments(raw: bytes) -> Counter[str]:
    tokens = tokenize.tokenize(io.BytesIO(raw).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def _behaviour_fault(result: ProgramResult, mode: Mode) -> Fault | None:
    migration = result.migration
    if not migration.changed or result.old is None:
        return None
    result.new = run_text(migration.after, result.program.modules, result.spec.seed)
    # Where the config visibly writes no files, the words on the console are those of LoggingCallback.
    ignore = frozenset({"console"}) if b"LoggingCallback(log_interval=" in migration.after else frozenset()
    comparison = compare(
        result.old, result.new, mode.tolerance, ignore | (frozenset(CHANNELS) - frozenset(mode.channels))
    )
    if comparison.equal:
        return None
    result.comparison = comparison
    return _difference("behaviour", comparison)


def _difference(kind: str, comparison: Comparison) -> Fault:
    channels = tuple(difference.channel for difference in comparison.differences)
    return Fault(kind, str(comparison.first), channels)
