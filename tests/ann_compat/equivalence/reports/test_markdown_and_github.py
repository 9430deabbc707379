import re
from dataclasses import replace

import pytest

from ann_compat.equivalence.reports.github import MOST, github_text
from ann_compat.equivalence.reports.markdown import LIMIT, markdown_text
from ann_compat.equivalence.reports.writing import write_reports


def tables(text):
    """Blocks of lines that begin with a bar, outside of fenced blocks."""
    plain = re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.S | re.M)
    return [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", plain, flags=re.M)]


@pytest.mark.parametrize("name", ["equal", "different", "broken"])
def test_every_row_of_a_table_has_as_many_cells_as_its_head(name, request):
    found = tables(markdown_text(request.getfixturevalue(name)))
    assert found
    for rows in found:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
        assert set(rows[1]) <= set("| -")


def test_the_summary_says_verdict_cause_and_how_to_repeat_it(different):
    text = markdown_text(different)
    assert text.startswith("## ❌ Equivalence: DIFFERENT\n")
    assert "add max_grad_norm=1.0" in text.replace("\n  ", " ")
    assert "ann-equiv replay '" in text
    assert "behaviour x model" in text
    assert "seed 0" in text


def test_a_fence_holds_what_is_in_it_and_markup_is_text(broken):
    text = markdown_text(broken)
    plain = re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.S | re.M)
    assert "<script>" not in plain
    assert "… and 2 more differences." in text


def test_a_summary_is_never_larger_than_what_is_shown(different):
    long = replace(different, families=(replace(different.families[0], lacking=("x" * 3 * LIMIT,)),))
    assert len(markdown_text(long).encode()) < LIMIT + 100


def test_annotations_are_lines_that_github_reads(different, broken):
    for outcome in (different, broken):
        lines = github_text(outcome).splitlines()
        assert 0 < len(lines) <= MOST
        for line in lines:
            properties, message = re.fullmatch(r"::error ([^:]*)::(.*)", line).groups()
            assert "title=" in properties
            assert message
    assert len(github_text(broken).splitlines()) == MOST
    assert github_text(broken).splitlines()[-1].endswith("more differences; see the other reports")
    assert "file=a%2Cb%3Ac.py" in github_text(broken)


def test_nothing_is_said_where_all_is_well(equal):
    fine = replace(equal, families=(replace(equal.families[0], verdict="EQUAL", lacking=()),))
    assert github_text(fine) == ""


def test_reports_are_written_where_they_are_looked_for(equal, folder, monkeypatch):
    summary = folder / "summary-of-the-step"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    lines = list(write_reports(equal, ("junit", "json", "md", "html", "github"), folder / "a" / "b"))
    names = {path.name for path in (folder / "a" / "b").iterdir()}
    assert names == {"junit.xml", "report.json", "summary.md", "report.html"}
    assert any(line.startswith("::error") for line in lines)
    assert summary.read_text(encoding="utf-8") == f"before\n{markdown_text(equal)}"
