"""Closer views of a finished run: its figures and mistakes, what matters to it, and a report."""

from contextlib import suppress
from functools import partial

import streamlit as st

from lrapp.charts import results
from lrapp.charts.results import Figure
from lrapp.errors import UserError
from lrapp.evaluation import analysis_text, model_sizes
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.scores import Scores
from lrapp.export import report
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, choices, resources, saving, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import changes, misclassified, threshold
from lrapp.ui.run.headline import Found

_MATTERS = "What matters"


def errors(run: Run, scores: Scores, found: Found) -> None:
    """Show all figures, and where the network is wrong.

    Args:
        run: Has ended and left its scores.
        scores: Test results.
        found: What else is known of its network.
    """
    insight, beside = found.insight, found.beside
    st.dataframe(analysis_text.score_frame(scores, insight, beside), hide_index=True)
    if insight is not None and insight.threshold is not None and insight.confusion is not None:
        st.caption(plain(insight.threshold.sentence(insight.confusion.names[1]), None))
    if beside is not None:
        st.markdown(plain(beside.sentence, None))
    for note in beside.notes if beside is not None else ():
        st.caption(plain(note, None))
    if scores.out_of_fold is not None:
        with st.expander("Each fold", icon=":material/view_module:"):
            st.dataframe(scores.out_of_fold.frame(), hide_index=True)
    if insight is None:
        st.caption(_no_insight(run))
        return
    for note in insight.notes:
        st.caption(plain(note, None))
    views = [view for view in analysis_text.views(insight) if view != _MATTERS]
    if views:
        resources.fragment(_views)(run, insight, views)
    misclassified.show(run, insight)


def matters(run: Run, found: Found) -> None:
    """Show which columns the network's answers depend on.

    Args:
        run, found: As for ``errors``.
    """
    insight = found.insight
    if insight is None or not insight.importance:
        st.caption(_no_insight(run) if insight is None else "That is not measured for pictures.")
        return
    st.caption(analysis_text.IMPORTANCE)
    _figure(run, results.importance(insight.importance, analysis_text.worse(insight)))
    if insight.dependence:
        resources.fragment(_dependence)(run, insight)


def _no_insight(run: Run) -> str:
    if run.settings.crossed and not run.settings.data.test_share:
        return "There is no closer look at this run's model, as there are no test rows for it."
    why = "older runs have none" if run.settings.closer_look else "comparisons leave it out"
    return f"There is no closer look at this run's model, as {why}. Train its settings as a single run to have one."


def report_button(run: Run, history: History, scores: Scores, found: Found) -> None:
    """Offer a report.

    Args:
        run, scores, found: As for ``errors``.
        history: The run's events.
    """
    st.download_button(
        "Report (HTML)",
        data=lambda: _report(run, history, scores, found),
        file_name=f"report-{run.id}.html",
        mime="text/html",
        icon=":material/description:",
        key=f"report.{run.id}",
        on_click="ignore",
        help="One file with figures and charts that opens anywhere and loads nothing from elsewhere.",
    )


def _report(run: Run, history: History, scores: Scores, found: Found) -> bytes:
    mistakes = None
    with suppress(UserError):  # damaged; the page shows that already
        mistakes = misclassified.kept(run)
    title, sizes = resources.run_title(run), model_sizes.kept(run.folder)
    return report.html(
        title, history, run.settings, scores, found.insight, mistakes, found.beside, sizes
    ).encode()


def _views(run: Run, insight: Insight, views: list[analysis_text.View]) -> None:
    chosen = st.pills(
        "Look at", views, default=views[0], key=f"look.{run.id}", required=True, label_visibility="collapsed"
    )
    draw = partial(_figure, run)
    match chosen:
        case "Confusion" if insight.confusion is not None:
            st.caption("Rows of the table: what was true; columns: what the network answered.")
            few = len(insight.confusion.names) <= _FEW_CLASSES
            left, right = st.columns(2, gap="medium") if few else (st.container(), st.container())
            with left:
                draw(results.confusion(insight.confusion))
            classes = results.class_frame(insight.classes)
            classes[[*_PERCENT]] *= 100
            right.dataframe(classes, hide_index=True, column_config=_PERCENT)
        case "ROC":
            st.caption(plain(analysis_text.area_sentence(insight), None))
            draw(results.roc(insight.curves))
            draw(results.precision_recall(insight.curves))
        case "Calibration" if insight.calibration is not None:
            st.caption(plain(analysis_text.calibration_sentence(insight), None))
            _calibration(run, insight)
        case "Threshold":
            threshold.show(run, insight)
        case "Residuals" if insight.residuals is not None:
            st.caption(plain(analysis_text.residual_sentence(insight), None))
            draw(results.predicted(insight.residuals, run.settings.data.target or "target"))
            draw(results.residuals(insight.residuals))


# Their matrix would be all width, so figures of the classes stand beside it.
_FEW_CLASSES = 4
_PERCENT = {name: st.column_config.NumberColumn(format="%.1f %%") for name in ("precision", "recall", "F1")}


def _figure(run: Run, figure: Figure, key: str = "") -> None:
    saving.saveable(figure.spec, figure.frame, figure.name, key=f"{figure.name}{key}.{run.id}")


def _calibration(run: Run, insight: Insight) -> None:
    assert insight.calibration is not None
    would = insight.tempered if insight.tempered is not None and insight.tempered.needed else None
    _figure(run, results.calibration(insight.calibration, None if would is None else would.calibration))
    st.markdown(plain(analysis_text.temperature_sentence(insight), None))
    kept = session.state().calibrations
    if changes.under_way(kept, run.id, "the calibration"):
        return
    if would is None or not access.may("resume", run):
        return
    if st.button(
        "Calibrate the probabilities",
        icon=":material/tune:",
        key=f"calibrate.{run.id}",
        help="Makes the temperature part of the model: of predictions, of the one-row form and of all exports, which "
        "you then make again. What it answers hardly changes, how sure it is does; a threshold moves along.",
    ):
        kept[run.id] = actions.calibrate(run)
        st.rerun()


def _dependence(run: Run, insight: Insight) -> None:
    st.caption(analysis_text.DEPENDENCE)
    places = range(len(insight.dependence))
    named = choices.texts(places, lambda place: insight.dependence[place].column)
    place = st.selectbox("Column", places, format_func=named, key=f"column.{run.id}")
    figure = results.dependence(
        insight.dependence[place], analysis_text.answer(insight, run.settings.data.target or "target")
    )
    _figure(run, figure, f".{place}")
