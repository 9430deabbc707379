"""The catalogue of the rules is made from them, and is fresh."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ann_migrate.reports.catalogue import all_codes, catalogue, explain_code, page
from ann_migrate.reports.codes import NOT_RULES, RANGES, rule_codes

ROOT = Path(__file__).parents[2]
CODEMOD = ROOT / "codemods" / "ann_migrate"


def test_is_fresh() -> None:
    command = "python -m ann_migrate.reports.catalogue codemods/README.md"
    written = (ROOT / "codemods" / "README.md").read_text(encoding="utf-8")
    assert written == catalogue(), f"make it anew: {command}"
    assert command in written


def test_the_command_writes_it(tmp_path: Path) -> None:
    target = tmp_path / "out.md"
    subprocess.run([sys.executable, "-m", "ann_migrate.reports.catalogue", str(target)], check=True, cwd=CODEMOD.parent)
    assert target.read_text(encoding="utf-8") == catalogue()


def test_every_code_that_the_tool_names_has_a_page_in_a_documented_range() -> None:
    named = {code for path in CODEMOD.rglob("*.py") for code in re.findall(r'"(ANN\d{3})"', path.read_text())}
    assert named == set(all_codes())
    for code in all_codes():
        assert any(code.startswith(prefix) for prefix in RANGES)
        title, body = page(code)
        assert title.endswith(".")
        assert body or code in rule_codes()


def test_codes_of_rules_and_of_problems_are_distinct() -> None:
    assert not set(rule_codes()) & set(NOT_RULES)
    assert len(rule_codes()) == len(set(rule_codes()))


def test_links_of_the_table_lead_to_the_pages() -> None:
    text = catalogue()
    assert set(re.findall(r"\(#(ann\d+)\)", text)) == set(re.findall(r'<a id="(ann\d+)">', text))


def test_fences_are_closed() -> None:
    assert all(explain_code(code).count("```") % 2 == 0 for code in all_codes())
