"""Part of the Network step: which weights it starts from."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import run_table
from lrapp.runs import starts
from lrapp.settings import (
    DataKind,
    FreshStart,
    LayerSettings,
    PretrainedName,
    PretrainedStart,
    RunSettings,
    RunStart,
)
from lrapp.settings.base import checked
from lrapp.settings.network import PRETRAINED, Start
from lrapp.ui.parts import access, choices, draft, fields, resources, session
from lrapp.ui.parts.plain_text import plain

Layers = tuple[LayerSettings, ...]
Choice = Literal["fresh", "run"] | PretrainedName

_NAMES: dict[Choice, str] = {
    "fresh": "Fresh weights",
    "run": "A run of mine",
    "MobileNetV2": "MobileNetV2 (ImageNet)",
    "EfficientNetB0": "EfficientNetB0 (ImageNet)",
    "ResNet50V2": "ResNet50V2 (ImageNet)",
    "VGG16": "VGG16 (ImageNet)",
    "InceptionV3": "InceptionV3 (ImageNet)",
}
_MOST_RUNS = 100
# Fields that must be equal for weights to fit; the rest may differ.
_SHAPED = ("kind", "units", "size", "stride", "batch_norm")


def show(settings: RunSettings, fill: Callable[[Layers], None]) -> tuple[Start, str | None]:
    """Show the part.

    Args:
        settings: The draft, with what the steps above say.
        fill: Puts other layers into the table.

    Returns:
        What the network starts from, and what stands in the way of training.
    """
    start = settings.model.start
    key = draft.key("start")
    drawer = resources.drawer(f"Start from: {_title(start)}", ":material/school:", f"{key}.drawer")
    with drawer:
        if drawer.open:
            start = _choice(settings, key, fill)
        elif isinstance(start, PretrainedStart):
            start = checked(start, **fields.kept(start, ["size"], f"{key}.{start.name}"))
    return start, _obstacle(settings, start, fill)


def _title(start: Start) -> str:
    return _NAMES[_of(start)].lower() if start.type != "pretrained" else _NAMES[_of(start)]


def _of(start: Start) -> Choice:
    return start.name if isinstance(start, PretrainedStart) else start.type


def _choice(settings: RunSettings, key: str, fill: Callable[[Layers], None]) -> Start:
    start = settings.model.start
    options: list[Choice] = ["fresh", "run"]
    if settings.data.facts.pixels:
        options += PRETRAINED
    if _of(start) not in options:
        options.append(_of(start))

    def turn() -> None:
        """Behind a pretrained network other layers make sense."""
        choice: Choice = st.session_state[f"{key}.choice"]
        # As the draft is now: when this was drawn, what was chosen then was not in it yet.
        kept, now = session.state(), draft.get()
        was, comes = now.model.base is not None, choice in PRETRAINED
        draft.put(now.model_copy(update={"model": checked(now.model, start=_begun(choice, now.model.start))}))
        if comes and not was:
            kept.layers_before = now.model.layers
            fill(())
        elif was and not comes:
            before, kept.layers_before = kept.layers_before, None
            fill(now.model.layers if before is None else before)

    choice: Choice = st.selectbox(
        "Start from",
        options,
        index=options.index(_of(start)),
        format_func=lambda option: _NAMES[option],
        key=f"{key}.choice",
        on_change=turn,
        help="A network that starts from trained weights needs fewer examples and epochs.",
    )
    if choice == "fresh":
        return FreshStart()
    if choice == "run":
        return _run(settings, key, fill)
    facts = PRETRAINED[choice]
    about = (
        f"{facts.about[0].upper()}{facts.about[1:]}. It has learned from 1.3 million photographs; its weights "
        f"({facts.megabytes} MB) are downloaded once, when the run starts. The layers of the table come behind it."
    )
    if choice != "VGG16":  # which has none
        about += " Its batch normalisation keeps the averages that it has learned, frozen or not."
    st.caption(plain(about, None))
    pretrained = _begun(choice, start)
    return checked(pretrained, size=fields.widget(pretrained, "size", f"{key}.{choice}"))


def _begun(choice: Choice, before: Start) -> Start:
    """Return what the choice stands for, before a run is chosen, or another size."""
    if _of(before) == choice:
        return before
    if choice not in PRETRAINED:
        return FreshStart()
    usual = before.size if isinstance(before, PretrainedStart) else PretrainedStart().size
    return PretrainedStart(name=choice, size=max(usual, PRETRAINED[choice].least))


def _run(settings: RunSettings, key: str, fill: Callable[[Layers], None]) -> Start:
    start = settings.model.start
    titles = _runs(settings.data.kind)
    chosen = start.run if isinstance(start, RunStart) else None
    if chosen is not None:
        titles.setdefault(chosen, f"Run {chosen}")
    if not titles:
        what = plain(settings.data.facts.title, None)
        st.info(f"There is no finished run of {what} yet. Train one first; until then weights are fresh.")
        return FreshStart()

    def take() -> None:
        _take_layers(st.session_state[f"{key}.run"], fill)

    ids = [None, *titles]
    picked = st.selectbox(
        "Run",
        ids,
        index=ids.index(chosen),
        format_func=choices.texts(ids, lambda run_id: titles[run_id] if run_id else "Choose a run", _started),
        key=f"{key}.run",
        on_change=take,
        help="Its layers are put into the table, and its weights into them. The output layer comes along only where "
        "both runs tell the same classes apart.",
    )
    return RunStart(run=picked, base=_base(picked)) if picked else FreshStart()


def _base(run_id: str) -> PretrainedStart | None:
    try:
        return resources.store().get(run_id).settings.model.base
    except UserError:
        return None


def _runs(kind: DataKind) -> dict[str, str]:
    """Titles of the finished runs of that kind by their ids, the newest first."""
    titles = {}
    for run in resources.visible_runs():
        if run.model_path.exists() and access.may("start from weights", run):
            about = _about(run.id, run_table.stamp(run))
            if about is not None and about[0] == kind:
                titles[run.id] = about[1]
                if len(titles) == _MOST_RUNS:
                    break
    return titles


@st.cache_data(max_entries=1_000, show_spinner=False)
def _about(run_id: str, stamp: tuple[tuple[int, int], ...]) -> tuple[DataKind, str] | None:
    """From which kind of data a run has learned, and its title; None for one that nothing can start from.

    Args:
        stamp: Changes with the run's files, as its name may.
    """
    try:
        run = resources.store().get(run_id)
        settings = run.settings
        if settings.mode != "train":
            return None
        if settings.data.all_rows:
            return None  # its weights know the rows that would test
        return settings.data.kind, resources.run_title(run)
    except UserError:
        return None


def _started(run_id: str | None) -> str:
    try:
        return resources.started(resources.store().get(run_id)) if run_id else ""
    except UserError:
        return ""


def _take_layers(run_id: str | None, fill: Callable[[Layers], None]) -> None:
    if run_id is None:
        return
    try:
        fill(resources.store().get(run_id).settings.model.layers)
    except UserError:
        return  # the page shows below what is wrong with the run


def _obstacle(settings: RunSettings, start: Start, fill: Callable[[Layers], None]) -> str | None:
    if isinstance(start, PretrainedStart) and start.obstacle:
        if start != settings.model.start:  # else the table of layers has said so
            st.error(plain(start.obstacle, None), icon=":material/error:")
        return f"the pictures are too small for {start.name}"
    if not isinstance(start, RunStart):
        return None
    try:
        run = resources.store().get(start.run)
        layers = run.settings.model.layers
        access.require("start from weights", run)
    except UserError as error:
        st.error(plain(f"The run to start from: {error}", None), icon=":material/error:")
        return "the run to start from is not there, or not yours"
    if why := starts.obstacle(settings, run.settings):
        st.error(plain(why, None), icon=":material/error:")
        return "the run to start from may know rows that test"
    if _shaped(layers) == _shaped(settings.model.layers):
        return None
    st.error(
        "The weights of a run fit only its own layers, and the layers in the table have changed.",
        icon=":material/error:",
    )
    st.button(
        "Take the run's layers",
        icon=":material/undo:",
        key=draft.key("start.layers"),
        on_click=_take_layers,
        args=(start.run, fill),
    )
    return "the layers are not those of the run to start from"


def _shaped(layers: Layers) -> list[tuple[object, ...]]:
    return [tuple(getattr(layer, name) for name in _SHAPED) for layer in layers]
