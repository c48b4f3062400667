"""Results of one finished run: scores beside baselines, closer views, and a report."""

from contextlib import suppress
from functools import partial

import streamlit as st

from lrapp.charts import results
from lrapp.charts.results import Figure
from lrapp.errors import UserError
from lrapp.evaluation import analysis_text, boosted_trees, model_sizes, setting_checks, tree_advice
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.diagnosis import Card, Diagnosis, diagnose
from lrapp.evaluation.scores import Scores
from lrapp.evaluation.tree_advice import Idea
from lrapp.execution import loggers
from lrapp.export import report
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import (
    access,
    actions,
    cards,
    choices,
    draft,
    resources,
    saving,
    session,
)
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import changes, misclassified, threshold

_TREES_SECONDS = 1.0
_LOOKS = {"overfitting": ":material/trending_up:", "underfitting": ":material/trending_flat:"}


def show(run: Run, history: History, scores: Scores) -> None:
    """Show scores, verdict, diagnosis and the closer look.

    Args:
        run: Has ended and left its scores.
        history: Its events.
        scores: Test results.
    """
    for note in loggers.notes(run):
        st.warning(plain(note, None), icon=":material/warning:")
    insight = _insight(run)
    beside = _beside(run)
    st.dataframe(analysis_text.score_frame(scores, insight, beside), hide_index=True)
    if insight is not None and insight.threshold is not None and insight.confusion is not None:
        st.caption(plain(insight.threshold.sentence(insight.confusion.names[1]), None))
    if scores.out_of_fold is not None:
        with st.expander("Each fold", icon=":material/view_module:"):
            st.dataframe(scores.out_of_fold.frame(), hide_index=True)
    if insight is not None and insight.verdict:
        st.markdown(plain(insight.verdict, None))
    if beside is not None:
        st.markdown(plain(beside.sentence, None))
        for note in beside.notes:
            st.caption(plain(note, None))
        if beside.ideas:
            _way_to_ideas(run, beside.ideas)
    elif resources.jobs().comparing(run):
        resources.fragment(_wait_for_trees, _TREES_SECONDS)(run)
    diagnosis = diagnose(history, run.settings, scores, insight.classes if insight is not None else ())
    _diagnosis(run, diagnosis)
    for remark in setting_checks.after(run.settings, history):
        if remark.sentence != diagnosis.sentence:
            st.warning(plain(remark.text, None), icon=":material/rule_settings:")
    if insight is not None:
        _closer_look(run, insight)
    st.download_button(
        "Report (HTML)",
        data=lambda: _report(run, history, scores, insight, beside),
        file_name=f"report-{run.id}.html",
        mime="text/html",
        icon=":material/description:",
        key=f"report.{run.id}",
        on_click="ignore",
        help="One file with figures and charts that opens anywhere and loads nothing from elsewhere.",
    )


def _closer_look(run: Run, insight: Insight) -> None:
    for note in insight.notes:
        st.caption(plain(note, None))
    views = analysis_text.views(insight)
    if views:
        st.fragment(_views)(run, insight, views)
    misclassified.show(run, insight)


def _report(
    run: Run,
    history: History,
    scores: Scores,
    insight: Insight | None,
    beside: boosted_trees.BesideTrees | None,
) -> bytes:
    mistakes = None
    with suppress(UserError):  # damaged; the page shows that already
        mistakes = misclassified.kept(run)
    title = resources.run_title(run)
    return report.html(
        title, history, run.settings, scores, insight, mistakes, beside, model_sizes.kept(run.folder)
    ).encode()


def _beside(run: Run) -> boosted_trees.BesideTrees | None:
    try:
        return boosted_trees.kept(run.folder)
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
    return None


def _wait_for_trees(run: Run) -> None:
    if not resources.jobs().comparing(run):
        st.rerun()
    st.caption("Boosted trees are learning from the same rows, to compare …")


def _insight(run: Run) -> Insight | None:
    try:
        return Insight.from_json(run.insight_path.read_bytes())
    except FileNotFoundError:
        if run.settings.crossed and not run.settings.data.test_share:
            st.caption("There is no closer look at this run's model, as there are no test rows for it.")
            return None
        why = "older runs have none" if run.settings.closer_look else "comparisons leave it out"
        st.caption(
            f"There is no closer look at this run's model, as {why}. Train its settings as a run of their own to have "
            "one."
        )
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
    return None


def _diagnosis(run: Run, found: Diagnosis) -> None:
    text = plain(found.sentence, None)
    if found.advice:
        text += f" **{plain(found.advice, None)}**"
    st.info(text, icon=_LOOKS.get(found.verdict, ":material/insights:"))
    if found.card is not None:
        _way_to(run, found, found.card)
    cards.scroll_if_asked()


def _way_to(run: Run, found: Diagnosis, card: Card) -> None:
    """Buttons that show the setting's card, and that set what is advised."""
    go = change = False
    with st.container(horizontal=True):
        if found.settings is not None:
            change = st.button(
                "Set it on the Train page",
                icon=":material/tune:",
                key=f"try.{run.id}",
                help="Takes this run's settings with that one change; nothing trains until you press Train.",
            )
        go = st.button(
            f"Show the card “{plain(card)}”",
            icon=":material/arrow_outward:",
            type="tertiary",
            key=f"card.{run.id}",
            help="The card of the Train page that holds this setting, as it is there now.",
        )
    if change and found.settings is not None:
        draft.replace(found.settings)
    if go or change:
        cards.scroll_to(card)
        st.switch_page(session.state().pages["train"], query_params={"run": run.id})


def _way_to_ideas(run: Run, found: tuple[Idea, ...]) -> None:
    several = len(found) > 1
    if st.button(
        f"Set {'them' if several else 'it'} on the Train page",
        icon=":material/tune:",
        key=f"try.trees.{run.id}",
        help=f"Takes this run's settings with {'all of these changes' if several else 'that one change'}; nothing "
        "trains until you press Train.",
    ):
        draft.replace(tree_advice.tried(run.settings, found))
        cards.scroll_to(tree_advice.card(found))
        st.switch_page(session.state().pages["train"], query_params={"run": run.id})


def _views(run: Run, insight: Insight, views: list[analysis_text.View]) -> None:
    st.subheader("A closer look", anchor=False)
    chosen = st.pills(
        "Look at", views, default=views[0], key=f"look.{run.id}", required=True, label_visibility="collapsed"
    )
    draw = partial(_figure, run)
    match chosen:
        case "Confusion" if insight.confusion is not None:
            st.caption("Rows of the table: what was true; columns: what the network answered.")
            draw(results.confusion(insight.confusion))
            classes = results.class_frame(insight.classes)
            classes[[*_PERCENT]] *= 100
            st.dataframe(classes, hide_index=True, column_config=_PERCENT)
        case "Curves":
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
        case "What matters":
            st.caption(analysis_text.IMPORTANCE)
            draw(results.importance(insight.importance, analysis_text.worse(insight)))
            if insight.dependence:
                _dependence(run, insight)


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
