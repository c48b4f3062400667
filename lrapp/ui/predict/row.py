"""A tab of the Predict page: one row with values set by hand, its prediction, and how that changes with one value."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import streamlit as st

from lrapp.charts import predictions
from lrapp.errors import Stopped, UserError
from lrapp.evaluation.analysis import Insight
from lrapp.phrasing import number, percent
from lrapp.prediction import disagreement, single_row
from lrapp.prediction.disagreement import Disagreement
from lrapp.prediction.single_row import Field, OneRow, Value
from lrapp.preparation.preprocessor import Decoded
from lrapp.runs.store import Run
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.columns.number_formats import LARGEST
from lrapp.ui.parts import choices, resources, saving, session, tasks, waiting
from lrapp.ui.parts.plain_text import plain, spoken

# More fields than this make the page long; the others are behind a list.
MOST_FIELDS = 14
_MISSING = "(missing)"
_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
# On a phone the answer comes first, or it could not be seen moving.
_STYLE = """
<style>
@media (max-width: 640px) {
  .st-key-one_row > div > [data-testid="stHorizontalBlock"],
  .st-key-one_row > [data-testid="stHorizontalBlock"] { flex-direction: column-reverse; flex-wrap: nowrap; }
}
</style>
"""
_FARTHEST = (date(1, 1, 1), date(9999, 12, 31))


def show(run: Run, place: str) -> None:
    """Show the tab for a finished run; keys begin with the word of the place."""
    model = single_row.load(run)
    if model is None:
        _prepare(run, place)
        return
    resources.fragment(_row)(run, model, place)


def _prepare(run: Run, place: str) -> None:
    """Let the worker save the model's arrays, once for each run."""
    asked = session.state().one_row
    task = asked.get(run.id)
    if task is None:
        task = asked[run.id] = resources.jobs().task(
            single_row.make,
            run.folder,
            resources.store().home,
            failure="This model could not be opened; the server's log has the details.",
        )
    if not task.done:
        tasks.show(
            task,
            f"{place}.row.cancel.{run.id}",
            lambda: waiting.for_worker("the form", "Opening the model …"),
        )
        return
    try:
        task.result()
    except Stopped:
        st.caption("Opening the model was cancelled.")
        if st.button("Open the model", icon=":material/refresh:", key=f"{place}.row.again.{run.id}"):
            del asked[run.id]
            st.rerun()
        return
    except UserError as error:
        st.info(plain(str(error), None), icon=":material/info:")
    else:
        st.rerun()
    finally:
        if task.state != "stopped":
            del asked[run.id]


def _row(run: Run, model: OneRow, place: str) -> None:
    at = f"{place}.row.{run.id}"
    st.html(_STYLE)
    with st.container(key="one_row"):
        left, right = st.columns([1, 1], gap="large")
    with left:
        row = _form(run, model, at)
    with right:
        decoded = model.answer([row])
        _answer(model, decoded, model.disagreement([row]), at)
        _what_if(run, model, row, at)


def _form(run: Run, model: OneRow, at: str) -> dict[str, Value]:
    fields = list(model.fields)
    places = _shown(run, fields, at)
    # A change of the version makes every widget start anew from its usual value.
    versions = session.state().row_versions
    key = f"{at}.{versions.get(at, 0)}"
    row: dict[str, Value] = {
        field.column.name: field.start if field.start != "" else None for field in fields
    }
    for place in places:
        row[fields[place].column.name] = _widget(fields[place], f"{key}.{place}")
    hidden = len(fields) - len(places)
    if hidden:
        st.caption(f"{hidden:,} more stay at their usual value: the median, or the most frequent one.")
    if st.button("Usual values", icon=":material/restart_alt:", key=f"{at}.reset"):
        versions[at] = versions.get(at, 0) + 1
        st.rerun(scope="fragment")
    return row


