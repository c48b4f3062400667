"""The first thing that a finished run says: its score beside others, what that means, and what to do next."""

from dataclasses import dataclass

import streamlit as st

from lrapp.charts import score_line
from lrapp.errors import UserError
from lrapp.evaluation import boosted_trees, run_before, setting_checks, tree_advice
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.boosted_trees import BesideTrees
from lrapp.evaluation.diagnosis import Diagnosis, RailStep, diagnose
from lrapp.evaluation.scores import Scores
from lrapp.execution import loggers
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.settings import RunSettings
from lrapp.ui.parts import access, actions, draft, resources, session, start_buttons, steps
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import model_for_use, previous

_TREES_SECONDS = 1.0
_LOOKS = {"overfitting": ":material/trending_up:", "underfitting": ":material/trending_flat:"}


@dataclass(frozen=True)
class Found:
    """What is known of a finished network.

    Args:
        insight: Its closer look, where there is one.
        beside: How boosted trees do on the same rows, where that was measured.
    """

    insight: Insight | None
    beside: BesideTrees | None


def show(run: Run, history: History, scores: Scores) -> Found:
    """Show it.

    Args:
        run: Has ended and left its scores.
        history: Its events.
        scores: Test results.

    Returns:
        What the closer views draw.
    """
    for note in loggers.notes(run):
        st.warning(plain(note, None), icon=":material/warning:")
    insight = _insight(run)
    found = Found(insight, _beside(run))
    earlier = previous.of(run)
    before = earlier.scores if earlier is not None else None
    drawn = score_line.of(scores, insight, found.beside, before)
    if drawn is not None:
        resources.draw(drawn.spec, drawn.frame, key=f"score.{run.id}")
    _verdict(insight.verdict if insight is not None and insight.part == scores.part else "", scores.summary)
    if found.beside is not None and found.beside.ideas:
        st.markdown(plain(found.beside.sentence, None))
    if found.beside is None and resources.jobs().comparing(run):
        resources.fragment(_wait_for_trees, _TREES_SECONDS)(run)
    classes = insight.classes if insight is not None else ()
    if before is not None and (change := run_before.sentence(scores, before, classes)):
        st.markdown(f":material/history: {plain(change, None)}")
    diagnosis = diagnose(history, run.settings, scores, classes)
    _next(run, history, diagnosis, found)
    for remark in setting_checks.after(run.settings, history):
        if remark.sentence != diagnosis.sentence:
            st.warning(plain(remark.text, None), icon=":material/rule_settings:")
    return found


def _verdict(text: str, summary: str) -> None:
    """Say first what matters most: whether the network was worth it."""
    head, colon, figures = text.partition(": ")
    if colon:
        st.markdown(f"**{plain(head, None)}.**")
        text = f"{figures[:1].upper()}{figures[1:]}"
    st.markdown(plain(f"{text} {summary}".strip(), None))


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
        return None
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
    return None


def _next(run: Run, history: History, diagnosis: Diagnosis, found: Found) -> None:
    """Say what went well or wrong, and offer the one thing to do about it."""
    text = plain(diagnosis.sentence, None)
    if diagnosis.advice:
        text += f" **{plain(diagnosis.advice, None)}**"
    st.info(text, icon=_LOOKS.get(diagnosis.verdict, ":material/insights:"))
    with st.container(horizontal=True):
        if diagnosis.settings is not None:
            _advice(run, diagnosis.settings, diagnosis.step or "Training")
        if (
            diagnosis.settings is None
            and diagnosis.step is not None
            and st.button(
                f"Open “{plain(diagnosis.step)}”",
                icon=":material/arrow_outward:",
                type="tertiary",
                key=f"open-step.{run.id}",
            )
        ):
            steps.open_step(diagnosis.step)
            _to_train(run)
        ideas = found.beside.ideas if found.beside is not None else ()
        if ideas and st.button(
            "Try what the trees suggest",
            icon=":material/forest:",
            key=f"try.trees.{run.id}",
            help="Takes this run's settings with these changes; nothing trains until you press Train.",
        ):
            steps.take(tree_advice.tried(run.settings, ideas), tree_advice.step(ideas))
            _to_train(run)
        model_for_use.offer(run, history)


def _advice(run: Run, settings: RunSettings, step: RailStep) -> None:
    """Offer to train with the settings that are advised, or only to take them."""
    name = f"advice.{run.id}"
    if access.may_use(settings.data.source) and st.button(
        "Train with this change",
        type="primary",
        icon=":material/play_arrow:",
        key=start_buttons.key(name),
        help="Takes this run's settings with that one change, and trains.",
    ):
        try:
            started = actions.start(draft.to_train(settings), start_buttons.token(name))
        except UserError as error:
            st.warning(plain(str(error), None), icon=":material/warning:")
        else:
            steps.take(settings, step)
            session.state().runs_before.setdefault(started.id, run.id)
            _to_train(started)
    if st.button(
        "Apply without training",
        icon=":material/tune:",
        key=f"try.{run.id}",
        help="Takes this run's settings with that one change; nothing trains until you press Train.",
    ):
        steps.take(settings, step)
        _to_train(run)


def _to_train(run: Run) -> None:
    st.switch_page(session.state().pages["train"], query_params={"run": run.id})
