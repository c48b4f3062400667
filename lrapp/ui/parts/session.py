"""What a session keeps beside its widgets: one object, with a field for each thing.

A session is a tab of a browser, and ends when that is closed or loaded anew. Streamlit forgets what the widgets of
another page said; what is here stays. Widgets have keys of their own.
"""

import secrets
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from lrapp.execution import worker_setup
from lrapp.execution.worker_setup import WorkerKind

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from streamlit.navigation.page import StreamlitPage

    from lrapp.execution.tasks import Task
    from lrapp.policies.lr_range import RatesFound
    from lrapp.runs.store import EventReader
    from lrapp.settings import (
        DataKind,
        LayerSettings,
        ModelSettings,
        PolicySettings,
        RunSettings,
        Source,
        TrainingSettings,
    )
    from lrapp.ui.compare.page import PolicyRow
    from lrapp.ui.compare.search_form import SearchForm
    from lrapp.ui.parts.start_buttons import Button
    from lrapp.ui.parts.steps import Advice
    from lrapp.ui.run.previous import Previous
    from lrapp.ui.train.gradients import Check

_KEY = "lrapp"


@dataclass
class Session:
    """What is kept, by the page that it belongs to.

    Args:
        pages: By the end of their address; the first one is called ``train``.
        page: The page that is open, by the end of its address; empty until it was drawn once since another was open.
        reader_expected: Whether a process was made ready for this visitor's first file.
        worker_kind: Of which worker one was made ready last.
        tab_identity: Whose this tab is where the browser keeps no cookie.
        identity: Cookies, and the ids that they stand for.
        cancelled_reading: Key of the reading that this visitor has cancelled.
        start_buttons: Tokens of buttons that start something, by the buttons' names.
        expert: Whether this visitor sees the expert settings; None until that was looked up.
        expert_in_use: Expert settings that are hidden and not what they usually are: title and value.
        step: The step of the Train page that is open; empty while all are closed.
        steps_opened: How often another one was opened than the visitor's own click says.
        shown_run: Run that the Train page shows, or showed before another page was opened; empty for none.
        advice: Advice that was taken last, until it is undone or trained.
        proposed, proposals: Epochs, patience and batch size on the Train page that nobody has chosen, None once
            somebody has chosen epochs or patience, in the place of the batch size once that was; and how many of
            these there were.
        draft, draft_version: Settings of the Train page; the version changes when they are replaced as a whole.
        policies, policy_version: Policies set earlier, by type and family of optimizer; as above.
        link_trouble: What is wrong with the link that the session began with.
        other_data: Network, training and policy set earlier, by kind of data.
        last_upload: Streamlit's id of the file that was kept last.
        sources_chosen: How often an upload or a button has chosen the data, in the place of the list.
        failed_pictures: Why a set of pictures cannot be had, by set, size and colour.
        layers_before: Of the network that was there before one from elsewhere.
        augmented, augmenting: A batch as an image, and what it depends on; the same while it is being made.
        runs_before: Run that was on the stage when another was started, by the id of the other.
        previous: Of the run on the stage, what is known of the one before, and when its files were changed.
        left_run, shown_test: Run that was left for the setup of the next one; range test on the stage.
        first_steps: Run that is in its first epoch, when this tab first saw steps of it, and how many.
        reader, planned: Of the run that is shown: its events, and the line of its plan.
        exports: Files that are being made, by run and format.
        calibrations, thresholds, sizes: Runs that are being calibrated, given a threshold, or measured, by id.
        runs_table: Ids of the lines in the list of runs, its version, and the places that are chosen.
        runs_ticked, runs_opened, runs_all: Runs that are ticked in it, folds that are open, and whether all lines show.
        readers: Of runs side by side, by id.
        deleted_runs: Ids, with blanks between them, of what was deleted last.
        compare_rows, search_forms: What is set up for a comparison and a search, by family of optimizer.
        deleted_study, deleted_word: What was deleted last: its id and what it is called.
        study_readers, trial_settings: Of the study that is shown, by the id of its runs.
        model_shown: Run whose model the Predict page showed last.
        predictions, one_row: Predictions that are asked for by id, and arrays of one row by run.
        prediction_taken: Run and file, or files, that were taken last.
        prediction_error, prediction_ended: Run, and what went wrong with its last prediction; id of that.
        predictions_shown: Id of the prediction that was shown last, by run.
        predict_tabs: Table or row, by place.
        row_versions: How often the values of a row were put back to the usual ones, by its widgets' keys.
    """

    pages: "dict[str, StreamlitPage]" = field(default_factory=dict)
    page: str = ""
    reader_expected: bool = False
    worker_kind: WorkerKind = worker_setup.USUAL
    tab_identity: str = field(default_factory=lambda: f"tab-{secrets.token_hex(16)}")
    identity: tuple[dict[str, str], tuple[str, ...]] | None = None
    cancelled_reading: Hashable = None
    start_buttons: "dict[str, Button]" = field(default_factory=dict)
    expert: bool | None = None
    expert_in_use: dict[str, str] = field(default_factory=dict)
    step: str = "Data"
    steps_opened: int = 0
    shown_run: str = ""
    advice: "Advice | None" = None
    proposed: tuple[int, int, int | None] | None = None
    proposals: int = 0
    draft: "RunSettings | None" = None
    # By chance, as a browser that comes back after its session has ended sends what its fields held: under the keys of
    # a new session, some of it would be taken for this draft, and the rest would be missing.
    draft_version: int = field(default_factory=lambda: secrets.randbelow(2**31))
    policies: "dict[tuple[str, str], PolicySettings]" = field(default_factory=dict)
    policy_version: int = 0
    link_trouble: str = ""
    uploads: "list[Source]" = field(default_factory=list)
    other_data: "dict[DataKind, tuple[ModelSettings, TrainingSettings, PolicySettings]]" = field(
        default_factory=dict
    )
    last_upload: str = ""
    sources_chosen: int = 0
    failed_pictures: dict[Any, str] = field(default_factory=dict)
    layers_before: "tuple[LayerSettings, ...] | None" = None
    augmented: tuple[tuple[object, ...], bytes] | None = None
    augmenting: "tuple[tuple[object, ...], Task[np.ndarray]] | None" = None
    gradients: "Check | None" = None
    runs_before: dict[str, str] = field(default_factory=dict)
    previous: "tuple[tuple[str, tuple[tuple[int, int], ...]], Previous | None] | None" = None
    left_run: str = ""
    shown_test: str = ""
    first_steps: tuple[str, float, int] | None = None
    reader: "tuple[str, EventReader] | None" = None
    planned: "tuple[str, RatesFound | None, pd.DataFrame | None] | None" = None
    exports: "dict[tuple[str, str], Task[Path]]" = field(default_factory=dict)
    calibrations: "dict[str, Task[None]]" = field(default_factory=dict)
    thresholds: "dict[str, Task[None]]" = field(default_factory=dict)
    sizes: "dict[str, Task[None]]" = field(default_factory=dict)
    runs_table: tuple[list[str], int, list[int]] | None = None
    runs_ticked: list[str] = field(default_factory=list)
    runs_opened: set[str] = field(default_factory=set)
    runs_all: bool = False
    readers: "dict[str, EventReader]" = field(default_factory=dict)
    deleted_runs: str = ""
    study: str | None = None
    compare_what: str | None = None
    compare_numbers: dict[str, int] = field(default_factory=dict)
    compare_rows: "dict[str, list[PolicyRow]]" = field(default_factory=dict)
    search_forms: "dict[str, SearchForm]" = field(default_factory=dict)
    deleted_study: str = ""
    deleted_word: str = "comparison"
    study_readers: "tuple[str, dict[str, EventReader]] | None" = None
    trial_settings: "tuple[str, dict[str, RunSettings]] | None" = None
    model_shown: str | None = None
    predictions: "dict[str, Task[None]]" = field(default_factory=dict)
    one_row: "dict[str, Task[None]]" = field(default_factory=dict)
    prediction_taken: tuple[str, str] | None = None
    prediction_error: tuple[str, str] | None = None
    prediction_ended: str = ""
    predictions_shown: dict[str, str] = field(default_factory=dict)
    predict_tabs: dict[str, str] = field(default_factory=dict)
    row_versions: dict[str, int] = field(default_factory=dict)


def state() -> Session:
    """Return what this session keeps."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Session()
    kept: Session = st.session_state[_KEY]
    return kept


def start_with(key: str, value: object, *, anew: bool = False) -> None:
    """Say what a widget that is drawn next starts with; once it has a value, it keeps that.

    It is said in every run of the script, and sent with each. Said once, it would be lost where that run is cut short
    by a click: the browser would then show the widget's own default, and send that back as if a person had chosen it.

    Args:
        key: Of the widget.
        anew: Whether it starts with the value even if it has another one.
    """
    st.session_state[key] = value if anew else st.session_state.get(key, value)
