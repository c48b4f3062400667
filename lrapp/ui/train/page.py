"""The Train page: four cards on the left, the run on the right."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lrapp import memory
from lrapp.errors import UserError
from lrapp.evaluation import setting_checks
from lrapp.networks import cost
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import RunSettings, Task
from lrapp.ui.parts import actions, draft, resources, start_buttons
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page as run_view
from lrapp.ui.runs import sharing
from lrapp.ui.train import data_source, gradients, learning_rate, network
from lrapp.ui.train import training as training_card

_START = "train"


@dataclass
class _Bench:
    """What the cards found: why training cannot start, which promises the settings break, and whether it is shown."""

    obstacle: str | None = None
    remarks: tuple[str, ...] = ()
    drawn: bool = False


def page() -> None:
    """Show the page."""
    with st.container(key="bench"):
        cards, bench = st.columns([6, 7], gap="medium")
    found = _Bench()
    with cards:
        # Apart from the rest, so that the change of a field does not draw the run anew.
        resources.fragment(_cards)(found)
    with bench:
        draw_button = _train_button(draft.get(), found.obstacle)
        for remark in found.remarks if found.obstacle is None else ():
            st.info(plain(remark, None), icon=":material/rule_settings:")
        sharing.bar()
        found.drawn = True
        run_id = st.query_params.get("run")
        if run_id:
            run_view.show(run_id)
        elif found.obstacle is None:
            st.info(
                "Press **Train** to start: loss, learning rate and accuracy will be drawn here while the network "
                "learns. The data and the settings on this page are ready to go.",
                icon=":material/play_circle:",
            )
        if start_buttons.shown(_START):
            draw_button()


def _cards(found: _Bench) -> None:
    """Show the cards; what they say is then in the draft."""
    before = (found.obstacle, found.remarks)
    found.obstacle = "the settings cannot be used yet"  # unless the cards finish
    found.obstacle, rows, task = _settings()
    checked = setting_checks.before(draft.get(), rows, task) if rows is not None else ()
    found.remarks = tuple(remark.text for remark in checked)
    if found.drawn and (found.obstacle, found.remarks) != before:
        st.rerun()  # the button is not drawn with the cards


def _settings() -> tuple[str | None, int | None, Task | None]:
    """Show the cards; return why training cannot start, the number of training rows, and the task."""
    settings = draft.get()
    obstacles = []
    with st.container(border=True):
        st.subheader("1 Data", anchor=False)
        chosen = data_source.card(settings.data)
        obstacles.append(chosen.obstacle)
    settings = settings.model_copy(update={"data": chosen.data})
    with st.container(border=True):
        st.subheader("2 Network", anchor=False)
        model, obstacle = network.card(settings, chosen.outlook)
        obstacles.append(obstacle)
        forecast = st.empty()
    with st.container(border=True):
        st.subheader("3 Training", anchor=False)
        shape = chosen.outlook.shape if chosen.outlook else None
        training = training_card.card(settings.training, model, shape, chosen.rows, chosen.data.folds)
        settings = settings.model_copy(update={"model": model, "training": training})
        gradients.card(settings, next((obstacle for obstacle in obstacles if obstacle), None))
    with st.container(border=True):
        st.subheader("4 Learning rate", anchor=False)
        policy, obstacle = learning_rate.card(settings, chosen.rows, shape)
        obstacles.append(obstacle)
    # The range test's settings are in the draft already.
    settings = settings.model_copy(update={"policy": policy, "range_test": draft.get().range_test})
    draft.put(settings)
    if settings.obstacle:
        st.error(plain(settings.obstacle, None), icon=":material/error:")
        several = settings.networks_obstacle
        obstacles.append(
            "several networks at once cannot train like this" if several else "pruning cannot go like this"
        )
    resources.prewarm(settings)
    if chosen.outlook is not None and not any(obstacles):
        with forecast.container():
            obstacles.append(_outlook(settings, chosen.outlook))
    task = chosen.outlook.task if chosen.outlook is not None else None
    return next((obstacle for obstacle in obstacles if obstacle), None), chosen.rows, task


def _outlook(settings: RunSettings, expected: ExpectedShape) -> str | None:
    """Show what the run will cost; return why it cannot start."""
    estimate = cost.estimate_expected(settings, expected)
    st.caption(plain(estimate.sentence, None))
    try:
        cost.check_memory(estimate, memory.available_bytes())
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the network needs more memory than there is"
    return None


def _train_button(settings: RunSettings, obstacle: str | None) -> Callable[[], bool]:
    """Show the button, start a run where it was pressed, and return what draws the button for the next one."""
    name_place, button_place = st.columns([3, 2], vertical_alignment="bottom")
    name = name_place.text_input(
        "Name of the run",
        value=settings.name,
        max_chars=200,
        placeholder="optional",
        key=draft.key("name"),
        help="To find it again on the Runs page.",
    )
    place = button_place.empty()

    def draw() -> bool:
        return place.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=obstacle is not None,
            help=plain(f"Not yet: {obstacle}.", None)
            if obstacle
            else "Starts a run with the settings on this page.",
            key=start_buttons.key(_START),
        )

    pressed = draw()
    if obstacle is not None:
        st.warning(plain(f"Training cannot start: {obstacle}.", None), icon=":material/warning:")
    if pressed:
        run = actions.start(settings.model_copy(update={"name": name}), start_buttons.token(_START))
        st.query_params["run"] = run.id  # which the page shows below, in this same run of the script
    return draw
