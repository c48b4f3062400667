"""A range test, while it runs and afterwards: its curve, its suggestions, and a button that takes them over."""

import math
import time

import pandas as pd
import streamlit as st

from lrapp.charts import linear_test
from lrapp.charts import range_test as range_chart
from lrapp.errors import UserError
from lrapp.phrasing import counted, number
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, EventReader, Run
from lrapp.settings import (
    FixedSettings,
    PolicySettings,
    RangeTestSettings,
    RunSettings,
    summary,
    with_rates,
)
from lrapp.settings.base import checked
from lrapp.ui.parts import (
    access,
    actions,
    draft,
    fields,
    number_cells,
    resources,
    saving,
    start_buttons,
    steps,
    waiting,
)
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import refused_rates

_SECONDS_BETWEEN_LOOKS = 0.4
_ABOUT = {
    "exponential": "Trains a throwaway network while the rate grows, three times, looks where the loss falls, and "
    "tries that range. Nothing of your run changes ([Smith 2017](https://arxiv.org/abs/1506.01186), section 3.3).",
    "linear": "Trains a throwaway network for some epochs while the rate rises evenly. Where the accuracy starts to "
    "rise is base\\_lr, where it becomes ragged or falls max\\_lr. Nothing of your run changes "
    "([Smith 2017](https://arxiv.org/abs/1506.01186), section 3.3).",
}


def curve(history: History, settings: RangeTestSettings, key: str, told: str = "") -> float | None:
    """Draw a range test and its result; return the rate that was clicked in the chart, if any.

    Args:
        history: Events of the run, with at least one sweep.
        settings: Of the test.
        key: Of the chart.
        told: What the page says of the run already, and need not say twice.
    """
    if settings.rise == "linear":
        watched = history.sweeps[-1].watched
        spec = linear_test.linear_spec(settings.linear_start_lr, settings.linear_end_lr, watched)
        points = linear_test.linear_frame(history)
    else:
        spec = range_chart.spec(settings.start_lr, settings.end_lr)
        points = range_chart.frame(history)
    found = history.found
    if found is None:
        clicked = resources.draw(spec, points, key=key, selection="line")
    else:
        clicked = saving.saveable(spec, points, "range-test", key, selection="line", live=True)
    if found is None:
        return None
    if found.sentence not in told:
        (st.caption if found.minimum is not None else st.warning)(plain(found.sentence, None))
    rates = [point["learning_rate"] for point in clicked if "learning_rate" in point]
    return float(rates[0]) if rates else None


def drawer(run: Run, history: History) -> None:
    """Show the range test that a run began with.

    Args:
        run: The run.
        history: Its events, with at least one sweep.
    """
    with st.expander("Range test", icon=":material/search_insights:", expanded=not history.steps_done):
        curve(history, run.settings.range_test, f"range.{run.id}.whole", run.status.message)


def form(settings: RunSettings, training_rows: int | None) -> None:
    """Show the button that starts a range test with these settings.

    Args:
        settings: The draft, with the policy as chosen.
        training_rows: Rows to train on, None while there is no table.
    """
    obstacle = "there is no table" if training_rows is None else None
    test = settings.range_test
    key = draft.key("range_test")
    drawer = resources.drawer("Find the rates: range test", ":material/search_insights:", f"{key}.drawer")
    if not drawer.open:
        kept = fields.kept(test, ["rise", *test.fields], key)
        draft.put(draft.get().model_copy(update={"range_test": test.model_copy(update=kept)}))
        return
    with drawer:
        rise = fields.widget(test, "rise", key)
        test = checked(test, rise=rise)
        st.caption(_ABOUT[rise])
        test = checked(test, **fields.choose(test, list(test.fields), key))
        draft.put(draft.get().model_copy(update={"range_test": test}))
        settings = settings.model_copy(update={"range_test": test, "mode": "range test"})
        try:
            per_epoch = training_rows and math.ceil(training_rows / settings.training.batch_size)
            test.check(per_epoch)
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            obstacle = "the test cannot be read"
        if st.button(
            "Run the range test",
            icon=":material/play_arrow:",
            key=start_buttons.key("range test"),
            disabled=obstacle is not None,
            width="stretch",
            help=f"Not yet: {obstacle}." if obstacle else length(test),
        ):
            made = actions.start(settings, start_buttons.token("range test"))
            steps.leave_run()
            st.query_params.from_dict({"test": made.id})
            st.rerun()


def length(test: RangeTestSettings) -> str:
    """Return how long a test takes, as a sentence."""
    if test.rise == "exponential":
        return "Takes a second or two for a small network."
    return f"Takes about as long as training for {counted(test.seeds * test.epochs, 'epoch')}."


def _test_id() -> str | None:
    return st.query_params.get("test")


