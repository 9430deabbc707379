"""The HTML report: one file that needs neither network nor script."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ann_compat.equivalence.outcome import Curve, Outcome, Verdict
from ann_compat.equivalence.reports.chart import line_chart, title_of
from ann_compat.equivalence.reports.text import fields_text

_MEANINGS: dict[Verdict, str] = {
    "EQUAL": "Every case gave the same numbers on both paths.",
    "DIFFERENT": "The two paths differ. The first difference of each cause is shown below.",
    "VACUOUS": "All cases were equal, but they do not show enough for that to mean much.",
    "UNSTEADY": "The old path differs from itself in this environment, so nothing can be said about the new one.",
    "ERROR": "The run did not come to its end, or the harness does not see what it should.",
}
_CELL_WORDS = {"covered": "covered", "rare": "rare", "missing": "never", "unreachable": "cannot occur"}


def html_text(outcome: Outcome) -> str:
    """The report as a page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.jinja")
    hunted = [mutant for mutant in outcome.mutants if mutant.equivalent is None]
    matrices = [matrix for family in outcome.families for matrix in family.coverage]
    exact = outcome.tolerance == "exact"
    return template.render(
        outcome=outcome,
        meaning=_MEANINGS[outcome.verdict] if exact or outcome.verdict != "EQUAL" else _NEARLY,
        exact=exact,
        families=outcome.families,
        failures=outcome.failures,
        curves=[curves for family in outcome.families for curves in family.curves],
        hunted=hunted,
        caught=sum(mutant.caught for mutant in hunted),
        matrices=matrices,
        covered=sum(matrix.covered for matrix in matrices),
        reachable=sum(len(matrix.reachable) for matrix in matrices),
        cell_words=_CELL_WORDS,
        chart=_chart,
        chart_title=title_of,
        fields_text=fields_text,
    )


_NEARLY = "Every case gave the same numbers on both paths, up to rounding: this run was made with a tolerance."


def _chart(curve: Curve) -> Markup:
    # The chart escapes what it is given itself.
    return Markup(line_chart(curve))
