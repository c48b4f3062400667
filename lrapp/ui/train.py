"""The Train page: four cards on the left, the run on the right."""

from typing import TYPE_CHECKING

import streamlit as st

from lrapp import estimates, outlook
from lrapp.errors import UserError
from lrapp.settings import RunSettings, Task
from lrapp.ui import data_card, draft, network_card, rate_card, resources, run_view, training_card
from lrapp.ui.resources import plain

if TYPE_CHECKING:
    from lrapp.tables import Table


def page() -> None:
    """Show the page."""
    with st.container(key="bench"):
        cards, bench = st.columns([6, 7], gap="medium")
    with cards:
        settings, obstacle = _cards()
    with bench:
        _train_button(settings, obstacle)
        run_id = st.query_params.get("run")
        if run_id:
            run_view.show(run_id)
        else:
            st.info(
                "Press **Train** to start: loss, learning rate and accuracy will be drawn here while the network "
                "learns. The sample table and the settings on this page are ready to go.",
                icon=":material/play_circle:",
            )


def _cards() -> tuple[RunSettings, str | None]:
    settings = draft.get()
    obstacles = []
    with st.container(border=True):
        st.subheader("1 Data", anchor=False)
        data, table, task, obstacle = data_card.card(settings.data)
        obstacles.append(obstacle)
    with st.container(border=True):
        st.subheader("2 Network", anchor=False)
        model, obstacle = network_card.card(settings.model)
        obstacles.append(obstacle)
        forecast = st.empty()
    with st.container(border=True):
        st.subheader("3 Training", anchor=False)
        training = training_card.card(settings.training)
    settings = settings.model_copy(update={"data": data, "model": model, "training": training})
    rows = _training_rows(settings, table)
    with st.container(border=True):
        st.subheader("4 Learning rate", anchor=False)
        policy, obstacle = rate_card.card(settings, rows)
        obstacles.append(obstacle)
    settings = settings.model_copy(update={"policy": policy})
    draft.put(settings)
    if table is not None and task is not None and rows is not None:
        with forecast.container():
            obstacles.append(_outlook(settings, table, task, rows))
    return settings, next((obstacle for obstacle in obstacles if obstacle), None)


def _training_rows(settings: RunSettings, table: "Table | None") -> int | None:
    if table is None or settings.data.target is None:
        return None
    return outlook.training_rows(table, settings.data)


def _outlook(settings: RunSettings, table: "Table", task: Task, rows: int) -> str | None:
    """Say what the run will take; return what stands in its way."""
    inputs, outputs = outlook.shape(table, settings.data, task)
    estimate = estimates.estimate(settings, inputs=inputs, outputs=outputs, rows=rows)
    st.caption(estimate.sentence)
    try:
        estimates.check_memory(estimate, estimates.available_bytes())
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the network needs more memory than there is"
    return None


def _train_button(settings: RunSettings, obstacle: str | None) -> None:
    name_place, button_place = st.columns([3, 2], vertical_alignment="bottom")
    name = name_place.text_input(
        "Name of the run",
        value=settings.name,
        max_chars=200,
        placeholder="optional",
        key=draft.key("name"),
        help="To find it again on the Runs page.",
    )
    pressed = button_place.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=obstacle is not None,
        help=f"Not yet: {obstacle}." if obstacle else "Starts a run with the settings on this page.",
        key=draft.key("train"),
    )
    if obstacle is not None:
        st.warning(f"Training cannot start: {obstacle}.", icon=":material/warning:")
    if pressed:
        run = resources.store().create(settings.model_copy(update={"name": name}))
        resources.jobs().submit(run)
        resources.own_runs().append(run.id)
        st.query_params["run"] = run.id  # which the page shows below, in this same pass
