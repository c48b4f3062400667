"""Setting up a random search: what may vary, between what, how often; and what will be tried, before it starts."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp import memory
from lrapp.errors import UserError
from lrapp.experiments import search, search_results, search_space, studies
from lrapp.experiments.search import Search
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_space import AXES, NAMES, Choice, Numbers, Range, Space, Varied
from lrapp.experiments.studies import Candidate
from lrapp.networks import cost as estimates
from lrapp.phrasing import counted
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import Optimizer, RunSettings, TrainingSettings
from lrapp.settings.base import checked
from lrapp.ui.compare import search as search_view
from lrapp.ui.parts import draft, fields, number_cells, session, start_buttons
from lrapp.ui.parts.plain_text import plain

START = "search"
TUNER = "https://www.tensorflow.org/tutorials/keras/keras_tuner"
PAPER = "https://jmlr.org/papers/v13/bergstra12a.html"
_AT_FIRST = ("learning_rate", "batch_size", "units")
_POWERS = [2**power for power in range(20)]
Way = Literal["any", "steps", "list"]
_WAYS: dict[Way, str] = {"any": "Any value between", "steps": "In steps between", "list": "From a list"}
_EQUAL = "Each is as likely as the others."
READY = "search.ready"


@dataclass
class SearchForm:
    """The form's values, kept in the session, as Streamlit forgets the widgets of other pages.

    ``ranges`` and ``lists`` both have an entry for each number: what is chosen, and what was typed of lists.
    ``filled`` is a number that changes when the form is filled from elsewhere: its widgets then start anew.
    """

    ranges: dict[str, Varied]
    chosen: set[str]
    lists: dict[str, str] = field(default_factory=dict)
    filled: int = 0
    search: Search = field(default_factory=Search)
    epochs: int | None = None


def show(base: RunSettings, expected: ExpectedShape) -> tuple[Search, RunSettings] | None:
    """Show the form.

    Args:
        base: The settings of the Train page, with a target.
        expected: What the network will be given.

    Returns:
        The search and what it starts from, when the person starts it; else None.
    """
    kept = _kept(base, expected.rows)
    trouble = ""
    for position, name in enumerate(NAMES):
        # Row by row, so that a narrow screen has the same order.
        if position % 2 == 0:
            places = st.columns(2)
        with places[position % 2], st.container(border=True):
            try:
                _setting(kept, name, base)
            except UserError as error:
                trouble = trouble or str(error)
    space = Space(**{name: kept.ranges[name] for name in NAMES if name in kept.chosen})
    base = _numbers(kept, base)
    asked = kept.search = checked(kept.search, space=space)
    obstacle = None
    try:
        if trouble:
            raise UserError(trouble)
        remarks = search.check(asked, base, expected.rows)
        cut = studies.remark(base, Candidate("The policy of the Train page", base.policy), expected.rows)
        for remark in [*remarks, *([cut] if cut else [])]:
            st.info(plain(remark, None), icon=":material/info:")
        _outlook(asked, base, expected)
    except UserError as error:
        obstacle = str(error)
        st.warning(plain(obstacle, None), icon=":material/warning:")
    with st.container(horizontal=True):
        started = st.button(
            "Start the search",
            type="primary",
            icon=":material/play_arrow:",
            disabled=obstacle is not None,
            help="Starts all runs, one after the other.",
            key=start_buttons.key(START),
        )
        st.download_button(
            "Save the search",
            data=lambda: SavedSearch(base=base, search=asked).to_json(),
            file_name="search.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            disabled=obstacle is not None,
            help="For “python -m lrapp search search.json --out FOLDER”, which does it without a browser.",
        )
    return (asked, base) if started else None


def offer_ready() -> None:
    """Offer the search that is ready to start; a click puts it on the Train page and into the form."""
    with st.container(border=True):
        left, right = st.columns([4, 2], vertical_alignment="center")
        left.markdown(
            f"**{studies.WIDTH_AND_RATE}**: one hidden layer of 32 to 512 units in steps of 32, and Adam's rate one of "
            f"0.01, 0.001 and 0.0001, as in [Keras Tuner's introduction]({TUNER})."
        )
        right.button(
            "Fill in this search",
            icon=":material/edit_note:",
            width="stretch",
            key=READY,
            on_click=fill,
            args=studies.width_and_rate(),
            help="Puts the pictures, the network and the optimizer on the Train page in the place of what is there, "
            "and both ranges into this form. Nothing trains until you start it.",
        )


def fill(asked: Search, base: RunSettings) -> None:
    """Put settings on the Train page, and a search of them into the form."""
    draft.replace(base)
    forms, family = session.state().search_forms, draft.family(base.training.optimizer)
    ranges: dict[str, Varied] = {name: search_space.usual(name) for name in NAMES}
    ranges |= dict(asked.space.varied)
    before = forms.get(family)
    forms[family] = SearchForm(
        ranges,
        {name for name, _ in asked.space.varied},
        search=asked,
        filled=before.filled + 1 if before is not None else 1,
    )


def _kept(base: RunSettings, training_rows: int) -> SearchForm:
    # As on the Train page, SGD and the adaptive optimizers each keep their own numbers.
    forms, family = session.state().search_forms, draft.family(base.training.optimizer)
    if family not in forms:
        ranges: dict[str, Varied] = {name: search_space.usual(name) for name in NAMES}
        ranges["learning_rate"] = search_space.usual_rates(base.training.optimizer)
        ranges["batch_size"] = search_space.usual_batches(training_rows)
        chosen = {name for name in _AT_FIRST if search.obstacle(name, base) is None}
        forms[family] = SearchForm(ranges, chosen)
    return forms[family]


def _setting(kept: SearchForm, name: str, base: RunSettings) -> None:
    key = f"search.{draft.family(base.training.optimizer)}.{kept.filled}.{name}"
    why = search.obstacle(name, base)
    about = Space.model_fields[name].description or ""
    on = st.toggle(
        f"Vary: {plain(search_space.spoken(name))}",
        value=name in kept.chosen and why is None,
        key=f"{key}.on.{why is None}",
        disabled=why is not None,
    )
    if why is not None:
        kept.chosen.discard(name)
        st.caption(plain(why, None))
        return
    told = st.empty()
    told.caption(plain(about, None))
    if not on:
        kept.chosen.discard(name)
        return
    kept.chosen.add(name)
    varied = kept.ranges[name]
    if isinstance(varied, Choice):
        told.caption(plain(f"{about} {_EQUAL}", None))
        kept.ranges[name] = _optimizers(varied, f"{key}.among")
        return
    way = _way(name, varied, f"{key}.way")
    told.caption(plain(f"{about} {AXES[name].likelihood if way == 'any' else _EQUAL}", None))
    if way == "list":
        kept.ranges[name] = _numbers_among(kept, name, varied, f"{key}.list")
        return
    # A list that is left shows the usual range.
    start = varied if isinstance(varied, Range) else AXES[name].usual
    ends = st.columns(2 if way == "any" else 3, vertical_alignment="bottom")
    low = _end(name, start.low, "from", f"{key}.low", ends[0])
    high = _end(name, start.high, "to", f"{key}.high", ends[1])
    step = _step(name, start, f"{key}.step", ends[2]) if way == "steps" else None
    kept.ranges[name] = Range(low=low, high=high, step=step)


def _way(name: str, varied: Range | Numbers, key: str) -> Way:
    """How the values of a number are given."""
    ways: list[Way] = [way for way in _WAYS if way != "steps" or AXES[name].scale != "log2"]
    now: Way = "list" if isinstance(varied, Numbers) else "any" if varied.step is None else "steps"
    chosen: Way = st.selectbox(
        plain(f"Values of {search_space.spoken(name)}"),
        ways,
        index=ways.index(now),
        format_func=lambda way: _WAYS[way],
        key=key,
        label_visibility="collapsed",
    )
    return chosen


def _numbers_among(kept: SearchForm, name: str, varied: Range | Numbers, key: str) -> Numbers:
    """The field of a list of numbers."""
    among = varied if isinstance(varied, Numbers) else search_space.usual_numbers(name)
    typed = st.text_input(
        f"{plain(search_space.title(name))} among",
        value=kept.lists.get(name, search_space.listed(among)),
        key=key,
        help="Numbers with commas or blanks between them, each as likely as the others.",
    )
    kept.lists[name] = typed
    return search_space.numbers(name, typed)


def _step(name: str, varied: Range, key: str, into: DeltaGenerator) -> int | float:
    about = AXES[name]
    number = int if about.whole else float
    value = varied.step if varied.step is not None else search_space.usual_step(name)
    step: int | float = into.number_input(
        f"{plain(search_space.title(name))} step",
        value=number(value),
        min_value=number(1 if about.whole else about.least or 0.001),
        max_value=number(about.most),
        step=number(1 if about.whole else fields.leading_unit(value)),
        format="%d" if about.whole else "%.6g",
        key=key,
    )
    return step


def _end(name: str, value: float, word: str, key: str, into: DeltaGenerator) -> float:
    """The field of one end of a range."""
    about = AXES[name]
    label = plain(f"{search_space.title(name)} {word}")
    if about.scale == "log2":
        return into.selectbox(
            label, _POWERS, index=_POWERS.index(int(value)), format_func=lambda size: f"{size:,}", key=key
        )
    number = int if about.whole else float
    shown = st.session_state.get(key, value)
    step = 1 if about.whole else about.step or fields.leading_unit(shown)
    return into.number_input(
        label,
        value=number(value),
        min_value=number(about.least),
        max_value=number(about.most),
        step=number(step),
        format="%d" if about.whole else "%.6g",
        key=key,
    )


def _optimizers(varied: Choice, key: str) -> Choice:
    among = st.pills(
        "Optimizers to choose among",
        list(get_args(Optimizer)),
        selection_mode="multi",
        default=list(varied.among),
        format_func=lambda one: plain(search_space.shown(one)),
        key=key,
    )
    return Choice(among=tuple(among))


def _numbers(kept: SearchForm, base: RunSettings) -> RunSettings:
    """Trials, epochs and seed; the base with that many epochs."""
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    key = f"search.{kept.filled}"
    trials = fields.widget(kept.search, "trials", key, into=left)
    number = TrainingSettings.model_fields["epochs"]
    least, most = fields.limits(number)
    epochs = middle.number_input(
        "Epochs of each",
        min_value=int(least or 1),
        max_value=int(most or 1),
        value=kept.epochs or base.training.epochs,
        key=f"{key}.epochs",
        help="How often every training row is used, the same for all. Early stopping is off in searches.",
    )
    if epochs != base.training.epochs or kept.epochs is not None:
        kept.epochs = epochs
    seed = fields.widget(kept.search, "seed", key, into=right)
    kept.search = checked(kept.search, trials=trials, seed=seed)
    return checked(base, training=checked(base.training, epochs=epochs))


def _outlook(asked: Search, base: RunSettings, expected: ExpectedShape) -> None:
    """Show what the search will cost, and what it will try."""
    trials = search.draw(asked, base)
    costs = [estimates.estimate_expected(one, expected) for one in trials]
    estimates.check_memory(max(costs, key=lambda cost: cost.memory_bytes), memory.available_bytes())
    sizes = sorted(cost.parameters.trainable for cost in costs)
    parameters = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
    epochs = counted(base.training.epochs, "epoch")
    text = (
        f"{len(trials)} runs of {epochs} each, one after the other, with early stopping off; networks of "
        f"{parameters} parameters."
    )
    if seen := search.outlook(asked.space, trials):
        text += f" {seen}"
    if base.policy.source == "found":
        per_epoch = math.ceil(expected.rows / min(one.training.batch_size for one in trials))
        text += f" On top of that, every run begins with {base.range_test.told(per_epoch)}."
    st.caption(plain(text, None))
    st.markdown("**What will be tried**")
    st.dataframe(
        number_cells.written(
            pd.DataFrame(
                {"Trial": range(1, len(trials) + 1)} | search_results.drawn_columns(asked.space, trials)
            ),
            search_view.DRAWN,
        ),
        hide_index=True,
        height=38 + 35 * min(len(trials), 6),
        key="search.draws",
    )
