"""The report stands alone, and shows what the run's files say."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from lrapp import evaluation, report
from lrapp.evaluation import Scores
from lrapp.insight import Insight
from lrapp.runs import Run

UGLY = '<img src="http://127.0.0.1/x" onerror="alert(1)">\n`$x$`'
VOID = {"meta"}


class Reader(HTMLParser):
    """Reads a file as a browser does, and notes what it would open or leave open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def scores_of(run: Run) -> Scores:
    return evaluation.Scores.from_json(run.scores_path.read_bytes())


@pytest.fixture
def insight(finished: Run) -> Insight:
    return Insight.from_json(finished.insight_path.read_bytes())


def test_the_report_holds_all_and_loads_nothing(finished: Run, insight: Insight) -> None:
    html = report.html("My run", finished.history(), finished.settings, scores_of(finished), insight)
    reader = read(html)
    assert not reader.tags & {"script", "img", "link", "iframe", "object", "image", "use", "a"}
    assert not reader.attributes & {"src", "href", "srcset", "xlink:href"}
    assert not re.search(r"https?:|url\(|@import", html)
    assert "default-src 'none'" in html
    for title in ("Training", "Confusion", "Curves", "Calibration", "What matters", "Settings"):
        assert f"<h2>{title}" in html
    assert html.count("<svg") >= 7
    for word in ("My run", "Adelie", "bill_length_mm", insight.verdict, "linear model"):
        assert word in reader.text
    assert len(html) < 400_000


def test_foreign_words_stay_words(finished: Run, insight: Insight) -> None:
    assert insight.confusion is not None
    ugly = dataclasses.replace(
        insight,
        confusion=dataclasses.replace(insight.confusion, names=(UGLY,) * len(insight.confusion.names)),
        classes=tuple(dataclasses.replace(one, name=UGLY) for one in insight.classes),
        curves=tuple(dataclasses.replace(one, name=UGLY) for one in insight.curves),
        importance=tuple(dataclasses.replace(one, column=UGLY) for one in insight.importance),
        dependence=tuple(
            dataclasses.replace(
                one,
                column=UGLY,
                labels=(UGLY,) * len(one.labels),
                series=tuple(dataclasses.replace(line, name=UGLY) for line in one.series),
            )
            for one in insight.dependence
        ),
        verdict=UGLY,
        notes=(UGLY,),
    )
    settings = finished.settings
    settings = settings.model_copy(
        update={"name": UGLY, "data": settings.data.model_copy(update={"target": UGLY})}
    )
    scores = dataclasses.replace(scores_of(finished), trivial=UGLY)
    reader = read(report.html(UGLY, finished.history(), settings, scores, ugly))
    assert not reader.tags & {"img", "script"}
    assert "onerror" not in reader.attributes
    assert reader.text.count("onerror") > 20


def test_a_run_without_a_closer_look_has_a_report(finished: Run) -> None:
    html = report.html("x", finished.history(), finished.settings, scores_of(finished), None)
    assert "Confusion" not in html
    assert "linear model" not in html
    assert "accuracy" in read(html).text
