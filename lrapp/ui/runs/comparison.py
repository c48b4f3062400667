"""Several runs side by side: their curves in one group of charts, and the settings in which they differ."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from lrapp.charts import overlays
from lrapp.errors import UserError
from lrapp.experiments import run_differences, run_list, run_table
from lrapp.experiments.run_differences import MOST_RUNS, Compared, SideBySide
from lrapp.experiments.run_table import Row
from lrapp.palette import colour_of
from lrapp.phrasing import distinct
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, EventReader, Run
from lrapp.ui.parts import resources, saving, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import range_test

SECONDS_BETWEEN_LOOKS = 2.0
# Visible in both themes, behind black and white text.
_DIFFERS, _BEST = "background-color: rgba(230, 159, 0, 0.28)", "background-color: rgba(0, 158, 115, 0.30)"


def show(rows: Sequence[Row]) -> None:
    """Compare runs, at most ten; while one of them trains, its line grows.

    Args:
        rows: As the table lists them, the oldest first.
    """
    if len(rows) > MOST_RUNS:
        st.info(f"At most {MOST_RUNS} runs can be distinguished; the newest {MOST_RUNS} are compared.")
    tests = [row for row in rows if row.range_test]
    _runs([row for row in rows if not row.range_test][-MOST_RUNS:])
    if tests:
        st.caption("Range tests have no curves of training; theirs are here.")
    for row in tests[-MOST_RUNS:]:
        _range_test(row)


def _range_test(row: Row) -> None:
    st.markdown(f"**{plain(row.name, 200)}** · {row.created:%d %b, %H:%M:%S} UTC")
    run = _run(row)
    try:
        settings = run.settings
        history = run.history()
    except (UserError, OSError):
        st.warning(plain(row.trouble, None), icon=":material/warning:")
        return
    if history.sweeps:
        range_test.curve(history, settings.range_test, f"runs.range_test.{row.id}")
    else:
        st.caption("It ended before it tried a rate." if row.state in ENDED else "It has not begun yet.")


def _run(row: Row) -> Run:
    return Run(resources.store().home / "runs" / row.id)


def _runs(rows: Sequence[Row]) -> None:
    compared, histories = [], []
    for row in rows:
        run = _run(row)
        try:
            if row.state is None:
                raise UserError(row.trouble)
            compared.append(Compared(row, run.settings, run_table.short_history(run).found))
            histories.append(run)
        except (UserError, OSError):
            st.warning(
                f"{plain(row.name)} is left out: {plain(row.trouble, None)}", icon=":material/warning:"
            )
    if not compared:
        return
    differences = run_list.differing(one.row for one in compared)
    called = [_called(one.row, differences[one.row.id]) for one in compared]
    names = distinct(called, apart=[f"{one.row.created:%d %b, %H:%M:%S}" for one in compared])
    live = any(one.row.state not in ENDED for one in compared)
    # A fragment, so that another axis does not rerun the whole page.
    resources.fragment(_charts, SECONDS_BETWEEN_LOOKS if live else None)(histories, names, live=live)
    if len(compared) < 2:
        return
    table = run_differences.side_by_side(compared)
    for remark in table.remarks:
        st.info(plain(remark, None), icon=":material/info:")
    _differences(table)


def _called(row: Row, difference: str) -> str:
    """What a run is called beside others: what differs comes first, as long names are cut at their end."""
    named = row.name == row.title  # by a person
    return row.title if named or not difference else f"{difference} · {row.title}"


def _differences(table: SideBySide) -> None:
    def looks(frame: pd.DataFrame) -> pd.DataFrame:
        styles = pd.DataFrame("", index=frame.index, columns=frame.columns)
        for places, style in ((table.differing, _DIFFERS), (table.best, _BEST)):
            for row, column in places:
                styles.iat[row, column] = style
        return styles

    st.dataframe(
        table.frame.style.apply(looks, axis=None),
        height=min(38 + 35 * len(table.frame), 600),
        column_config={"_index": st.column_config.TextColumn("", width="medium", pinned=True)},
    )
    st.caption(
        "Scores, and below them the settings that are not the same in all runs. Coloured: not as in the first run."
        if table.differing
        else "Scores. These runs have the same settings; what differs is chance, or the version of the app."
    )


def _readers(runs: Sequence[Run]) -> list[EventReader]:
    """The session's readers of these runs, which remember what they have read."""
    kept = session.state().readers
    readers = {run.id: kept.get(run.id) or EventReader(run) for run in runs}
    session.state().readers = readers
    return list(readers.values())


def _charts(runs: Sequence[Run], names: Sequence[str], *, live: bool = False) -> None:
    # The status first: an ended run has written all its events.
    ended = all(_ended(run) for run in runs)
    histories: list[History] = [reader.read() for reader in _readers(runs)]
    if live and ended:
        st.rerun()
    if not any(history.steps_done for history in histories):
        st.caption(
            "These runs ended before their first step, so there is nothing to draw."
            if ended
            else "The charts appear with the first steps."
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        axis: overlays.Axis = (
            st.segmented_control(
                "Axis", ["epoch", "step"], default="epoch", key="overlay_axis", label_visibility="collapsed"
            )
            or "epoch"
        )
        log_loss = st.toggle(
            "Logarithmic loss",
            key="overlay_log_loss",
            help="Spreads small losses out, for runs that fall by powers of ten.",
        )
    with st.container(key="run_charts"):
        saving.saveable(
            overlays.overlay_spec(
                names,
                overlays.metrics_of(histories),
                axis,
                log_loss=log_loss,
                colours=[colour_of(run.id) for run in runs],
            ),
            overlays.overlay_frame(histories, names, axis),
            "runs",
            "overlay." + ".".join(run.id for run in runs),
            live=True,
        )
    st.caption(
        "Click a name above the charts to see that run alone, with Shift several. "
        "Drag to move, Shift and wheel to zoom, double click to see all."
        + (f" {overlays.SEVERAL}" if any(map(overlays.of_several, histories)) else "")
    )


def _ended(run: Run) -> bool:
    try:
        return run.status.state in ENDED
    except UserError:
        return True
