"""A finished run -> one HTML file that stands alone: it loads and runs nothing, and escapes all text from files."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import pandas as pd

from lrapp.evaluation import analysis_text, setting_checks
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.boosted_trees import BesideTrees
from lrapp.evaluation.diagnosis import diagnose
from lrapp.evaluation.misclassified import Mistakes, class_sentence
from lrapp.evaluation.model_sizes import ModelSizes
from lrapp.evaluation.scores import Scores
from lrapp.export import kinds, svg
from lrapp.export.svg import Line
from lrapp.palette import BLUE, GREY, HUES, MOST_FILL, ORANGE, TRAINING, VALIDATION
from lrapp.phrasing import number, percent
from lrapp.preparation.threshold import level_of
from lrapp.runs.events import History
from lrapp.settings import RunSettings

_MOST_POINTS, _MOST_ROWS = 1_000, 60

# Forbids the file to load or run anything, whatever names it contains.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root{color-scheme:light dark;--ink:#1f2329;--paper:#fff;--line:#d5d9e0;--faint:#6a717c}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--paper:#14171c;--line:#3a404a;--faint:#9aa1ac}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:780px;margin:2rem auto;
padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}p.note{color:var(--faint);font-size:.9rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;overflow-wrap:normal}
th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem;text-align:left;max-width:22rem}
td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}svg{width:100%;height:auto}svg text{fill:var(--ink);font-size:11px}
svg .grid{stroke:var(--line);stroke-width:1}figcaption{font-size:.85rem}
figcaption span{margin-right:1rem;white-space:nowrap}figcaption i{display:inline-block;width:1.6em;margin-right:.4em;
vertical-align:middle}
.bar{display:inline-block;height:.7em;background:BLUE}
pre{font-size:.8rem;overflow-x:auto;border:1px solid var(--line);padding:.8rem}
""".replace("BLUE", BLUE)


def html(
    title: str,
    history: History,
    settings: RunSettings,
    scores: Scores,
    insight: Insight | None,
    mistakes: Mistakes | None = None,
    beside: BesideTrees | None = None,
    sizes: ModelSizes | None = None,
) -> str:
    """Return the report of one run.

    Args:
        insight: The closer look, where there is one.
        mistakes: The pictures that it got wrong, for a run on pictures.
        beside: How it compares with boosted trees, where that was measured.
        sizes: What its model takes, where that was measured.
    """

    def body() -> Iterator[str]:
        yield f"<h1>{escape(title)}</h1>"
        target = settings.data.target or ""
        yield f"<p>{escape(_does(settings, scores, insight))} {escape(scores.summary)}</p>"
        yield _table(analysis_text.score_frame(scores, insight, beside))
        if insight is not None and insight.verdict:
            yield f"<p>{escape(insight.verdict)}</p>"
        if beside is not None:
            yield f"<p>{escape(' '.join((beside.sentence, *beside.notes)))}</p>"
        found = diagnose(history, settings, scores, insight.classes if insight is not None else ())
        yield f"<p>{escape(f'{found.sentence} {found.advice}'.strip())}</p>"
        for remark in setting_checks.after(settings, history):
            if remark.sentence != found.sentence:
                yield f"<p>{escape(remark.text)}</p>"
        yield "<h2>Training</h2>" + "".join(_training(history, settings.training.momentum_name))
        if insight is not None:
            yield from _insight(insight, target, mistakes)
        elif mistakes is not None:
            yield from _mistakes(mistakes, "")
        if sizes is not None:
            notes = "".join(f"<p class=note>{escape(note)}</p>" for note in sizes.notes)
            yield f"<h2>Size of the model</h2>{_table(sizes.frame())}{notes}"
        if history.prepared is not None and history.prepared.notes:
            yield "<h2>Data preparation</h2>" + _list(history.prepared.notes)
        yield f"<h2>Settings</h2><pre>{escape(settings.to_json())}</pre>"

    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>{''.join(body())}</body></html>\n"
    )


def _does(settings: RunSettings, scores: Scores, insight: Insight | None) -> str:
    count = 2 if scores.task == "binary" else len(insight.classes) if insight is not None else 0
    return kinds.of(settings.data.kind).purpose(settings.data, count)


def _mistakes(mistakes: Mistakes, sentence: str) -> Iterator[str]:
    sentences = escape(f"{sentence} {mistakes.sentence}".strip())
    yield f"<h2>What it got wrong</h2><p class=note>{sentences}</p>{mistakes.as_html()}"


