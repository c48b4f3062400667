"""The Data step for pictures: what there is, examples of each class, which of them are used, how they are split."""

from typing import Any

import streamlit as st

from lrapp.errors import UserError
from lrapp.images import datasets, examples
from lrapp.images.datasets import PictureFacts
from lrapp.images.examples import Look
from lrapp.preparation import expected_shape
from lrapp.settings import DataSettings, PictureSettings, PicturesSource, Source, UploadedSource
from lrapp.settings.base import checked
from lrapp.ui.parts import access, choices, draft, fields, reading, resources, session
from lrapp.ui.parts.kinds import Offer
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import Chosen

_DIGITS = PicturesSource(name="digits")
_SETS = {
    PicturesSource(name="fashion-mnist"): (":material/checkroom:", "70,000 pieces of clothing of 10 kinds."),
    _DIGITS: (":material/pin:", "1,797 of them."),
}
_MOST_LOOKS = 12
_NOT_YET = "the pictures cannot be used yet; the Data step says why"


def offers() -> dict[Source, Offer]:
    """Return the pictures that come with the app."""
    return {
        source: Offer(
            f"Pictures: {source.title}",
            button=source.title,
            icon=icon,
            tip=f"Pictures to start with: {many}",
        )
        for source, (icon, many) in _SETS.items()
    }


def show(data: DataSettings) -> Chosen:
    """Show the step below the choice of the source, and return what was chosen."""
    key = draft.key(f"data.{data_choice.short_id(data.source)}")
    if isinstance(data.source, UploadedSource):
        shown = fields.choose(data.pictures, ["size", "color"], f"{key}.pictures")
        data = _with(data, **shown)
    try:
        facts = facts_of(data)
        _look(data)
    except reading.StillReading as still:
        reading.show(still.work)
        return Chosen(data, obstacle="the pictures are still being read")
    except UserError as error:
        _offer_another(data, str(error))
        reading.offer_again(error, draft.key("pictures.read_again"))
        return Chosen(data, obstacle=_NOT_YET)
    _summary(facts)
    data = _use(data, facts, key)
    data = _split(data, facts, key)
    return _checked(data, facts)


def _with(data: DataSettings, **changes: Any) -> DataSettings:
    return data.model_copy(update={"pictures": checked(data.pictures, **changes)})


# --- what there is -------------------------------------------------------------------------------------------


def facts_of(data: DataSettings) -> PictureFacts:
    """Return what is known of the pictures without reading them all.

    Raises:
        StillReading: If that takes longer than a moment.
        UserError: If they cannot be had.
    """
    access.require_table(data.source)
    source = data.source
    if not isinstance(source, UploadedSource):
        return datasets.about(_set(source).name)
    wanted = _as_shown(data.pictures)
    return reading.get(
        resources.desk(),
        ("facts", source, wanted),
        source.name,
        lambda watch: resources.uploads().facts(source, wanted, watch.should_stop),
    )


def _set(source: Source) -> PicturesSource:
    assert isinstance(source, PicturesSource)  # what was not uploaded
    return source


def _as_shown(pictures: PictureSettings) -> PictureSettings:
    """What of the settings decides how the pictures of a zip look."""
    return PictureSettings(size=pictures.size, color=pictures.color)


@st.cache_resource(show_spinner=False)
def _looks() -> dict[tuple[str, int, str], Look]:
    # Not a cached function, because those cannot show how far they are.
    return {}


