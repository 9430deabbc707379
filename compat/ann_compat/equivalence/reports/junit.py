"""The JUnit report, as continuous integration servers read it: a suite for each family, a test for each claim."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from socket import gethostname
from typing import Literal
from xml.etree import ElementTree

from ann_compat.equivalence.outcome import FamilyOutcome, Outcome
from ann_compat.equivalence.reports.text import failure_text, verdict_text


def junit_text(outcome: Outcome) -> str:
    """The report as XML."""
    suites = [_family_suite(family) for family in outcome.families]
    if outcome.mutants or outcome.blind:
        suites.append(_mutant_suite(outcome))
    root = ElementTree.Element("testsuites", name="ann-equiv", time=f"{outcome.seconds:.3f}")
    for number, suite in enumerate(suites):
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=f"ann-equiv.{suite.name}",
            id=str(number),
            package="ann-equiv",
            timestamp=outcome.started.partition("+")[0],
            hostname=gethostname() or "localhost",
            time=f"{suite.seconds:.3f}",
            tests=str(len(suite.tests)),
        )
        for key, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            element.set(key, str(sum(test.kind == kind for test in suite.tests)))
        properties = ElementTree.SubElement(element, "properties")
        for name, value in {"seed": outcome.seed, "command": outcome.command, **outcome.versions}.items():
            ElementTree.SubElement(properties, "property", name=name, value=_clean(str(value)))
        for test in suite.tests:
            _add(element, suite, test)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    kind: Literal["passed", "failure", "error", "skipped"] = "passed"
    message: str = ""
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Suite:
    name: str
    seconds: float
    tests: list[_Test]


def _family_suite(family: FamilyOutcome) -> _Suite:
    return _Suite(family.name, family.seconds, list(_family_tests(family)))


def _family_tests(family: FamilyOutcome) -> Iterator[_Test]:
    if family.problem is not None:
        yield _Test("runs to its end", "error", family.problem, family.trace or family.problem, family.seconds)
        return
    if not family.failures:
        yield _Test("old and new path are equal", text=verdict_text(family), seconds=family.seconds)
    for failure in family.failures:
        name = f"old and new path are equal: {failure.id} {failure.title}"
        yield _Test(name, "failure", f"{failure.where}: {failure.difference}", failure_text(failure), family.seconds)
    for item in family.activity:
        if item.required is not None:
            lacks = not item.enough and not family.failures
            yield _Test(f"occurs: {item.name}", "failure" if lacks else "passed", str(item) if lacks else "")
    if not family.activity:
        for line in family.lacking:
            yield _Test(f"occurs: {line}", "failure", line)


def _mutant_suite(outcome: Outcome) -> _Suite:
    tests = [_Test(f"sees: {line}", "failure", line) for line in outcome.blind]
    for mutant in outcome.mutants:
        if mutant.equivalent is not None:
            tests.append(_Test(f"catches {mutant.name}", "skipped", mutant.equivalent))
        else:
            tests.append(
                _Test(
                    f"catches {mutant.name}",
                    "passed" if mutant.caught else "failure",
                    "" if mutant.caught else mutant.defect,
                    seconds=mutant.seconds,
                )
            )
    return _Suite("selftest", sum(test.seconds for test in tests), tests)


def _add(element: ElementTree.Element, suite: _Suite, test: _Test) -> None:
    case = ElementTree.SubElement(
        element, "testcase", name=_clean(test.name), classname=f"ann-equiv.{suite.name}", time=f"{test.seconds:.3f}"
    )
    if test.kind in ("failure", "error"):
        found = ElementTree.SubElement(case, test.kind, message=_clean(test.message), type=_TYPES[test.kind])
        found.text = _clean(test.text or test.message)
    elif test.kind == "skipped":
        ElementTree.SubElement(case, "skipped", message=_clean(test.message))
    elif test.text:
        ElementTree.SubElement(case, "system-out").text = _clean(test.text)


_TYPES = {"failure": "AssertionError", "error": "Error"}


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 does not allow."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