def _shown(run: Run, fields: list[Field], at: str) -> list[int]:
    """Places of the fields to show: those that matter most, where there are many."""
    if len(fields) <= MOST_FIELDS:
        return list(range(len(fields)))
    places = {field.column.name: place for place, field in enumerate(fields)}
    matter = [places[name] for name in _by_importance(run) if name in places]
    first = [*matter, *(place for place in range(len(fields)) if place not in set(matter))][:MOST_FIELDS]
    return st.multiselect(
        "Values to set",
        range(len(fields)),
        default=sorted(first),
        format_func=choices.texts(range(len(fields)), lambda place: fields[place].column.name),
        key=f"{at}.shown",
        persist_state="session",
        help="At first those that matter most to the network.",
    )


def _by_importance(run: Run) -> list[str]:
    try:
        return [one.column for one in Insight.from_json(run.insight_path.read_bytes()).importance]
    except (OSError, UserError):
        return []


def _widget(field: Field, key: str) -> Value:
    column = field.column
    label = plain(column.name)
    match column.kind:
        case ColumnKind.NUMBER:
            return _number(field, label, key)
        case ColumnKind.DATE:
            return _date(field, label, key)
        case ColumnKind.YES_NO if _is_yes_no(column.values):
            return column.values[
                st.toggle(label, value=field.start == column.values[1], key=key, persist_state="session")
            ]
    options: list[str | None] = [value for value in column.values if value]
    if column.kind is not ColumnKind.YES_NO:
        options.append(None)
    start = options.index(field.start) if field.start in options else 0
    places = range(len(options))
    shown = choices.texts(places, lambda place: _MISSING if (one := options[place]) is None else one)
    return options[
        st.selectbox(label, places, index=start, format_func=shown, key=key, persist_state="session")
    ]


def _is_yes_no(values: tuple[str, ...]) -> bool:
    return cell_values.is_no(values[0]) and cell_values.is_yes(values[1])


def _number(field: Field, label: str, key: str) -> Value:
    """A slider over the usual range, and a field beside it for any number, or none."""
    assert not isinstance(field.start, str)
    exact, slide = f"{key}.exact", f"{key}.slide"
    low, high = min(field.low, field.start), max(field.high, field.start)
    if not low < high:
        high = low + 1.0
    step = 1.0 if field.whole else _step(high - low)
    low, high = (low, high) if field.whole else (_down(low, step), -_down(-high, step))
    start = field.start
    session.start_with(exact, start)
    session.start_with(slide, start)

    def from_slider() -> None:
        st.session_state[exact] = st.session_state[slide]

    def from_field() -> None:
        typed = st.session_state[exact]
        if typed is not None:
            st.session_state[slide] = min(max(float(typed), low), high)

    left, right = st.columns([3, 2], vertical_alignment="bottom")
    form = "%.0f" if field.whole else "%.6g"
    left.slider(
        label, low, high, step=step, format=form, key=slide, on_change=from_slider, persist_state="session"
    )
    value: float | None = right.number_input(
        f"{spoken(field.column.name)}: exact value",
        value=None,
        min_value=-LARGEST,
        max_value=LARGEST,
        step=step,
        format=form if abs(high) < 1e9 else "%.6g",
        key=exact,
        persist_state="session",
        on_change=from_field,
        label_visibility="collapsed",
        placeholder="missing",
        help="Any number up to 1e100, also beyond the slider. Empty it for a missing value.",
    )
    return value


def _step(span: float) -> float:
    """About two hundred steps over the range, each one unit of some digit."""
    exponent = len(f"{span / 100:.0f}") - 1 if span >= 100 else -1
    while exponent > -300 and 10.0**exponent > span / 100:
        exponent -= 1
    return float(10.0**exponent)


def _down(value: float, step: float) -> float:
    return float(f"{(value / step) // 1 * step:.12g}")


def _date(field: Field, label: str, key: str) -> Value:
    assert not isinstance(field.start, str)
    if field.of_day:
        clock = st.time_input(
            label, value=_moment(field.start).time(), step=60, key=key, persist_state="session"
        )
        return (clock.hour * 60 + clock.minute) / 1440 + clock.second / 86_400 if clock else None
    chosen = st.date_input(
        label,
        value=_day(field.start),
        min_value=_FARTHEST[0],
        max_value=_FARTHEST[1],
        format="YYYY-MM-DD",
        key=key,
        persist_state="session",
    )
    return float((chosen - _EPOCH) / _DAY) if isinstance(chosen, date) else None


