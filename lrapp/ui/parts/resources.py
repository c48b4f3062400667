"""What all pages share: the store, the queue, tables that were read, and making foreign text plain."""

import gc
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from lrapp.charts import training
from lrapp.errors import UserError
from lrapp.execution import worker_setup
from lrapp.execution.queue import Jobs
from lrapp.execution.reading_desk import Desk
from lrapp.runs import notes
from lrapp.runs.store import Run, Store
from lrapp.sandbox import sources
from lrapp.sandbox import uploads as uploaded_files
from lrapp.sandbox.readers import Readers
from lrapp.sandbox.uploads import Uploads
from lrapp.settings import DataSettings, RunSettings, UploadedSource
from lrapp.ui.parts import access, reading, session
from lrapp.ui.parts.plain_text import plain

if TYPE_CHECKING:
    import pandas as pd

    from lrapp.tables.reading import Table

P = ParamSpec("P")


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Return the one store of this server."""
    return Store.default()


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    """Return the one queue of this server."""
    made = Jobs(store())
    _made.append(made)
    return made


_made: list[Jobs] = []


def close() -> None:
    """End the queue and its worker, where there is one, because the server ends."""
    while _made:
        _made.pop().close()


@st.cache_resource(show_spinner=False)
def uploads() -> Uploads:
    """Return what reads the uploaded files of this server, in processes of their own.

    Raises:
        UserError: If the limits in the environment are not valid.
    """
    uploaded_files.tidy(store().home)
    return Uploads(store(), Readers(ready=True))


@st.cache_resource(show_spinner=False)
def desk() -> Desk:
    """Return what is being read, and what was read last, on this server."""
    return Desk()


def prewarm(settings: RunSettings) -> None:
    """Start a worker of the kind that these settings need, unless this tab asked for that kind last."""
    kind = worker_setup.kind_for(settings)
    if kind != session.state().worker_kind:
        session.state().worker_kind = kind
        jobs().prewarm(kind)


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Exclude what this server keeps for good from garbage collection.

    Streamlit collects after every rerun, however small; with all that libraries have loaded it takes a tenth of a
    second, in which nothing else is answered.
    """
    gc.collect()
    gc.freeze()


def table(data: DataSettings) -> "Table":
    """Return the table that the settings name, as they say to read it.

    Raises:
        StillReading: If that takes longer than a moment.
        UserError: If it is not there, cannot be read, or is somebody else's.
    """
    read = _table(data.model_copy(update={"kinds": {}}))
    # A saved choice may name a column that this reading of the file does not have.
    kinds = {name: kind for name, kind in data.kinds.items() if read.kinds.get(name, kind) != kind}
    return _table(data.model_copy(update={"kinds": kinds})) if kinds else read


def _table(data: DataSettings) -> "Table":
    source, dialect, kinds, codes = data.source, data.dialect, data.kinds, data.gap_codes
    access.require_table(source)
    data = DataSettings(source=source, dialect=dialect, kinds=kinds, gap_codes=codes)
    if not isinstance(source, UploadedSource):
        return _sample(data.model_dump_json(), data)
    key = ("table", source, dialect, tuple(sorted(kinds.items())), tuple(sorted(codes.items())))
    return reading.get(
        desk(),
        key,
        source.name,
        lambda watch: uploads().table(source, dialect, kinds, should_stop=watch.should_stop, gap_codes=codes),
    )


# The samples are ours, small, and there before any process could be: they are read here.
@st.cache_resource(max_entries=4, ttl="1h", show_spinner="Reading the table …")
def _sample(data: str, _data: DataSettings) -> "Table":
    return sources.read_table(store(), _data)


def overview(data: DataSettings) -> "pd.DataFrame":
    """Return a row for each column of a table, as ``column_summary`` says, with the kinds that were detected."""
    data = DataSettings(source=data.source, dialect=data.dialect, gap_codes=data.gap_codes)
    return _overview(data.model_dump_json(), _table(data))


@st.cache_data(max_entries=8, ttl="1h", show_spinner="Looking at the columns …")
def _overview(data: str, _read: "Table") -> "pd.DataFrame":
    from lrapp.tables.column_summary import overview as look

    return look(_read)


def visible_runs() -> list[Run]:
    """Return the runs that this visitor may see in a list, the newest first.

    On a public server LRAPP_RUNS=own keeps each visitor to what they made and to what the address names.
    """
    return [run for run in store().runs() if access.may("look", run)]


def fragment(part: Callable[P, None], every: float | None = None) -> Callable[P, None]:
    """Return a part of a page as a fragment that reruns by itself and shows its own errors.

    Args:
        part: Draws the part; each rerun gets the arguments of the first call.
        every: Seconds from one drawing to the next; None when only its own widgets ask for one.
    """

    @wraps(part)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            part(*args, **kwargs)
        except reading.StillReading as still:
            reading.show(still.work)
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")

    return st.fragment(guarded, run_every=every)


def drawer(title: str, icon: str, key: str, *, expanded: bool = False) -> ExpanderContainer:
    """Return an expander whose contents are to be made only while its ``open`` is true.

    What a closed one holds would cost every visit and every change of a field as much as what can be seen. A widget
    that was drawn in it keeps its value for one more run of the page: read it (``fields.kept``), because a field that
    is left by closing the drawer is changed and gone at once.

    Args:
        title: What stands on it; it may change while the drawer is open.
        key: Of the drawer, the same for all titles.
    """
    # A fixed key, or a changed title would make it a new drawer, and closed.
    session.start_with(key, expanded)
    return st.expander(title, icon=icon, key=key, on_change="rerun")


def draw(
    spec: dict[str, Any], points: "pd.DataFrame", key: str, selection: str | None = None
) -> list[dict[str, Any]]:
    """Show a chart of ``charts`` with its points; a chart with the same key and specification keeps its zoom.

    Args:
        selection: Name of a selection in the specification that the page wants to know.

    Returns:
        What is selected; empty without a selection.
    """
    whole = spec | {"datasets": {training.POINTS: points}}
    if selection is None:
        st.vega_lite_chart(spec=whole, width="stretch", key=key)
        return []
    state = st.vega_lite_chart(
        spec=whole, width="stretch", key=key, on_select="rerun", selection_mode=selection
    )
    return list(state["selection"].get(selection, []))


def run_title(run: Run) -> str:
    """Return what to call a run in a list: its name, or what it predicts and when it was started."""
    try:
        settings = run.settings
        if name := notes.name_of(run):
            return name
        what = "Range test for " if settings.mode == "range test" else ""
        return f"{what}{settings.data.title}, {run.status.created:%d %b %H:%M:%S} UTC"
    except UserError:
        return f"Damaged run {run.id}"


def started(run: Run) -> str:
    """Return when a run was started, which tells it from others of the same name."""
    try:
        return f"{run.status.created:%d %b %Y, %H:%M:%S} UTC"
    except UserError:
        return run.id


def undo(sentence: str) -> bool:
    """Say that something was deleted, and return whether the person asks to have it back."""
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.info(sentence, icon=":material/delete:")
    return right.button("Undo", icon=":material/undo:", width="stretch")