def _look(data: DataSettings) -> Look:
    """Some pictures of each class; only these are kept, the whole set is for the worker.

    Raises:
        UserError: If the pictures cannot be had; also when that has just been tried.
    """
    source, kept = data.source, _looks()
    access.require_table(source)
    if isinstance(source, UploadedSource):
        wanted = _as_shown(data.pictures)
        return reading.get(
            resources.desk(),
            ("look", source, wanted),
            source.name,
            lambda watch: resources.uploads().look(source, wanted, watch.tell, watch.should_stop),
        )
    place = (source.model_dump_json(), data.pictures.size, data.pictures.color)
    if place in kept:
        return kept[place]
    failed = session.state().failed_pictures
    if place in failed:
        raise UserError(failed[place])
    bar = st.progress(0.0, "Getting the pictures …")
    try:
        found = examples.look_at_set(_set(source), lambda what, done: _tell(bar, what, done))
    except UserError as error:
        failed[place] = str(error)
        raise
    finally:
        bar.empty()
    while len(kept) >= _MOST_LOOKS:
        kept.pop(next(iter(kept)), None)
    kept[place] = found
    return found


def _tell(bar: Any, what: str, done: float) -> None:
    bar.progress(min(1.0, max(0.0, done)), plain(f"{what} …", None))


def _offer_another(data: DataSettings, sentence: str) -> None:
    st.error(plain(sentence, None), icon=":material/error:")
    if isinstance(data.source, UploadedSource):
        return
    with st.container(horizontal=True):
        if st.button("Try again", icon=":material/refresh:", key=draft.key("pictures.again")):
            session.state().failed_pictures.clear()
            st.rerun()
        st.button(
            "Take the digits",
            icon=":material/pin:",
            key=draft.key("pictures.digits"),
            on_click=data_choice.choose,
            args=(_DIGITS,),
            help="1,797 small handwritten digits that are always here.",
        )


def _summary(facts: PictureFacts) -> None:
    color = "in grey" if facts.channels == 1 else "in colour"
    st.markdown(
        f"**{facts.rows:,}** pictures of **{facts.width:d} x {facts.height:d}** pixels {color}, "
        f"**{len(facts.classes):,}** classes"
    )
    if facts.test_rows:
        st.caption(f"{facts.test_rows:,} of them are the set's own test pictures, looked at only at the end.")


def stage(chosen: Chosen) -> None:
    """Show the classes with some pictures of each; nothing while they cannot be had.

    Args:
        chosen: What the Data step found.
    """
    data = chosen.data
    try:
        facts, look = facts_of(data), _look(data)
    except (UserError, reading.StillReading):
        return  # the Data step says so
    st.subheader("Classes and examples", anchor=False)
    st.html(examples.as_html(facts, look, data.pictures.only_classes))


# --- which are used, and how they are split ------------------------------------------------------------------


def _use(data: DataSettings, facts: PictureFacts, key: str) -> DataSettings:
    info = PictureSettings.model_fields
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    chosen = left.multiselect(
        str(info["only_classes"].title),
        facts.classes,
        default=[name for name in data.pictures.only_classes if name in facts.classes],
        format_func=choices.texts(facts.classes, str),
        placeholder="All classes",
        key=f"{key}.only_classes",
        help=info["only_classes"].description,
    )
    least, greatest = fields.limits(info["most_rows"])
    most = right.number_input(
        str(info["most_rows"].title),
        value=data.pictures.most_rows,
        min_value=int(least or 1),
        max_value=int(greatest or 10**7),
        step=1,
        placeholder="all",
        key=f"{key}.most_rows",
        help=info["most_rows"].description,
    )
    return _with(data, only_classes=tuple(chosen), most_rows=most)


def _split(data: DataSettings, facts: PictureFacts, key: str) -> DataSettings:
    drawer = resources.drawer("Split and class weights", ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    names = ["validation_share", "test_share", "split_seed", "stratify", "class_weights"]
    if facts.tests_of(data.pictures.only_classes):
        names.remove("test_share")
    with drawer:
        chosen = ask(data, names, draft.key("data"))
    return data.model_copy(update=chosen)


def _checked(data: DataSettings, facts: PictureFacts) -> Chosen:
    from lrapp.preparation.image_arrays import check_pictures

    try:
        expected = expected_shape.of_pictures(facts, data, check_pictures(facts, data))
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return Chosen(data, obstacle=_NOT_YET)
    return Chosen(data, expected.rows, expected)
