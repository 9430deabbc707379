"""The pytest plugin: the fixture ``assert_equivalent``, and equivalence items from ``[tool.ann-equiv]``.

``pytest --ann-equiv`` adds one item for each family of generated cases and one for each of the project's own cases.
Without the option the plugin adds nothing but the fixture, and loads neither torch nor Hypothesis.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ann_compat.equivalence.profiles import GENERATED, PROFILES, project_settings

_MARKER = (
    "ann_equiv(seeds=..., ignore=..., tolerance=..., must_train=...): compares the old and the new training path; the "
    "arguments are what the fixture assert_equivalent takes unless it is told otherwise."
)


@pytest.fixture
def assert_equivalent(request: pytest.FixtureRequest) -> Callable[..., None]:
    """:func:`ann_compat.equivalence.assert_equivalent`, with the arguments of the marker ``ann_equiv`` as defaults."""
    from ann_compat.equivalence.assertion import assert_equivalent as check

    given: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("ann_equiv"))):  # the closest one decides
        given |= marker.kwargs
    return functools.partial(check, **given)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ann-equiv", "equivalence of TrainingLoop and Trainer")
    group.addoption("--ann-equiv", action="store_true", help="Add items that compare the old and the new path.")
    group.addoption(
        "--ann-equiv-profile", choices=list(PROFILES), default=None, help="How much: pr, ci or nightly. Default: ini's."
    )
    group.addoption(
        "--ann-equiv-family", action="append", default=None, metavar="FAMILY", help="Only this one. Can be repeated."
    )
    group.addoption(
        "--ann-equiv-examples", type=int, default=None, metavar="N", help="Generated configs; default: ini's, or 200."
    )
    group.addoption(
        "--ann-equiv-seed", type=int, default=None, metavar="SEED", help="Of cases and runs; default: ini's, or 0."
    )
    parser.addini("ann_equiv_profile", "How much --ann-equiv runs: pr, ci or nightly.")
    parser.addini("ann_equiv_examples", "Generated configs that --ann-equiv compares.")
    parser.addini("ann_equiv_seed", "Of cases and runs.", default="0")
    parser.addini("ann_equiv_cases", "package.module:name of the project's own cases; default: pyproject.toml's.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.getoption("--ann-equiv"):
        return None
    seed, profile, examples = _extent(config)
    return f"ann-equiv: {f'profile {profile}, ' if profile else ''}{examples} configs, seed {seed}"


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--ann-equiv"):
        items.extend(_items(session, config))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    # Lines come with the reports, since under xdist the items run in other processes.
    lines = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "ann-equiv" and getattr(report, "when", "") == "call"
    ]
    if lines:
        terminalreporter.section("ann-equiv")
        for line in sorted(lines):
            terminalreporter.line(line)


class EquivalenceItem(pytest.Item):
    """One comparison: of a family of generated cases, or of one of the project's own cases."""

    def __init__(self, *, case: str, factory: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.factory = factory
        self.add_marker("ann_equiv")

    def runtest(self) -> None:
        if self.factory is None:
            self._compare_generated()
        else:
            self._compare_own()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.config.rootpath, None, f"ann-equiv: {self.case}"

    def _compare_generated(self) -> None:
        from ann_compat.equivalence.families import Budget, run_generated
        from ann_compat.equivalence.reports.text import verdict_text

        seed, profile, examples = _extent(self.config)
        limit = PROFILES[profile]["max_time"] if profile else None
        family = run_generated(self.case, Budget(examples, seed, limit))
        text = verdict_text(family)
        cells = [(matrix.covered, len(matrix.reachable)) for matrix in family.coverage]
        covered = f" {sum(c for c, _ in cells)} of {sum(r for _, r in cells)} combinations occurred." if cells else ""
        self._say(f"{text.splitlines()[0]}{covered}")
        for line in family.lacking:
            self._say(line)
        if family.verdict != "EQUAL":
            raise AssertionError(text)

    def _compare_own(self) -> None:
        from ann_compat.equivalence.diagnose import likely_cause
        from ann_compat.equivalence.own_cases import compare_case, trained

        comparison, old, new = compare_case(self.factory, _extent(self.config)[0])
        if not comparison.equal:
            self._say(f"DIFFERENT: {comparison.first}")
            raise AssertionError(
                "\n".join(filter(None, [str(comparison.first), likely_cause(None, comparison, old, new)]))
            )
        if not trained(old):
            self._say("VACUOUS: nothing was trained")
            raise AssertionError(f"nothing was trained, so nothing was compared; the run ended with {old.exception!r}")
        self._say("EQUAL")

    def _say(self, line: str) -> None:
        self.user_properties.append(("ann-equiv", f"{self.case}: {line}"))


def _extent(config: pytest.Config) -> tuple[int, str | None, int]:
    """Seed, profile and number of generated configs; the command line beats the ini file."""
    profile = config.getoption("--ann-equiv-profile") or config.getini("ann_equiv_profile") or None
    if profile is not None and profile not in PROFILES:
        raise pytest.UsageError(f"ann_equiv_profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    seed = config.getoption("--ann-equiv-seed")
    examples = config.getoption("--ann-equiv-examples")
    if examples is None:
        examples = config.getini("ann_equiv_examples") or (PROFILES[profile]["max_examples"] if profile else 200)
    try:
        return int(config.getini("ann_equiv_seed") if seed is None else seed), profile, int(examples)
    except ValueError as error:
        raise pytest.UsageError(f"ann_equiv_seed and ann_equiv_examples must be integers: {error}") from error


def _items(session: pytest.Session, config: pytest.Config) -> Iterator[EquivalenceItem]:
    from ann_compat.equivalence.own_cases import load_cases

    wanted = config.getoption("--ann-equiv-family") or [*GENERATED, "own"]
    for name in wanted:
        if name not in (*GENERATED, "own"):
            raise pytest.UsageError(f"--ann-equiv-family must be one of {', '.join(GENERATED)}, own; got {name!r}")
    _extent(config)
    for name in GENERATED:
        if name in wanted:
            yield EquivalenceItem.from_parent(session, name=f"ann-equiv::{name}", case=name, factory=None)
    if "own" not in wanted:
        return
    try:
        entry = config.getini("ann_equiv_cases") or project_settings(config.rootpath).get("cases")
        own = load_cases(entry, config.rootpath) if entry else {}
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    for name, factory in own.items():
        yield EquivalenceItem.from_parent(session, name=f"ann-equiv::{name}", case=name, factory=factory)
