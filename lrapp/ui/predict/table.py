"""A tab of the Predict page: a table goes in, and comes back with a prediction beside each row."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from lrapp.charts import predictions
from lrapp.errors import UserError
from lrapp.evaluation import scores
from lrapp.execution.tasks import Task
from lrapp.phrasing import counted
from lrapp.prediction import disagreement, folders
from lrapp.prediction.files import Result
from lrapp.prediction.folders import PredictionFolder
from lrapp.prediction.progress import CANCELLED
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, resources, saving, session, tasks, waiting
from lrapp.ui.parts.actions import Predicting
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import question

MOST_SHOWN_COLUMNS = 50
MOST_NOTES = 30
FORMATS = ["csv", "tsv", "txt", "dat", "gz", "zip", "xlsx", "xls", "ods"]


def show(run: Run) -> None:
    """Show the tab for a finished run."""
    uploaded = st.file_uploader(
        "A table with the same columns",
        type=FORMATS,
        key=f"predict.{run.id}",
        help="Columns are found by name, their order does not matter. The target may be missing; where it is "
        "there, the predictions are scored. A million rows are fine.",
    )
    if uploaded is not None and session.state().prediction_taken != (run.id, uploaded.file_id):
        _begin(run, uploaded)
    folder = _shown(run)
    if folder is None:
        if uploaded is None:
            st.caption("Upload the rows to predict; the answer comes back beside each row.")
        _say_what_went_wrong(run)
        return
    task = actions.tasks().get(folder.id)
    if task is not None and not task.done:
        _wait(run, Predicting(folder, task))
        return
    failed = task is not None and task.state in ("failed", "stopped")
    # A prediction that fails leaves nothing, so that where a table is left its worker was ended.
    if (failed and folder.table_path.exists()) or folder.cut_off:
        _cut_off(run, folder)
        return
    if task is not None and failed:
        _keep_error(run, task)
        _forget()
        _say_what_went_wrong(run)
        return
    if folder.questions:
        if folder.asked.run == run.id and (choice := question.show(folder)) is not None:
            actions.answer(folder, run, choice)
            st.rerun()
        return
    try:
        result = folder.result()
    except UserError:
        if task is None and folder.table_path.exists():
            # Begun from another tab, or before a refresh: its folder tells when it is done.
            _wait(run, Predicting(folder, None))
            return
        raise
    if result.run != run.id:
        return
    _result(folder, result)


def _begin(run: Run, uploaded: Any) -> None:
    """Hand the file to the worker; once for each upload, not again with every rerun of the page."""
    session.state().prediction_taken = (run.id, uploaded.file_id)
    session.state().prediction_error = None
    st.query_params["prediction"] = actions.predict(run, uploaded.name, uploaded.getbuffer()).id


def _cut_off(run: Run, folder: PredictionFolder) -> None:
    """Say that nobody works on a prediction any more, and offer to begin anew; its table is still there."""
    asked = folder.asked
    if asked.run != run.id:
        return
    st.warning(
        f"The prediction of {plain(asked.name)} was cut off: the app or its worker ended meanwhile. The table is still "
        "here, so that one click predicts it again.",
        icon=":material/power_off:",
    )
    if st.button(
        "Predict again", icon=":material/refresh:", type="primary", key=f"predict.again.{folder.id}"
    ):
        actions.predict_again(folder, run)
        st.rerun()


def _shown(run: Run) -> PredictionFolder | None:
    wanted = st.query_params.get("prediction")
    if not wanted:
        return None
    try:
        folder = folders.get(resources.store().home, wanted)
        # It shows rows of a table, so that it is its maker's even where its address is known.
        access.require("predict", folder, "prediction")
        return folder
    except UserError as error:
        task = actions.tasks().get(wanted)
        if task is not None and task.state in ("failed", "stopped"):
            _keep_error(run, task)
        else:
            session.state().prediction_error = (run.id, str(error))
        _forget()
        return None


def _forget() -> None:
    actions.tasks().pop(st.query_params.get("prediction", ""), None)
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


def _wait(run: Run, predicting: Predicting) -> None:
    def cancelled() -> None:
        if not predicting.folder.folder.exists():  # nobody had begun with it
            session.state().prediction_error = (run.id, CANCELLED)
            _forget()

    tasks.show(
        predicting,
        f"predict.cancel.{predicting.folder.id}",
        lambda: waiting.for_worker("the prediction", "Reading the table …"),
        cancelled,
    )


def _result(folder: PredictionFolder, result: Result) -> None:
    rows = (
        f"**{result.predicted:,}** of {counted(result.rows, 'row')}"
        if result.predicted < result.rows
        else f"**{result.rows:,}** {'row' if result.rows == 1 else 'rows'}"
    )
    st.markdown(f"{rows} of {plain(result.name)} predicted.")
    if result.verdict:
        st.info(plain(result.verdict, None), icon=":material/query_stats:")
    _downloads(folder)
    shown = pq.read_table(folder.preview_path).to_pandas()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _preview(shown, result)
    with right:
        if result.bars:
            figure = predictions.shares(result.bars, result.target)
            saving.saveable(figure.spec, figure.frame, figure.name, key=f"predict.shares.{folder.id}")
            hidden = len([bar for bar in result.bars if bar.name]) - predictions.MOST_CLASSES
            if hidden > 0:
                st.caption(
                    f"The {predictions.MOST_CLASSES} most frequent classes; {hidden:,} more are not drawn."
                )
        if result.confidence is not None:
            st.caption(
                f"Mean confidence {100 * result.confidence:.1f} %: the probability that the network gives to what it "
                "predicts."
            )
        if result.metrics:
            st.dataframe(_scores(result), hide_index=True)
    _noticed(result)


def _downloads(folder: PredictionFolder) -> None:
    for place, (path, title, mime) in zip(
        st.columns([1, 1, 1], gap="small"),
        (
            (folder.csv_path, "CSV", "text/csv"),
            (folder.parquet_path, "Parquet", "application/vnd.apache.parquet"),
        ),
        strict=False,
    ):
        place.download_button(
            f"Download {title} ({_size(path)})",
            data=path.read_bytes,
            file_name=path.name,
            mime=mime,
            icon=":material/download:",
            key=f"predict.download.{title}.{folder.id}",
            on_click="ignore",
            width="stretch",
        )


def _preview(shown: pd.DataFrame, result: Result) -> None:
    own, answers = shown.columns[: -result.added], shown.columns[-result.added :]
    of_classes = result.task != "regression"
    numbers = {
        column: st.column_config.NumberColumn(
            format="percent" if of_classes else "%.5g",
            help=disagreement.ABOUT if str(column).startswith(disagreement.COLUMN) else None,
        )
        for column in answers
        if pd.api.types.is_float_dtype(shown[column].dtype)
    }
    st.dataframe(
        shown,
        hide_index=True,
        # The answer first; what was uploaded is known.
        column_order=[*answers[:MOST_SHOWN_COLUMNS], *own[:MOST_SHOWN_COLUMNS]],
        column_config=numbers,
    )
    if result.rows > len(shown):
        st.caption(f"The first {len(shown)} rows; the downloads have all.")


def _scores(result: Result) -> pd.DataFrame:
    """The figures for this table beside those that the run had."""
    before = {metric.name: metric for metric in result.trained}

    def said(name: str, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{100 * value:.1f} %" if name == "accuracy" else scores.number(value)

    return pd.DataFrame(
        [
            {
                "metric": metric.name,
                "this table": said(metric.name, metric.value),
                f"run's {result.trained_part or 'test'} rows": said(
                    metric.name, before[metric.name].value if metric.name in before else None
                ),
                "baseline here": said(metric.name, metric.baseline),
            }
            for metric in result.metrics
        ]
    )


def _noticed(result: Result) -> None:
    title = f"Notes ({len(result.notes)})" if result.notes else "Notes"
    with st.expander(title, icon=":material/info:", expanded=bool(result.notes)):
        word = "column" if result.needed == 1 else "columns"
        st.markdown(f"- All {result.needed:,} {word} that the model needs were found by name.")
        for note in result.notes[:MOST_NOTES]:
            st.markdown(f"- {plain(note, 600)}")
        if len(result.notes) > MOST_NOTES:
            st.markdown(f"- … and {len(result.notes) - MOST_NOTES:,} more of the kind.")


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
