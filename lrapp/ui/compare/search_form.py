"""Setting up a random search: what may vary, between what, how often; and what will be tried, before it starts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.experiments import search, search_results, search_space, studies
from lrapp.experiments.search import Search
from lrapp.experiments.search_file import SavedSearch
from lrapp.experiments.search_space import AXES, NAMES, Choice, Numbers, Range, Space, Varied
from lrapp.experiments.studies import Candidate, Plan
from lrapp.networks import memory_estimate
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import Optimizer, RunSettings, TrainingSettings
from lrapp.settings.base import checked
from lrapp.ui.compare import search as search_view
from lrapp.ui.parts import draft, fields, number_cells, resources, session
from lrapp.ui.parts.plain_text import plain

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


@dataclass(frozen=True)
class Prepared:
    """What would be started.

    Args:
        saved: A search, as its file holds it.
        drawn: A row for each of its trials.
    """

    runs: Sequence[RunSettings]
    told: str
    remarks: Sequence[str]
    plan: Plan | None = None
    saved: SavedSearch | None = None
    drawn: pd.DataFrame | None = None


def show(base: RunSettings, training_rows: int) -> tuple[Search, RunSettings, str]:
    """Show the fields.

    Args:
        base: The settings of the Train page, with a target.

    Returns:
        The search, what it starts from, and what is wrong with a field; empty where nothing is.
    """
    kept = _kept(base, training_rows)
    _choose(kept, base)
    trouble = ""
    for position, name in enumerate([name for name in NAMES if name in kept.chosen]):
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
    kept.search = checked(kept.search, space=space)
    return kept.search, base, trouble


def prepare(asked: Search, base: RunSettings, expected: ExpectedShape, trouble: str) -> Prepared:
    """Check a search, and say what it will do.

    Raises:
        UserError: If it cannot be made.
    """
    if trouble:
        raise UserError(trouble)
    remarks = search.check(asked, base, expected.rows)
    cut = studies.remark(base, Candidate("The policy of the Train page", base.policy), expected.rows)
    trials = search.draw(asked, base)
    costs = [memory_estimate.estimate_expected(one, expected) for one in trials]
    memory_estimate.check_memory(
        max(costs, key=lambda cost: cost.memory_bytes), free_memory.available_bytes()
    )
    sizes = sorted(cost.parameters.trainable for cost in costs)
    parameters = f"{sizes[0]:,}" if sizes[0] == sizes[-1] else f"{sizes[0]:,} to {sizes[-1]:,}"
    text = f"Networks of {parameters} parameters, without early stopping."
    if seen := search.outlook(asked.space, trials):
        text += f" {seen}"
    if base.policy.source == "found":
        per_epoch = math.ceil(expected.rows / min(one.training.batch_size for one in trials))
        text += f" Every run begins with {base.range_test.told(per_epoch)}."
    drawn = pd.DataFrame(
        {"Trial": range(1, len(trials) + 1)} | search_results.drawn_columns(asked.space, trials)
    )
    saved = SavedSearch(base=base, search=asked)
    return Prepared(trials, text, [*remarks, *([cut] if cut else [])], saved=saved, drawn=drawn)


def save(saved: SavedSearch) -> None:
    """Show the button that saves a search."""
    st.download_button(
        "Save",
        data=saved.to_json,
        file_name="search.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="For “python -m lrapp search search.json --out FOLDER”, which does it without a browser.",
    )


def show_drawn(drawn: pd.DataFrame) -> None:
    """Show what will be tried, closed at first."""
    drawer = resources.drawer("What will be tried", ":material/casino:", "search.drawn")
    if drawer.open:
        with drawer:
            st.dataframe(
                number_cells.written(drawn, search_view.DRAWN),
                hide_index=True,
                height=38 + 35 * min(len(drawn), 6),
                key="search.draws",
            )


def offer_ready(then: Callable[[], None]) -> None:
    """Offer the search that is ready to start; a click puts it on the Train page and into the form."""

    def filled() -> None:
        fill(*studies.width_and_rate())
        then()

    st.markdown(
        f"**{studies.WIDTH_AND_RATE}**: one hidden layer of 32 to 512 units in steps of 32, and Adam's rate one of "
        f"0.01, 0.001 and 0.0001, as in [Keras Tuner's introduction]({TUNER})."
    )
    st.button(
        "Fill in this search",
        icon=":material/edit_note:",
        key=READY,
        on_click=filled,
        help="Replaces data, network and optimizer of the Train page. Nothing trains until you start it.",
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


def _choose(kept: SearchForm, base: RunSettings) -> None:
    """Ask which settings vary; why one cannot is said below."""
    obstacles = {name: why for name in NAMES if (why := search.obstacle(name, base)) is not None}
    free = [name for name in NAMES if name not in obstacles]
    chosen = st.pills(
        "Settings to draw",
        free,
        selection_mode="multi",
        default=[name for name in free if name in kept.chosen],
        format_func=lambda name: plain(search_space.title(name)),
        key=f"search.{draft.family(base.training.optimizer)}.{kept.filled}.chosen.{len(free)}",
        label_visibility="collapsed",
    )
    kept.chosen = set(chosen)
    for name, why in obstacles.items():
        st.caption(f"{plain(search_space.title(name))}: {plain(why, None)}")


def _setting(kept: SearchForm, name: str, base: RunSettings) -> None:
    key = f"search.{draft.family(base.training.optimizer)}.{kept.filled}.{name}"
    about = Space.model_fields[name].description or ""
    told = st.empty()
    varied = kept.ranges[name]
    if isinstance(varied, Choice):
        told.markdown(f"**{plain(search_space.title(name))}**", help=plain(f"{about} {_EQUAL}", None))
        kept.ranges[name] = _optimizers(varied, f"{key}.among")
        return
    way = _way(name, varied, f"{key}.way")
    likely = AXES[name].likelihood if way == "any" else _EQUAL
    told.markdown(f"**{plain(search_space.title(name))}**", help=plain(f"{about} {likely}", None))
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
        "Epochs",
        min_value=int(least or 1),
        max_value=int(most or 1),
        value=kept.epochs or base.training.epochs,
        key=f"{key}.epochs",
    )
    if epochs != base.training.epochs or kept.epochs is not None:
        kept.epochs = epochs
    seed = fields.widget(kept.search, "seed", key, into=right)
    kept.search = checked(kept.search, trials=trials, seed=seed)
    return checked(base, training=checked(base.training, epochs=epochs))
