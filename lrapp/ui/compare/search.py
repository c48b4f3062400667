"""Results of a random search, while it runs and afterwards: the best trial, a chart for each setting, the table."""

from collections.abc import Sequence

import streamlit as st

from lrapp.charts import search
from lrapp.evaluation import scores
from lrapp.experiments import search_results
from lrapp.experiments.search_results import Found, SearchTrial
from lrapp.experiments.study_files import Study
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import draft, number_cells, resources, saving, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import model_for_use

# How drawn settings are written in tables.
DRAWN = dict.fromkeys(("Learning rate", "Dropout", "L2"), number_cells.rounded)


def show(study: Study, trials: Sequence[SearchTrial], *, live: bool = False) -> None:
    """Show the trials so far.

    Args:
        trials: In the order of their numbers.
        live: Whether some have not ended.
    """
    assert study.search is not None
    found = search_results.of_trials(study.search.space, trials)
    if found is None:
        st.caption(
            "The charts appear when the first trial has finished."
            if live
            else "No trial reached its first step, so there is nothing to draw."
        )
        return
    if live:
        st.caption(plain(found.so_far(), None))
    else:
        _best(study, found)
    _charts(study, found, live=live)
    if live and found.best is None:
        return
    table = found.table()
    st.dataframe(
        number_cells.written(
            table,
            DRAWN | {"Seconds": "{:,.1f}".format},
            {found.measure.capitalize(): [found.metric] * len(table)},
        ),
        hide_index=True,
        height=min(38 + 35 * len(trials), 420),
        placeholder="",
        column_config={
            found.measure.capitalize(): st.column_config.NumberColumn(
                help="With the weights that the model has: those of its best epoch."
            ),
            "Seconds": st.column_config.NumberColumn(help="Seconds of training."),
        },
    )


def csv(study: Study, trials: Sequence[SearchTrial]) -> bytes:
    """Return the table of the trials as CSV."""
    assert study.search is not None
    found = search_results.of_trials(study.search.space, trials)
    return b"" if found is None else to_csv_bytes(found.table())


def _best(study: Study, found: Found) -> None:
    best = found.best
    run = resources.store().get(study.members[best.number - 1].run_id) if best is not None else None
    st.subheader("What it shows", anchor=False)
    st.markdown(plain(found.verdict(scores.kept(run.scores_path) if run is not None else None), None))
    if left_out := found.left_out():
        st.warning(plain(left_out, None), icon=":material/warning:")
    if best is None or run is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Use these settings",
            type="primary",
            icon=":material/tune:",
            key=f"use.{study.id}",
            help=f"Puts the settings of trial {best.number:d} on the Train page, early stopping off as in the search; "
            "nothing trains until you press Train.",
        ):
            draft.start_from(run.settings)
        model_for_use.offer(run, best.history, best_of_search=True)
        st.page_link(
            session.state().pages["train"],
            label=f"Open trial {best.number:d}",
            icon=":material/open_in_new:",
            query_params={"run": run.id},
        )


def _charts(study: Study, found: Found, *, live: bool) -> None:
    assert study.search is not None
    points = found.points()
    if points.empty:
        return
    space = study.search.space
    wide = search.wide(points)
    for number, (name, _) in enumerate(space.varied):
        if number % 2 == 0:
            places = st.columns(2)
        spec = search.setting_spec(space, name, found.measure, upwards=found.upwards, log_measure=wide)
        frame, key = search.setting_frame(points, name), f"search.{study.id}.{name}"
        with places[number % 2]:
            if live:
                resources.draw(spec, frame, key=key)
            else:
                saving.saveable(spec, frame, f"search-{name}", key)
    said = "A point for each trial that finished; the diamond is the best."
    if (points["part"] == "diverged").any():
        said += " Crosses at the edge: diverged."
    st.caption(said)