def _training(history: History, momentum: str) -> Iterator[str]:
    if history.ended is not None:
        yield f"<p>{escape(history.ended.message)}</p>"
    if not history.epochs or history.started is None:
        return
    epochs = history.epoch_frame()
    epochs = epochs.iloc[:: max(1, len(epochs) // _MOST_POINTS)]
    at = epochs["epoch"].tolist()
    for title, trained, held in (
        ("loss", "loss", "val_loss"),
        (history.started.metric, "metric", "val_metric"),
    ):
        lines = [
            Line("training", at, epochs[trained].tolist(), TRAINING),
            Line("validation", at, epochs[held].tolist(), VALIDATION),
        ]
        yield svg.plot(lines, "epoch", title, at_ends=True)
    steps = history.step_frame()
    steps = steps.iloc[:: max(1, len(steps) // _MOST_POINTS)]
    rates = Line("", steps["epoch"].tolist(), steps["learning_rate"].tolist(), BLUE)
    yield svg.plot([rates], "epoch", "learning rate")
    if history.momentum_moves:
        momenta = Line("", steps["epoch"].tolist(), steps["momentum"].tolist(), BLUE)
        yield svg.plot([momenta], "epoch", momentum)


def _insight(insight: Insight, target: str, mistakes: Mistakes | None) -> Iterator[str]:
    if insight.confusion is not None:
        yield "<h2>Confusion</h2><p class=note>Rows: what was true; columns: what the network answered.</p>"
        yield _matrix(insight.confusion.names, insight.confusion.counts)
        yield _table(_percent(insight))
        if len(insight.classes) > _MOST_ROWS:
            yield f"<p class=note>The first {_MOST_ROWS} of {len(insight.classes):,} classes.</p>"
    if mistakes is not None:
        yield from _mistakes(mistakes, class_sentence(insight.classes))
    if insight.curves:
        yield f"<h2>Curves</h2><p class=note>{escape(analysis_text.area_sentence(insight))}</p>"
        yield from _curves(insight)
    if insight.calibration is not None:
        found = insight.calibration
        yield f"<h2>Calibration</h2><p class=note>{escape(analysis_text.calibration_sentence(insight))}</p>"
        yield f"<p class=note>{escape(analysis_text.temperature_sentence(insight))}</p>"
        diagonal = Line("", (0, 1), (0, 1), GREY, dashed=True)
        lines = [diagonal, Line("as it is", found.predicted, found.observed, BLUE)]
        if insight.tempered is not None and insight.tempered.needed:
            after = insight.tempered.calibration
            lines.append(Line("calibrated", after.predicted, after.observed, ORANGE))
        square = (0.0, 1.0)
        yield svg.plot(lines, "predicted probability", "observed share", square, square, square=True)
    if insight.thresholds is not None:
        level = level_of(insight.threshold)
        yield f"<h2>Threshold {number(level)}</h2><p>{escape(analysis_text.threshold_sentence(insight, level))}</p>"
        if insight.threshold is not None and insight.confusion is not None:
            yield f"<p class=note>{escape(insight.threshold.sentence(insight.confusion.names[1]))}</p>"
    if insight.residuals is not None:
        points = insight.residuals
        yield f"<h2>Residuals</h2><p class=note>{escape(analysis_text.residual_sentence(insight))}</p>"
        ends = (min(*points.truth, *points.predicted), max(*points.truth, *points.predicted))
        diagonal = Line("", ends, ends, GREY, dashed=True)
        cloud = Line("", points.truth, points.predicted, BLUE, dots=True)
        yield svg.plot([cloud, diagonal], f"true {target}", f"predicted {target}", ends, ends, square=True)
    if insight.importance:
        yield f"<h2>What matters</h2><p class=note>{escape(analysis_text.IMPORTANCE)}</p>"
        yield _bars(insight)
    if insight.dependence:
        yield f"<p class=note>{escape(analysis_text.DEPENDENCE)}</p>"
    for one in insight.dependence:
        if one.numbers:
            lines = [
                Line(series.name, one.numbers, series.values, HUES[place % len(HUES)])
                for place, series in enumerate(one.series)
            ]
            yield svg.plot(lines, one.column, analysis_text.answer(insight, target))
        else:
            frame = pd.DataFrame({one.column: one.labels})
            for place, series in enumerate(one.series):
                frame.insert(place + 1, series.name, list(series.values), allow_duplicates=True)
            yield _table(frame)
    if insight.notes:
        yield _list(insight.notes)


def _curves(insight: Insight) -> Iterator[str]:
    names = list(dict.fromkeys(one.name for one in insight.curves))
    square = (0.0, 1.0)
    for x, y in (("false positive rate", "true positive rate"), ("recall", "precision")):
        lines = [
            Line(
                f"{one.name}, {one.model}",
                *((one.roc.x, one.roc.y) if x != "recall" else (one.pr.x, one.pr.y)),
                HUES[names.index(one.name) % len(HUES)],
                dashed=one.model != "network",
            )
            for one in insight.curves
        ]
        yield svg.plot(lines, x, y, square, square, square=True)


def _matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for name, row in zip(names, counts, strict=True):
        of_class = max(1, sum(row))
        cells = "".join(
            f'<td class=n style="background:{BLUE}{round(255 * MOST_FILL * count / of_class):02x}">{count:,}</td>'
            for count in row
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return f"<div class=wide><table><tr><th></th>{head}</tr>{''.join(rows)}</table></div>"


def _percent(insight: Insight) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "class": one.name,
                "rows": f"{one.rows:,}",
                "precision": _share(one.precision),
                "recall": _share(one.recall),
                "F1": _share(one.f1),
            }
            for one in insight.classes[:_MOST_ROWS]
        ]
    )


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _bars(insight: Insight) -> str:
    largest = max(*(one.drop for one in insight.importance), 1e-300)
    percent = insight.task != "regression" and not insight.by_log_loss
    rows = []
    for one in insight.importance[:_MOST_ROWS]:
        value, spread = (
            (f"{100 * one.drop:.1f}", f"{100 * one.spread:.1f} points")
            if percent
            else (number(one.drop), number(one.spread, 2))
        )
        width = 12 * max(0.0, one.drop / largest)
        rows.append(
            f"<tr><td>{escape(one.column)}</td><td class=n>{value} ± {spread}</td>"
            f'<td><span class=bar style="width:{width:.2f}rem"></span></td></tr>'
        )
    head = f"<tr><th>column</th><th>{analysis_text.worse(insight)}</th><th></th></tr>"
    return f"<div class=wide><table>{head}{''.join(rows)}</table></div>"


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td class=n>{number(value)}</td>"
            if isinstance(value, float)
            else f"<td>{escape(str(value))}</td>"
            for value in row
        )
        + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<div class=wide><table><tr>{head}</tr>{rows}</table></div>"


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"
