"""A tab of the Predict page: upload a table, get it back with a prediction beside each row."""

import pandas as pd
import pyarrow.parquet as pq
import streamlit as st

from lrapp.charts import predictions
from lrapp.phrasing import counted, measured, percent, size
from lrapp.prediction import disagreement
from lrapp.prediction.files import Result
from lrapp.prediction.folders import PredictionFolder
from lrapp.runs.store import Run
from lrapp.settings import DATA_KINDS
from lrapp.ui.parts import actions, saving
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import kept_predictions, question

MOST_SHOWN_COLUMNS = 50
MOST_NOTES = 30
FORMATS = list(DATA_KINDS["table"].suffixes)


def show(run: Run, place: str) -> None:
    """Show the tab for a finished run; keys begin with the word of the place."""
    uploaded = st.file_uploader(
        "A table with the same columns",
        type=FORMATS,
        key=f"{place}.{run.id}",
        help="Columns are found by name, their order does not matter. The target may be missing; where it is "
        "there, the predictions are scored. A million rows are fine.",
    )
    if uploaded is not None and kept_predictions.is_new(run, uploaded.file_id):
        kept_predictions.begun(
            run, uploaded.file_id, actions.predict(run, uploaded.name, uploaded.getbuffer())
        )
    hint = (
        "" if uploaded is not None else "Upload the rows to predict; the answer comes back beside each row."
    )
    folder = kept_predictions.ready(run, hint, "Reading the table …")
    if folder is None or folder.asked.pictures:
        return
    if folder.questions:
        if folder.asked.run == run.id and (choice := question.show(folder)) is not None:
            actions.answer(folder, run, choice)
            st.rerun()
        return
    result = folder.result()
    if result.run == run.id:
        _result(folder, result)


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
                f"Mean confidence {percent(result.confidence)}: the probability that the network gives to what it "
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
            f"Download {title} ({size(path.stat().st_size)})",
            data=path.read_bytes,
            file_name=path.name,
            mime=mime,
            # What most people open next.
            type="primary" if title == "CSV" else "secondary",
            icon=":material/download:",
            key=f"predict.download.{title}.{folder.id}",
            on_click="ignore",
            width="stretch",
        )


def _preview(shown: pd.DataFrame, result: Result) -> None:
    own, answers = shown.columns[: -result.added], shown.columns[-result.added :]
    floats = [column for column in answers if pd.api.types.is_float_dtype(shown[column].dtype)]
    shares = floats if result.task != "regression" else []
    numbers = {
        column: st.column_config.NumberColumn(
            format="%.1f %%" if column in shares else "%.5g",
            help=disagreement.ABOUT if str(column).startswith(disagreement.COLUMN) else None,
        )
        for column in floats
    }
    st.dataframe(
        shown.assign(**{column: 100 * shown[column] for column in shares}),
        hide_index=True,
        placeholder="",
        # The prediction first; what was uploaded is known.
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
        return measured(name, value)

    return pd.DataFrame(
        [
            {
                "metric": metric.name,
                "this table": said(metric.name, metric.value),
                f"run's {result.trained_part or 'test'} rows": said(
                    metric.name, before[metric.name].value if metric.name in before else None
                ),
                "baseline on these rows": said(metric.name, metric.baseline),
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
            st.markdown(f"- … and {len(result.notes) - MOST_NOTES:,} more like these.")
