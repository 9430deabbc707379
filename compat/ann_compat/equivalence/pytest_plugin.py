"""The pytest plugin: the fixture ``assert_equivalent``, and equivalence items from ``[tool.ann-equiv]``.

``pytest --ann-equiv`` adds one item for generated cases and one for each of the project's own cases. Without the option
the plugin adds nothing but the fixture, and loads neither torch nor Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GENERATED = "generated"
_LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def assert_equivalent() -> Callable[..., None]:
    """:func:`ann_compat.equivalence.assert_equivalent`: ``assert_equivalent(legacy_fn, new_fn, seeds=(0, 1, 2))``."""
    from ann_compat.equivalence.assertion import assert_equivalent as check

    return check


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ann-equiv", "equivalence of TrainingLoop and Trainer")
    group.addoption("--ann-equiv", action="store_true", help="Add items that compare the old and the new path.")
    group.addoption(
        "--ann-equiv-examples", type=int, default=None, metavar="N", help="Generated cases; default: ini value, or 200."
    )
    group.addoption("--ann-equiv-seed", type=int, default=0, metavar="SEED", help="Of cases and runs; default: 0.")
    parser.addini("ann_equiv_examples", "Generated cases that --ann-equiv compares.", default="200")
    parser.addini("ann_equiv_cases", "package.module:name of the project's own cases; default: pyproject.toml's.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ann_equiv: compares the old and the new training path (added by the plugin).")
    config.stash[_LINES] = []


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
        for line in lines:
            terminalreporter.line(line)


class EquivalenceItem(pytest.Item):
    """One comparison: of generated cases, or of one of the project's own."""

    def __init__(self, *, case: str, factory: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.case = case
        self.factory = factory
        self.add_marker("ann_equiv")

    def runtest(self) -> None:
        seed = self.config.getoption("--ann-equiv-seed")
        if self.factory is None:
            self._compare_generated(seed)
        else:
            self._compare_own(seed)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.config.rootpath, None, f"ann-equiv: {self.case}"

    def _compare_generated(self, seed: int) -> None:
        from ann_compat.equivalence.families import Budget, run_configs
        from ann_compat.equivalence.reports.text import verdict_text

        given = self.config.getoption("--ann-equiv-examples")
        family = run_configs(Budget(int(self.config.getini("ann_equiv_examples")) if given is None else given, seed))
        text = verdict_text(family)
        self._say(text.splitlines()[0])
        if family.verdict != "EQUAL":
            raise AssertionError(text)

    def _compare_own(self, seed: int) -> None:
        from ann_compat.equivalence.diagnose import likely_cause
        from ann_compat.equivalence.own_cases import compare_case, trained

        comparison, old, new = compare_case(self.factory, seed)
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


def _items(session: pytest.Session, config: pytest.Config) -> Iterator[EquivalenceItem]:
    from ann_compat.equivalence.own_cases import load_cases
    from ann_compat.equivalence.profiles import project_settings

    yield EquivalenceItem.from_parent(session, name=f"ann-equiv::{GENERATED}", case=GENERATED, factory=None)
    try:
        entry = config.getini("ann_equiv_cases") or project_settings(config.rootpath).get("cases")
        own = load_cases(entry, config.rootpath) if entry else {}
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    for name, factory in own.items():
        yield EquivalenceItem.from_parent(session, name=f"ann-equiv::{name}", case=name, factory=factory)
