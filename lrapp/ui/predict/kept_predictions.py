"""The prediction in the page's address: found again after a reload, waited for, begun anew where it was cut off."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution.tasks import Task
from lrapp.prediction import folders
from lrapp.prediction.folders import PredictionFolder
from lrapp.prediction.progress import CANCELLED
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, resources, session, tasks, waiting
from lrapp.ui.parts.actions import Predicting
from lrapp.ui.parts.plain_text import plain

_ENDS_SECONDS = 2.0


def is_new(run: Run, upload: str) -> bool:
    """Return whether an upload has not been handed to the worker yet, which every rerun of the page would do again.

    Args:
        upload: Streamlit's id of the file, or of several.
    """
    return session.state().prediction_taken != (run.id, upload)


def begun(run: Run, upload: str, folder: PredictionFolder) -> None:
    """Show a prediction from now on; arguments as for ``is_new``."""
    session.state().prediction_taken = (run.id, upload)
    session.state().prediction_error = None
    session.state().predictions_shown[run.id] = st.query_params["prediction"] = folder.id


def ready(run: Run, hint: str, reading: str) -> PredictionFolder | None:
    """Return the prediction in the address once nobody works on it; until then, say what there is to say.

    Args:
        hint: What is said where there is none; empty for nothing.
        reading: What is done first.
    """
    folder = _shown(run)
    if folder is None:
        if hint:
            st.caption(hint)
        _say_what_went_wrong(run)
        return None
    task = actions.tasks().get(folder.id)
    if task is not None and not task.done:
        _wait(run, Predicting(folder, task), reading)
        return None
    failed = task is not None and task.state in ("failed", "stopped")
    # A prediction that fails leaves nothing, so that where an upload is left its worker was ended.
    if (failed and folder.waits) or folder.cut_off:
        _cut_off(run, folder)
        return None
    if task is not None and failed:
        _keep_error(run, task)
        _forget()
        _say_what_went_wrong(run)
        return None
    if task is None and folder.waits and not folder.questions:
        # Begun from another tab, or before a refresh: its folder tells when it is done.
        _wait(run, Predicting(folder, None), reading)
        return None
    return folder


def _cut_off(run: Run, folder: PredictionFolder) -> None:
    """Say that nobody works on a prediction any more, and offer to begin anew; what was uploaded is still there."""
    asked = folder.asked
    if asked.run != run.id:
        return
    there = "The pictures are" if asked.pictures else "The table is"
    them = "them" if asked.pictures else "it"
    st.warning(
        f"The prediction of {plain(asked.name)} was cut off: the app or its worker ended meanwhile. {there} still "
        f"here, so that one click predicts {them} again.",
        icon=":material/power_off:",
    )
    if st.button(
        "Predict again", icon=":material/refresh:", type="primary", key=f"predict.again.{folder.id}"
    ):
        actions.predict_again(folder, run)
        st.rerun()


def _shown(run: Run) -> PredictionFolder | None:
    wanted = st.query_params.get("prediction") or session.state().predictions_shown.get(run.id)
    if not wanted:
        return None
    st.query_params["prediction"] = wanted
    try:
        folder = folders.get(resources.store().home, wanted)
        # It shows what somebody uploaded, so that it is its maker's even where its address is known.
        access.require("predict", folder, "prediction")
        return folder
    except UserError as error:
        task = actions.tasks().get(wanted)
        # A prediction that was cancelled has left its folder a moment before it has ended.
        if task is not None and task.wait(_ENDS_SECONDS) and task.state in ("failed", "stopped"):
            _keep_error(run, task)
        elif wanted != session.state().prediction_ended:  # else it was said already what went wrong
            session.state().prediction_error = (run.id, str(error))
        _forget()
        return None


def _forget() -> None:
    session.state().prediction_ended = st.query_params.get("prediction", "")
    actions.tasks().pop(st.query_params.get("prediction", ""), None)
    shown = session.state().predictions_shown
    for run_id in [
        one for one, prediction in shown.items() if prediction == st.query_params.get("prediction")
    ]:
        del shown[run_id]
    if "prediction" in st.query_params:
        del st.query_params["prediction"]


def _keep_error(run: Run, task: Task[None]) -> None:
    try:
        task.result()
    except UserError as error:
        session.state().prediction_error = (run.id, str(error))


def _say_what_went_wrong(run: Run) -> None:
    kept = session.state().prediction_error
    if kept is not None and kept[0] == run.id:
        st.error(plain(kept[1], None), icon=":material/error:")


def _wait(run: Run, predicting: Predicting, reading: str) -> None:
    def cancelled() -> None:
        if not predicting.folder.folder.exists():  # nobody had begun with it
            session.state().prediction_error = (run.id, CANCELLED)
            _forget()

    tasks.show(
        predicting,
        f"predict.cancel.{predicting.folder.id}",
        lambda: waiting.for_worker("the prediction", reading),
        cancelled,
    )
