"""``ann-equiv``: run the old and the new path and compare them bit for bit."""

from __future__ import annotations

import hashlib
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ann_compat.equivalence.cases import CaseSpec

EQUAL, DIFFERENT, USAGE, INTERNAL, VACUOUS = range(5)
"""The exit codes."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--verbose", is_flag=True, help="Show the traceback of an internal error.")
@click.version_option(package_name="adaptiveneuralnetwork")
@click.pass_context
def cli(context: click.Context, verbose: bool) -> None:
    """Run TrainingLoop and Trainer, or an old program and its migrated form, and compare them bit for bit.

    Exit codes: 0 equal, 1 a difference, 2 wrong usage, 3 an internal error or an environment that does not repeat
    itself, 4 equal but vacuous (a behaviour that matters never occurred).
    """
    context.obj = verbose


@cli.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--max-examples", type=click.IntRange(min=1), default=200, show_default=True, help="Generated cases.")
@click.option("--max-time", type=click.FloatRange(min=0), help="Stop generating after so many seconds.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same cases.")
@click.option(
    "--case-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep a case that differs here, as JSON."
)
def run(files: tuple[Path, ...], max_examples: int, max_time: float | None, seed: int, case_dir: Path | None) -> int:
    """Compare generated cases; or, given FILES, migrate each in memory and compare its old run with its new one.

    FILES are executed. Without FILES, the project's own cases ([tool.ann-equiv] cases in pyproject.toml) run as well.
    """
    if files:
        return _run_files(files, seed)
    own = _run_own_cases(seed)
    return own or _run_cases(max_examples, max_time, seed, case_dir)


@cli.command()
@click.argument("cases", nargs=-1, required=True)
def replay(cases: tuple[str, ...]) -> int:
    """Run kept CASES (JSON files, or JSON itself) again and say what became of each.

    FIXED: the paths are equal now. FAILED: they still differ. ERROR: the case cannot be read.
    """
    code = EQUAL
    for given in cases:
        word, text, outcome = _replayed(given)
        click.echo(f"{word} {text}")
        code = max(code, outcome)
    return code


@cli.command()
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same cases.")
@click.option("--max-examples", type=click.IntRange(min=1), default=60, show_default=True, help="Cases for each.")
@click.argument("names", nargs=-1)
def selftest(seed: int, max_examples: int, names: tuple[str, ...]) -> int:
    """Plant known defects (all, or those of these NAMES) in Trainer, bridge and harness: each must be caught.

    Exit codes: 0 all were caught, 1 one was not, or a difference was seen where there is none.
    """
    from ann_compat.equivalence import mutants
    from ann_compat.equivalence.report import catch_line, selftest_summary
    from ann_compat.equivalence.selftest import selftest as check

    unknown = [name for name in names if name not in mutants.BY_NAME]
    if unknown:
        raise click.UsageError(f"no defect is named {unknown[0]!r}; there are {', '.join(mutants.BY_NAME)}")
    chosen = [mutant for name, mutant in mutants.BY_NAME.items() if not names or name in names]
    outcome = check(chosen, seed=seed, max_examples=max_examples, on_catch=lambda catch: click.echo(catch_line(catch)))
    click.echo(selftest_summary(outcome, [mutant for mutant in chosen if mutant.equivalent is not None]))
    return EQUAL if outcome.passed else DIFFERENT


def main() -> None:
    """The console script: like click's own, but an unforeseen error is 3 with one line, never 1."""
    try:
        code = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = USAGE
    except click.Abort:
        click.echo("ann-equiv: interrupted", err=True)
        code = 130
    except Exception as error:
        click.echo(f"ann-equiv: {_one_line(error)}", err=True)
        if "--verbose" in sys.argv:
            traceback.print_exc()
        code = INTERNAL
    sys.exit(code)


def _run_cases(max_examples: int, max_time: float | None, seed: int, case_dir: Path | None) -> int:
    from ann_compat.equivalence.activity import missing
    from ann_compat.equivalence.harness import run_cases
    from ann_compat.equivalence.report import run_report

    result = run_cases(max_examples, seed, max_time=max_time)
    click.echo(run_report(result))
    if result.failure is not None:
        if case_dir is not None:
            click.echo(f"Kept: {_keep(result.failure.spec, case_dir)}")
        return DIFFERENT
    return VACUOUS if missing(result.activity, result.cases) else EQUAL


def _run_own_cases(seed: int) -> int:
    from ann_compat.equivalence.own_cases import compare_case, configured_cases, load_cases, trained
    from ann_compat.equivalence.report import own_case_report

    try:
        entry = configured_cases(Path.cwd())
        cases = load_cases(entry, Path.cwd()) if entry else {}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    codes = {EQUAL}
    for name, factory in cases.items():
        comparison, old, new = compare_case(factory, seed)
        click.echo(own_case_report(name, comparison, old, new))
        codes.add(DIFFERENT if not comparison.equal else EQUAL if trained(old) else VACUOUS)
    return DIFFERENT if DIFFERENT in codes else max(codes)


def _keep(spec: CaseSpec, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = spec.to_json()
    path = folder / f"case-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _replayed(given: str) -> tuple[str, str, int]:
    from ann_compat.equivalence.cases import CaseSpec
    from ann_compat.equivalence.harness import run_case
    from ann_compat.equivalence.report import failure_report

    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
        spec = CaseSpec.from_json(text)
    except (OSError, ValueError, TypeError) as error:
        return "ERROR", f"{given}: {_one_line(error)}", USAGE
    case = run_case(spec)
    if case.comparison.equal:
        return "FIXED", str(spec), EQUAL
    return "FAILED", f"{spec}\n{failure_report(case)}", DIFFERENT


def _run_files(files: tuple[Path, ...], seed: int) -> int:
    from ann_compat.equivalence.report import source_report
    from ann_compat.equivalence.sources import compare_source

    results = [compare_source(path, seed) for path in files]
    for result in results:
        click.echo(source_report(result))
    compared = [result for result in results if result.comparison is not None]
    if any(not result.comparison.equal for result in compared if result.comparison is not None):
        return DIFFERENT
    if not any(result.steps for result in compared):
        click.echo("VACUOUS: no file was both migrated and seen to train.")
        return VACUOUS
    return EQUAL


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


if __name__ == "__main__":
    main()
