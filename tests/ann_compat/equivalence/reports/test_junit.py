"""The JUnit report has the elements, the order and the attributes that the Ant schema (JUnit.xsd) allows."""

from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from ann_compat.equivalence.reports.junit import junit_text

# Element: attributes that must be there, attributes that may be, children in their order.
SHAPE = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors", "disabled"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id", "package"},
        {"skipped", "disabled"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": ({"name", "classname", "time"}, {"file", "line"}, ["skipped", "error", "failure", "system-out"]),
    "failure": ({"type"}, {"message"}, []),
    "error": ({"type"}, {"message"}, []),
    "skipped": (set(), {"message"}, []),
    "system-out": (set(), set(), []),
}


def all_tests(outcome):
    return [test for suite in JUnitXml.fromstring(junit_text(outcome).encode()) for test in suite]


def check(element):
    required, optional, children = SHAPE[element.tag]
    assert required <= element.attrib.keys() <= required | optional, element.tag
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places), element.tag
    for child in element:
        check(child)


@pytest.mark.parametrize("name", ["equal", "different", "broken"])
def test_the_shape_is_that_of_the_schema_and_the_counts_are_right(name, request):
    root = ElementTree.fromstring(junit_text(request.getfixturevalue(name)).encode())
    check(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases))
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(key) == str(sum(case.find(tag) is not None for case in cases))
        assert "T" in suite.get("timestamp")
        assert "+" not in suite.get("timestamp")
    assert int(root.get("tests")) == sum(int(suite.get("tests")) for suite in root)


def test_a_consumer_reads_failures_errors_and_what_was_skipped(different, broken, equal):
    results = [result for test in all_tests(different) for result in test.result]
    assert results
    assert all(isinstance(result, Failure) and "Likely cause" in result.text for result in results)
    assert {type(result) for test in all_tests(broken) for result in test.result} == {Failure, Error, Skipped}
    assert "old and new path are equal" in {test.name for test in all_tests(equal) if test.is_passed}


def test_what_never_occurred_is_a_failure_of_its_own(equal):
    assert equal.verdict == "VACUOUS"
    suite = next(iter(JUnitXml.fromstring(junit_text(equal).encode())))
    failed = {test.name for test in suite if not test.is_passed}
    assert failed == {f"occurs: {item.name}" for item in equal.families[0].activity if not item.enough}
