"""The Predict page of a model that looks at pictures: upload pictures, get a class for each."""

import base64
import html

import streamlit as st

from lrapp.images.pixels import png
from lrapp.phrasing import percent
from lrapp.prediction import images
from lrapp.prediction.images import PicturePredictions
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs.store import Run
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import actions
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import kept_predictions

MOST_SHOWN = 24
_STYLE = (
    "<style>.seen{display:flex;flex-wrap:wrap;gap:.75rem}.seen figure{margin:0;width:8.5rem;font-size:.8rem}"
    ".seen img{width:100%;image-rendering:pixelated;border-radius:.3rem}"
    ".seen figcaption{overflow-wrap:anywhere}</style>"
)


def show(run: Run, place: str) -> None:
    """Show the page for a finished run on pictures; keys begin with the word of the place."""
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
        key=f"{place}.pictures.{run.id}",
        help="PNG, JPEG, GIF, BMP or WebP. Choose several at once, or pack any number into a zip.",
    )
    upload = " ".join(file.file_id for file in uploaded)
    if uploaded and kept_predictions.is_new(run, upload):
        _leave_earlier()
        pictures = [(file.name, file.getbuffer()) for file in uploaded]
        kept_predictions.begun(run, upload, actions.predict_pictures(run, pictures))
    hint = "" if uploaded else "Upload pictures; what the network sees in them comes back beside each."
    folder = kept_predictions.ready(run, hint, "Reading the pictures …")
    if folder is not None and folder.asked.run == run.id:
        _result(run, folder.seen(), place)


def _leave_earlier() -> None:
    """Cancel what was uploaded before."""
    task = actions.tasks().get(st.query_params.get("prediction", ""))
    if task is not None and not task.done:
        task.cancel()


def _result(run: Run, found: PicturePredictions, place: str) -> None:
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
        key=f"{place}.pictures.csv.{run.id}",
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
