import re
from html.parser import HTMLParser

import pytest

from ann_compat.equivalence.outcome import Curve
from ann_compat.equivalence.reports.chart import line_chart, nice_ticks, shown_epochs, stretches
from ann_compat.equivalence.reports.html import html_text

VOID = {"meta", "br", "line", "polyline", "circle", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that elements are closed in their order, and collects what is there."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.problems = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append((tag, self.getpos()))

    def handle_data(self, data):
        self.texts.append(data)

    def values(self, name):
        return [value for _, attribute, value in self.attributes if attribute == name]

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.mark.parametrize("name", ["equal", "different", "broken"])
def test_the_page_is_whole_and_asks_nothing_of_the_network(name, request):
    text = html_text(request.getfixturevalue(name))
    page = Page(text)
    assert (page.problems, page.open) == ([], [])
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(page.tags)
    assert not [v for n in ("src", "href", "srcset", "action", "xlink:href") for v in page.values(n)]
    assert not re.search(r"@import|url\(", text)
    assert not [attribute for _, attribute, _ in page.attributes if attribute.startswith("on")]
    ids = page.values("id")
    assert len(ids) == len(set(ids)) or name == "broken"


def test_those_who_do_not_see_colours_or_charts_are_told_in_words(different):
    page = Page(html_text(different))
    assert page.values("lang") == ["en"]
    images = [(tag, value) for tag, attribute, value in page.attributes if attribute == "role" and value == "img"]
    assert len(images) == sum(len(failure.curves.curves) for failure in different.failures)
    assert len([value for value in page.values("aria-label") if "epochs: " in value]) == len(images)
    assert page.tags.count("h1") == 1
    assert {"main", "header", "footer"} <= set(page.tags)
    # Each table's heads say what they are heads of.
    heads = [tag for tag in page.tags if tag == "th"]
    assert len(heads) == len(page.values("scope"))
    matrix = different.families[0].coverage[0]
    missing = sum(matrix.state(r, c) == "missing" for r in matrix.rows for c in matrix.columns)
    assert missing
    assert page.text.count(" never ") >= missing


def test_the_page_has_what_was_found(different, equal):
    page = Page(html_text(different))
    for failure in different.failures:
        assert failure.where in page.text
        assert failure.cause in page.text
        assert re.sub(r"\s+", " ", failure.reproduce) in page.text
    assert "Different" in page.text
    counts = {item.name: str(item.count) for item in equal.families[0].activity}
    page = Page(html_text(equal))
    assert all(name in page.text for name in counts)
    assert "1 / 1" in page.text
    assert "bit-equal" in page.text
    assert page.tags.count("polyline") >= 4 * 4 * 2
    for mutant in equal.mutants:
        assert mutant.name in page.text


def test_hostile_text_is_text(broken):
    assert "<script>" not in html_text(broken)


def test_a_line_is_where_its_values_say():
    chart = line_chart(Curve("train_loss", (0.0, 1.0, 0.5), (0.0, 1.0, 0.5)))
    old, new = re.findall(r'<polyline class="(?:old|new)" points="([^"]*)"', chart)
    assert old == new
    (_, bottom), (_, top), (_, middle) = [map(float, point.split(",")) for point in old.split()]
    assert top < middle < bottom
    assert middle == pytest.approx((top + bottom) / 2)
    assert "equal on both paths" in chart
    other = line_chart(Curve("train_loss", (0.0, 1.0), (0.0, 0.9)))
    assert "different" in other
    assert len(set(re.findall(r'points="([^"]*)"', other))) == 2


@pytest.mark.parametrize("values", [(), (None,), (1.0,), (1e300, 1e300), (0.0, None, 2.0), (-3.5, 1e-9), (1e-300, 0.0)])
def test_any_values_make_a_chart(values):
    chart = line_chart(Curve("x", values, values))
    assert "nan" not in chart
    assert "inf" not in chart


def test_ticks_enclose_the_values_and_are_few():
    for low, high in ((0.31, 0.74), (0.0, 1.0), (99.9, 100.0), (-1e-5, 2e-5), (3.0, 3.0), (0.0, 0.0)):
        ticks = nice_ticks(low, high)
        assert ticks[0] <= low
        assert ticks[-1] >= high
        assert 2 <= len(ticks) <= 7
    assert [list(shown_epochs(n)) for n in (1, 3, 12)] == [[0], [0, 1, 2], [0, 2, 4, 6, 8, 10]]
    assert stretches([1.0, None, 2.0, 3.0]) == [[(0, 1.0)], [(2, 2.0), (3, 3.0)]]
