"""The Predict page of a model that looks at pictures: upload pictures, get a class for each."""

import base64
import html
from dataclasses import dataclass

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution.tasks import Task
from lrapp.images.pixels import png
from lrapp.phrasing import percent
from lrapp.prediction import images
from lrapp.prediction.folders import PredictionFolder
from lrapp.prediction.images import PicturePredictions
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs.store import Run
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import actions, session, tasks, waiting
from lrapp.ui.parts.actions import Predicting
from lrapp.ui.parts.plain_text import plain

MOST_SHOWN = 24
_STYLE = (
    "<style>.seen{display:flex;flex-wrap:wrap;gap:.75rem}.seen figure{margin:0;width:8.5rem;font-size:.8rem}"
    ".seen img{width:100%;image-rendering:pixelated;border-radius:.3rem}"
    ".seen figcaption{overflow-wrap:anywhere}</style>"
)
_KEPT = "predict.pictures"


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures that this tab wants predicted: by which run, which uploads, and the work."""

    about: tuple[str, tuple[str, ...]]
    folder: PredictionFolder
    task: Task[PicturePredictions]


def show(run: Run) -> None:
    """Show the page for a finished run on pictures."""
    preprocessor = PicturePreprocessor.load(run.folder)
    height, width, channels = preprocessor.shape
    st.caption(
        f"Distinguishes {len(preprocessor.classes):,} classes: {plain(', '.join(preprocessor.classes), 400)}. It looks "
        f"at {width:d} x {height:d} pixels in {'colour' if channels == 3 else 'grey'}; pictures of any size are "
        "brought to that."
    )
    uploaded = st.file_uploader(
        "Pictures, or a zip of them",
        type=list(images.FORMATS),
        accept_multiple_files=True,
        key=f"predict.pictures.{run.id}",
        help="PNG, JPEG, GIF, BMP or WebP. Choose several at once, or pack any number into a zip.",
    )
    asked = session.state().pictures
    if not uploaded:
        if asked is not None:
            _forget(asked)
        st.caption("Upload pictures; what the network sees in them comes back beside each.")
        return
    about = (run.id, tuple(file.file_id for file in uploaded))
    if asked is None or asked.about != about:
        if asked is not None:
            _forget(asked)
        pictures = [(file.name, file.getbuffer()) for file in uploaded]
        asked = session.state().pictures = Asked(about, *actions.predict_pictures(run, pictures))
    if not asked.task.done:
        tasks.show(
            Predicting(asked.folder, asked.task),
            f"predict.pictures.cancel.{asked.folder.id}",
            lambda: waiting.for_worker("the prediction", "Reading the pictures …"),
        )
        return
    try:
        found = asked.task.result()
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        _offer_again(run)
        return
    _result(run, found)


def _forget(asked: Asked) -> None:
    """Drop what was uploaded before."""
    if not asked.task.done:
        Predicting(asked.folder, asked.task).cancel()
    session.state().pictures = None


def _offer_again(run: Run) -> None:
    if st.button("Predict again", icon=":material/refresh:", key=f"predict.pictures.again.{run.id}"):
        session.state().pictures = None
        st.rerun()


def _result(run: Run, found: PicturePredictions) -> None:
    for note in found.notes:
        st.warning(plain(note, None), icon=":material/warning:")
    if len(found.seen):
        st.html(_STYLE + f'<div class="seen">{"".join(_figures(found))}</div>')
        st.caption(
            "As the network saw them."
            if len(found.seen) < MOST_SHOWN
            else f"The first {len(found.seen)}, as the network saw them."
        )
    shares = [
        name for name in found.frame.columns if name == "confidence" or name.startswith("probability of ")
    ]
    st.dataframe(
        found.frame.head(1000).assign(**{name: 100 * found.frame[name] for name in shares}),
        hide_index=True,
        column_config={
            name: st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
            for name in shares
        },
    )
    st.download_button(
        "Predictions (CSV)",
        to_csv_bytes(found.frame),
        file_name=f"predictions-{run.id}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"predict.pictures.csv.{run.id}",
        on_click="ignore",
    )


def _figures(found: PicturePredictions) -> list[str]:
    frame = found.frame
    if "prediction" not in frame:
        return []
    rows = frame[frame["prediction"].notna()].head(MOST_SHOWN)
    figures = []
    for pixels, file, answer, confidence in zip(
        found.seen, rows["file"], rows["prediction"], rows["confidence"], strict=False
    ):
        source = base64.b64encode(png(pixels)).decode()
        text = html.escape(str(answer))
        figures.append(
            f'<figure><img src="data:image/png;base64,{source}" alt="{text}"><figcaption><b>{text}</b> '
            f"{percent(confidence)}<br>{html.escape(str(file))}</figcaption></figure>"
        )
    return figures
