"""Part of the Network step: how pictures are varied in training, and what the network then sees."""

import numpy as np
import streamlit as st

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.execution.tasks import Task
from lrapp.images.pixels import contact_sheet
from lrapp.settings import AugmentationSettings, RunSettings
from lrapp.settings.base import checked
from lrapp.ui.parts import draft, fields, resources, session, tasks, waiting
from lrapp.ui.parts.plain_text import plain

_FIELDS = list(AugmentationSettings.model_fields)
_COLUMNS = 8


def show(settings: RunSettings, *, can_build: bool) -> AugmentationSettings:
    """Show the part.

    Args:
        settings: The draft, with what the steps above say.
        can_build: Whether there are data and a network to try it with.
    """
    before = settings.model.augmentation
    key = draft.key("augmentation")
    used = sum(
        getattr(before, name) != field.default for name, field in AugmentationSettings.model_fields.items()
    )
    title = "Augmentation" + (f" ({used} on)" if used else "")
    drawer = resources.drawer(title, ":material/auto_awesome_motion:", f"{key}.drawer")
    if not drawer.open:
        return checked(before, **fields.kept(before, _FIELDS, key))
    with drawer:
        st.caption(
            "Varies each picture anew in every epoch, so that the network learns what matters. In training only."
        )
        chosen = checked(before, **fields.choose(before, _FIELDS, key))
        model = checked(settings.model, augmentation=chosen)
        _preview(settings.model_copy(update={"model": model}), can_build)
    return chosen


def _preview(settings: RunSettings, can_build: bool) -> None:
    """Show the first batch as the network sees it; the worker makes it, as only it has Keras."""
    training = settings.training
    about = (
        *(settings.data.model_dump_json(), settings.model.augmentation.model_dump_json()),
        *(training.seed, training.batch_size),
    )
    busy = resources.jobs().busy
    pressed = st.button(
        "Show a batch",
        icon=":material/photo_library:",
        key=draft.key("augmentation.show"),
        disabled=busy or not can_build,
        help="The run in training comes first."
        if busy
        else "The first pictures as the network will see them.",
    )
    if pressed:
        session.state().augmenting = (about, _batch(settings))
    asked = session.state().augmenting
    if asked is not None:
        task = asked[1]
        if not task.done:
            tasks.show(
                task,
                draft.key("augmentation.cancel"),
                lambda: waiting.for_worker("the batch", "Making the pictures …"),
            )
            return
        session.state().augmenting = None
        try:
            session.state().augmented = (asked[0], contact_sheet(task.result(), _COLUMNS))
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
    kept = session.state().augmented
    if kept is not None and kept[0] == about:
        st.image(kept[1], caption="The first pictures of the first batch, as the network sees them")


def _batch(settings: RunSettings) -> "Task[np.ndarray]":
    return resources.jobs().task(
        worker.augmented_batch,
        resources.store().home,
        settings,
        failure="The pictures could not be made; the server's log has the details.",
    )
