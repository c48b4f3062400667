"""From which probability on a model answers with the second class: moved by hand, or chosen by what mistakes cost."""

import pandas as pd
import streamlit as st

from lrapp.errors import UserError
from lrapp.evaluation import analysis_text, error_costs
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.error_costs import TwoClasses
from lrapp.phrasing import number
from lrapp.preparation.threshold import MOST_COST, Costs, Threshold, level_of
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, saving, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import changes

_LEAST_COST = 1e-9


def show(run: Run, insight: Insight) -> None:
    """Show what thresholds do, and let the run's maker choose one for the model."""
    if insight.thresholds is None or insight.confusion is None:
        return
    may = access.may("resume", run) and not changes.under_way(
        session.state().thresholds, run.id, "the threshold"
    )
    positive = insight.confusion.names[1]
    if insight.threshold is not None:
        st.markdown(f"**In use.** {plain(insight.threshold.sentence(positive), None)}")
        if may and st.button("Back to 0.5", icon=":material/undo:", key=f"threshold.undo.{run.id}"):
            _set(run, None)
    chosen = None
    try:
        rows = error_costs.kept(run.folder)
    except UserError as error:
        rows = None
        st.warning(plain(str(error), None), icon=":material/warning:")
    if rows is not None:
        chosen = _by_costs(run, insight, rows, may)
    by_hand = _by_hand(run, insight, may)
    if chosen or by_hand:
        _set(run, chosen or by_hand)


def _by_costs(run: Run, insight: Insight, rows: TwoClasses, may: bool) -> Threshold | None:
    """Two fields, and what thresholds that follow from them cost; returns the one that was clicked."""
    assert insight.confusion is not None
    negative, positive = (plain(name, 40) for name in insight.confusion.names)
    before = insight.threshold.costs if insight.threshold is not None else None
    start = before or Costs()
    left, right = st.columns(2)
    paid = Costs(
        left.number_input(
            "Cost of a false alarm",
            min_value=_LEAST_COST,
            max_value=MOST_COST,
            value=start.false_alarm,
            format="%g",
            key=f"threshold.false_alarm.{run.id}",
            help=f"To answer {positive} where it is {negative}. In any unit: only the ratio of the two counts.",
        ),
        right.number_input(
            "Cost of a miss",
            min_value=_LEAST_COST,
            max_value=MOST_COST,
            value=start.miss,
            format="%g",
            key=f"threshold.miss.{run.id}",
            help=f"To answer {negative} where it is {positive}.",
        ),
    )
    levels, found = {"usual": 0.5, "from the costs alone": paid.level}, None
    try:
        found = error_costs.chosen(rows.validation, paid)
        levels["from the validation rows"] = found.level
    except UserError as error:
        st.caption(plain(str(error), None))
    now = level_of(insight.threshold)
    levels = {f"{name}, in use" if level == now else name: level for name, level in levels.items()}
    if now not in levels.values():
        levels["in use"] = now
    st.dataframe(_table(rows, paid, levels, insight.part), hide_index=True)
    st.caption(plain(analysis_text.costs_sentence(paid), None))
    if not may or found is None:
        return None
    with st.container(horizontal=True):
        if found.level != now and st.button(
            f"Use {number(found.level)}",
            icon=":material/tune:",
            type="primary",
            key=f"threshold.use.{run.id}",
            help="Makes the threshold from the validation rows part of the model: of its scores, of predictions and "
            "of all exports, which you then make again.",
        ):
            return found
        if paid.level not in (found.level, now) and st.button(
            f"Use {number(paid.level)}",
            icon=":material/functions:",
            key=f"threshold.elkan.{run.id}",
            help="The threshold that follows from the costs alone.",
        ):
            return Threshold(paid.level)
    return None


def _table(rows: TwoClasses, paid: Costs, levels: dict[str, float], part: str) -> pd.DataFrame:
    made = []
    for name, level in levels.items():
        _, false, missed, _ = rows.measured.at(level)
        made.append(
            {
                "threshold": number(level),
                "which": name,
                "false alarms": false,
                "misses": missed,
                f"{part} cost": number(rows.measured.cost(level, paid)),
                **({"validation cost": number(rows.validation.cost(level, paid))} if part == "test" else {}),
            }
        )
    return pd.DataFrame(made)


def _by_hand(run: Run, insight: Insight, may: bool) -> Threshold | None:
    """A slider, and what it does; returns the threshold that was clicked."""
    assert insight.confusion is not None
    assert insight.thresholds is not None
    negative, positive = insight.confusion.names
    level = st.slider(
        f"Answer “{plain(positive)}” where its probability is above",
        0.0,
        1.0,
        round(level_of(insight.threshold) / 0.005) * 0.005,
        0.005,
        format="%.3f",
        key=f"threshold.{run.id}",
    )
    st.markdown(plain(analysis_text.threshold_sentence(insight, level), None))
    hits, false, missed, right = analysis_text.at(insight, level)
    # Drawn on a canvas, which knows no Markdown.
    answered = st.column_config.NumberColumn(f"answered {' '.join(positive.split())[:60]}")
    st.dataframe(
        pd.DataFrame(
            {"truth": [positive, negative], "answered: " + positive: [hits, false], "not": [missed, right]}
        ),
        hide_index=True,
        column_config={"answered: " + positive: answered},
    )
    saving.menu(analysis_text.threshold_frame(insight.thresholds), "thresholds", key=f"thresholds.{run.id}")
    if not may or not 0 < level < 1 or level == level_of(insight.threshold):
        return None
    clicked = st.button(
        f"Use {level:.3f}",
        icon=":material/tune:",
        key=f"threshold.hand.{run.id}",
        help="Makes this threshold part of the model: of its scores, of predictions and of all exports.",
    )
    return Threshold(level) if clicked else None


def _set(run: Run, threshold: Threshold | None) -> None:
    session.state().thresholds[run.id] = actions.set_threshold(run, threshold)
    st.rerun()