def _day(days: float) -> date:
    earliest, latest = ((day - _EPOCH) / _DAY for day in _FARTHEST)
    return _EPOCH + timedelta(days=min(max(days, earliest), latest))


def _answer(model: OneRow, decoded: Decoded, apart: Disagreement | None, at: str) -> None:
    target = plain(model.preprocessor.target)
    if decoded.probabilities is None:
        value = plain(number(float(decoded.values[0])), None)
        st.metric(f"Predicted {target}", value, border=True)
        if apart is not None:
            st.caption(plain(disagreement.sentence(apart), None), help=disagreement.ABOUT)
        return
    chances = decoded.probabilities[0]
    st.metric(
        f"Predicted {target}",
        plain(str(decoded.values[0]), 40),
        f"probability {percent(decoded.confidence[0])}",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    if apart is not None:
        name = str(decoded.values[0])
        st.caption(plain(disagreement.sentence(apart, name), None), help=disagreement.ABOUT)
    if (threshold := model.preprocessor.threshold) is not None:
        st.caption(plain(threshold.sentence(model.preprocessor.classes[1]), None))
    figure = predictions.chances(model.preprocessor.classes, chances.tolist())
    saving.saveable(figure.spec, figure.frame, figure.name, key=f"{at}.chances")


def _what_if(run: Run, model: OneRow, row: dict[str, Value], at: str) -> None:
    names = [field.column.name for field in model.fields]
    matter = [name for name in _by_importance(run) if name in names]
    place = st.selectbox(
        "Vary one column",
        range(len(names)),
        index=names.index(matter[0]) if matter else 0,
        format_func=choices.texts(range(len(names)), names.__getitem__),
        key=f"{at}.what_if",
        persist_state="session",
        help="How the prediction changes over this column's range while the other values stay the same.",
    )
    field = model.fields[place]
    points, answers = model.curve(row, names[place])
    frame, kind = _curve(model, field, points, answers)
    now: object = row[names[place]]
    if kind in ("date", "time") and now is not None:
        now = _moment(now)
    target = model.preprocessor.target
    what, share = target, answers.probabilities is not None
    if share:
        binary = model.preprocessor.task == "binary"
        what = f"probability of {model.preprocessor.classes[1]}" if binary else "probability"
    figure = predictions.what_if(frame, names[place], what, now, kind, share)
    saving.saveable(figure.spec, figure.frame, figure.name, key=f"{at}.curve")
    st.caption(
        "This shows what the network predicts, not cause and effect. The data may hold no such combination of values."
    )


def _curve(model: OneRow, field: Field, at: list[Value], answers: Decoded) -> tuple[pd.DataFrame, str]:
    """A line for each class that is likely somewhere, or for the number; only one of two, as the other mirrors it."""
    kind = {ColumnKind.NUMBER: "number", ColumnKind.DATE: "date"}.get(field.column.kind, "category")
    places: list[object] = [_moment(value) for value in at] if kind == "date" else list(at)
    kind = "time" if field.of_day else kind
    if answers.probabilities is None:
        return pd.DataFrame({"at": places, "class": "", "value": answers.values.astype(float)}), kind
    classes = list(range(len(model.preprocessor.classes)))
    if model.preprocessor.task == "binary":
        classes = [1]
    elif len(classes) > predictions.MOST_LINES:
        likely = answers.probabilities.max(axis=0).argsort()[::-1][: predictions.MOST_LINES]
        classes = sorted(likely.tolist())
    names = {one: model.preprocessor.classes[one] for one in classes} if len(classes) > 1 else {1: ""}
    parts = [
        pd.DataFrame({"at": places, "class": name, "value": answers.probabilities[:, one]})
        for one, name in names.items()
    ]
    return pd.concat(parts, ignore_index=True), kind


def _moment(days: object) -> pd.Timestamp:
    assert isinstance(days, float | int)
    moment = datetime.combine(_day(days // 1), datetime.min.time(), UTC)
    moment += timedelta(seconds=round(days % 1 * 86_400))
    return pd.Timestamp(moment.replace(tzinfo=None)).as_unit("ms")