def last(settings: RunSettings) -> None:
    """Show the test that was started last, if its address is known.

    Args:
        settings: The draft, which takes the rates.
    """
    test_id = _test_id()
    if test_id is None:
        return
    st.subheader("Range test", anchor=False)
    try:
        run = resources.store().get(test_id)
        ended, ran = run.status.state in ENDED, run.settings
    except UserError as error:
        st.caption(plain(str(error), None))
        return
    told = summary.data(ran.data), summary.network(ran.model), summary.training(ran.training)
    st.caption(plain(" · ".join((*told, resources.started(run))), None))
    if changed := draft.changed_since(run.settings):
        st.caption(f":material/edit_note: Changed since this test: {', '.join(changed)}.")
    if ended:
        _show(run, settings)
    else:
        resources.fragment(_show, _SECONDS_BETWEEN_LOOKS)(run, settings, live=True)


def _show(run: Run, settings: RunSettings, *, live: bool = False) -> None:
    status = run.status
    if live and status.state in ENDED:
        st.rerun()
    history = EventReader(run).read()
    if live:
        left, right = st.columns([3, 1], vertical_alignment="center")
        with left:
            progress(run, history)
        if access.may("stop", run) and right.button(
            "Stop", icon=":material/stop:", key=f"stop.{run.id}", width="stretch"
        ):
            actions.stop(run)
            st.rerun(scope="fragment")
    if history.sweeps:
        by_hand = curve(history, run.settings.range_test, f"range.{run.id}")
        if history.found is not None and history.found.minimum is not None:
            _take(history.found, settings.policy, by_hand)
        elif status.state in ENDED and refused_rates.is_refused(history):
            refused_rates.of_test(run, history)
    if status.state in ("failed", "interrupted", "stopped"):
        st.warning(plain(status.message, None), icon=":material/warning:")


def progress(run: Run, history: History) -> None:
    """Show how far the range test of a run has come."""
    if run.stop_asked is not None:
        st.progress(0.0, waiting.to_stop(run.stop_asked, time.time(), history))
        return
    if not history.sweeps:
        st.progress(0.0, waiting.to_begin(run, run.status.state))
        return
    now = history.sweeps[-1]
    if history.preparing is not None:  # what follows when all seeds are through
        st.progress(history.preparing.share, plain(f"{history.preparing.what} …", None))
        return
    done = (len(history.sweeps) - 1) * now.steps + len(now.losses)
    st.progress(
        min(1.0, done / (now.steps * now.seeds)), f"Range test: seed {len(history.sweeps)} of {now.seeds:d}"
    )


def _take(found: RatesFound, policy: PolicySettings, by_hand: float | None) -> None:
    """Show the rates that were found, and put them into the policy at a click."""
    rates = {name: rate for name, rate, _, _ in found.suggestions}
    titles, usual = (linear_test.SUGGESTIONS, "half") if found.watched else (range_chart.SUGGESTIONS, "tenth")
    st.dataframe(
        number_cells.written(
            pd.DataFrame(
                [(titles[name], rate, low, high) for name, rate, low, high in found.suggestions],
                columns=["Suggestion", "Rate", "Least", "Greatest"],
            ),
            dict.fromkeys(("Rate", "Least", "Greatest"), number_cells.rounded),
        ),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(help=text)
            for name, text in (
                ("Rate", "Median over the seeds."),
                ("Least", "Least over the seeds."),
                ("Greatest", "Greatest over the seeds."),
            )
        },
    )
    assert found.base_lr is not None
    assert found.max_lr is not None
    if by_hand is not None:
        st.caption(f"Your line: {number(by_hand, 3)}. Click in the chart to move it.")
    else:
        st.caption("Click in the chart to set a line of your own.")
    base_lr, max_lr, rate, origin = found.base_lr, found.max_lr, found.learning_rate or 0.0, found.origin
    if isinstance(policy, FixedSettings):
        rates[usual] = rate
        options = [*rates, *(["by hand"] if by_hand is not None else [])]
        chosen = st.selectbox(
            "Rate to take",
            options,
            index=options.index("by hand" if by_hand is not None else usual),
            format_func=lambda name: titles.get(name, "your line"),
            help="Which of the suggestions becomes the learning rate.",
        )
        rate = by_hand if chosen == "by hand" and by_hand is not None else rates[chosen]
        label = f"Use {number(rate, 3)} as the learning rate"
        origin = f"{origin} Rule: {titles.get(chosen, 'by hand')}."
    else:
        if by_hand is not None:
            base_lr, max_lr = min(base_lr, by_hand / 10), by_hand
            origin = f"{origin} Upper bound set by hand."
        both = policy.type == "clr"
        label = (
            f"Use {number(base_lr, 3)} to {number(max_lr, 3)}"
            if both
            else f"Use {number(max_lr, 3)} as max_lr"
        )
    if st.button(label.replace("_", r"\_"), type="primary", icon=":material/check:", width="stretch"):
        draft.take_policy(with_rates(policy, base_lr, max_lr, rate, origin))
        st.rerun()
