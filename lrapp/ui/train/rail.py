"""The rail: the four steps to a run, one open at a time, each closed to one line that says what is chosen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.evaluation import setting_checks
from lrapp.evaluation.diagnosis import RailStep
from lrapp.networks import memory_estimate
from lrapp.networks.memory_estimate import Estimate
from lrapp.networks.shapes import Shape
from lrapp.phrasing import counted
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import RunSettings, summary
from lrapp.ui.parts import draft, expert, resources, session, steps
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_source, gradients, learning_rate, network
from lrapp.ui.train import training as training_step
from lrapp.ui.train.data_choice import Chosen

_ICONS: dict[RailStep, str] = {
    "Data": ":material/table_view:",
    "Network": ":material/hub:",
    "Training": ":material/model_training:",
    "Learning rate": ":material/show_chart:",
}
_NEXT: dict[RailStep, RailStep] = {"Data": "Network", "Network": "Training", "Training": "Learning rate"}
_UNFINISHED = "the settings cannot be used yet"


@dataclass
class Bench:
    """What the rail found, for the stage.

    Args:
        obstacle: Why training cannot start; None if it can.
        remarks: Which promises the settings break.
        chosen: The data; None while they could not be looked at.
        estimate: What the run will cost; None while that is not known.
        free: Bytes of memory that it may take; None where that is not known.
        plan_obstacle: Why the learning rate cannot be drawn; None if it can.
        seen: What the stage says of the rail; None before it was drawn.
    """

    obstacle: str | None = None
    remarks: tuple[str, ...] = ()
    chosen: Chosen | None = None
    estimate: Estimate | None = None
    free: int | None = None
    plan_obstacle: str | None = None
    seen: tuple[object, ...] | None = None

    @property
    def shape(self) -> Shape | None:
        """Of one row of what the network will be given; None while the data cannot be used."""
        return None if self.chosen is None or self.chosen.outlook is None else self.chosen.outlook.shape


def show(found: Bench) -> None:
    """Show the steps; what they say is then in the draft.

    Args:
        found: Is filled with what they find.
    """
    found.obstacle, found.chosen, found.estimate = _UNFINISHED, None, None  # unless all steps finish
    steps.show_advice()
    expert.begin()
    _steps(found)
    expert.switch()


def _key(step: RailStep) -> str:
    return f"rail.{session.state().steps_opened}.{step}"


def _turned(step: RailStep) -> None:
    is_open = bool(st.session_state.get(_key(step)))
    session.state().step = step if is_open else ""
    if is_open:
        for other in _ICONS:
            st.session_state[_key(other)] = other == step


@contextmanager
def _step(step: RailStep) -> Iterator[Callable[[str, str | None], None]]:
    """Show a step; yield what says, below its title while it is closed, what is chosen in it, or what is missing."""
    session.start_with(_key(step), session.state().step == step)
    with st.container(border=True, gap=None, key=f"step-{step.replace(' ', '-')}"):
        box = st.expander(
            f"**{step}**", icon=_ICONS[step], type="compact", key=_key(step), on_change=_turned, args=(step,)
        )
        line = st.container()

    def close(text: str, obstacle: str | None) -> None:
        if not box.open:
            line.caption(plain(text, None))
            if obstacle:
                line.caption(f":material/warning: {plain(obstacle, None)}")

    with box:
        yield close
        if box.open and step in _NEXT:
            st.button(
                f"Next: {_NEXT[step]}",
                icon=":material/arrow_downward:",
                type="tertiary",
                key=f"{_key(step)}.next",
                on_click=steps.open_step,
                args=(_NEXT[step],),
                shortcut="Alt+N",
            )


def _steps(found: Bench) -> None:
    settings = draft.get()
    obstacles: list[str | None] = []
    with _step("Data") as close:
        chosen = data_source.show(settings.data)
        obstacles.append(chosen.obstacle)
        found.chosen = chosen
        close(summary.data(chosen.data, chosen.rows, _answer(chosen.outlook)), chosen.obstacle)
    settings = _put(data=chosen.data)
    with _step("Network") as close:
        model, obstacle = network.show(settings, chosen.outlook)
        obstacles.append(obstacle)
        text = summary.network(model)
        close(f"Layers {text}" if text[:1].isdigit() and "layer" not in text else text, obstacle)
    settings = _put(model=model)
    with _step("Training") as close_training:
        training = training_step.show(settings.training, model, found.shape, chosen.rows, chosen.data.folds)
        settings = _put(training=training)
        gradients.show(settings, next((obstacle for obstacle in obstacles if obstacle), None))
    with _step("Learning rate") as close:
        policy, obstacle = learning_rate.show(settings, chosen.rows)
        obstacles.append(obstacle)
        found.plan_obstacle = obstacle
        close(summary.policy(policy, summary.POLICY_TITLES), obstacle)
    settings = _put(policy=policy)
    close_training(summary.training(settings.training, settings.networks), None)
    if settings.obstacle:
        st.error(plain(settings.obstacle, None), icon=":material/error:")
        several = settings.networks_obstacle
        obstacles.append(
            "several networks at once cannot train like this" if several else "pruning cannot go like this"
        )
    resources.prewarm(settings)
    if chosen.outlook is not None and not any(obstacles):
        obstacles.append(_cost(found, settings, chosen.outlook))
    task = chosen.outlook.task if chosen.outlook is not None else None
    checked = setting_checks.before(settings, chosen.rows, task) if chosen.rows is not None else ()
    found.remarks = tuple(remark.text for remark in checked)
    found.obstacle = next((obstacle for obstacle in obstacles if obstacle), None)


def _put(**parts: object) -> RunSettings:
    """Put what a step says into the draft, before the next one is drawn: a click may cut the drawing short."""
    settings = draft.get().model_copy(update=parts)
    draft.put(settings)
    return settings


def _answer(outlook: ExpectedShape | None) -> str:
    if outlook is None:
        return ""
    if outlook.task == "regression":
        return "a number"
    return counted(max(2, outlook.outputs), "class", "classes")


def _cost(found: Bench, settings: RunSettings, expected: ExpectedShape) -> str | None:
    """Estimate what the run will cost; return why it cannot start."""
    found.estimate = estimate = memory_estimate.estimate_expected(settings, expected)
    try:
        found.free = free_memory.for_a_run()
        memory_estimate.check_memory(estimate, found.free)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the network needs more memory than there is"
    return None
