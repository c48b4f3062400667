"""The report stands alone, and shows what the run's files say."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from charts.contrast import contrast, over, rgb
from pictures import BLUE, RED

from lrapp import palette
from lrapp.evaluation import scores as evaluation
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.misclassified import Mistake, Mistakes
from lrapp.evaluation.model_sizes import ModelSize, ModelSizes
from lrapp.evaluation.scores import Scores
from lrapp.export import report
from lrapp.runs.events import StepsDone
from lrapp.runs.store import Run
from lrapp.settings import DataSettings, PictureFileSource, PicturesSource

UGLY = '<img src="http://127.0.0.1/x" onerror="alert(1)">\n`$x$`'
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Reads a file as a browser does, and notes what it would open or leave open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str | None] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value for name, value in attrs if name == "src"]
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


def test_what_was_measured_of_the_model_is_in_the_report(finished: Run, insight: Insight) -> None:
    forms = (
        ModelSize("pruned", 52_000, 6_000, 1.4e-5, 0.8, (("accuracy", 0.971), ("log loss", 0.09))),
        ModelSize("pruned & int8", 52_500, 6_100, 1.5e-5, 0.8),
    )
    given = report.html(
        *("My run", finished.history(), finished.settings, scores_of(finished), insight),
        sizes=ModelSizes(forms, ("A <note>.",)),
    )

    reader = read(given)
    assert "<h2>Size of the model" in given
    for word in ("pruned & int8", "80.0 %", "52 kB", "14 µs", "97.1 %", "A <note>."):
        assert word in reader.text


def test_momentum_that_moved_is_drawn(finished: Run, insight: Insight) -> None:
    history = finished.history()
    before = report.html("My run", history, finished.settings, scores_of(finished), insight)
    history.add(StepsDone(history.steps_done, (1.0,), (0.1,), 1.0, momenta=(0.9,)))
    after = report.html("My run", history, finished.settings, scores_of(finished), insight)
    assert after.count("<svg") == before.count("<svg") + 1
    assert finished.settings.training.momentum_name == "beta_1"
    assert "beta_1</text>" in after


def test_cells_and_names_of_lines_are_read_on_paper_and_in_the_dark() -> None:
    inks, papers = (re.findall(rf"--{name}:(#[0-9a-f]+)", report._STYLE) for name in ("ink", "paper"))
    assert len(inks) == len(papers) == 2
    for page_ink, short in zip(inks, papers, strict=True):
        paper = rgb(short if len(short) == 7 else "#" + "".join(2 * letter for letter in short[1:]))
        for share in (0, 0.5, 1):
            fill = over(rgb(palette.BLUE), paper, palette.MOST_FILL * share)
            assert contrast(rgb(page_ink), fill) >= 4.5
        for hue in palette.HUES:
            assert contrast(rgb(palette.ink(hue), page_ink), paper) >= 4.5


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


def _of_pictures(run: Run, insight: Insight, name: str, with_insight: bool = True) -> str:
    """The report of a run as if it had been one on pictures, with two mistakes."""
    source = PictureFileSource(name=name, sha256="0" * 64)
    settings = run.settings.model_copy(update={"data": DataSettings(source=source)})
    shown = (
        Mistake(RED, "", 3, "Coat", UGLY, 0.9, 0.05),
        Mistake(BLUE, UGLY, 9, UGLY, "Shirt", 0.8, 0.1),
    )
    mistakes = Mistakes("test", 50, 2, shown)
    return report.html(
        "x", run.history(), settings, scores_of(run), insight if with_insight else None, mistakes
    )


def test_a_report_of_pictures_shows_what_it_got_wrong_inside_itself(finished: Run, insight: Insight) -> None:
    html = _of_pictures(finished, insight, UGLY)
    reader = read(html)
    assert f"Distinguishes {len(insight.classes)} classes of pictures: Pictures of <img" in reader.text
    assert "Predicts" not in reader.text
    assert "<h2>What it got wrong</h2>" in html
    assert "2 of 50 test pictures were misclassified" in reader.text
    assert "Classified correctly most often" in reader.text
    assert len(reader.sources) == 2
    assert all(one is not None and one.startswith("data:image/png;base64,") for one in reader.sources)
    assert "img-src data:" in html
    assert "onerror" not in reader.attributes
    assert not re.search(r"(src|href)=\"?https?:|url\(|@import", html.replace(report.escape(UGLY), ""))
    assert html.index("<h2>Confusion") < html.index("<h2>What it got wrong") < html.index("<h2>Settings")


def test_without_a_closer_look_the_mistakes_are_still_shown(finished: Run, insight: Insight) -> None:
    reader = read(_of_pictures(finished, insight, "own.zip", with_insight=False))
    assert "Distinguishes classes of pictures: Pictures of own.zip." in reader.text
    assert "2 of 50 test pictures" in reader.text


def test_sets_are_called_by_their_names(finished: Run, insight: Insight) -> None:
    settings = finished.settings.model_copy(
        update={"data": DataSettings(source=PicturesSource(name="fashion-mnist"))}
    )
    html = report.html("x", finished.history(), settings, scores_of(finished), insight)
    assert f"Distinguishes {len(insight.classes)} classes of pictures: Fashion-MNIST." in html
    assert "What it got wrong" not in html


def test_what_matters_by_log_loss_is_no_share(finished: Run, insight: Insight) -> None:
    def bars(look: Insight) -> str:
        text = report.html("t", finished.history(), finished.settings, scores_of(finished), look)
        return text.split("<h2>What matters</h2>")[1].split("</table>")[0]

    assert "points" in bars(insight)
    told = bars(dataclasses.replace(insight, by_log_loss=True))
    assert "rise in log loss" in told
    assert "points" not in told
