"""The Data step for a table: what the columns are, what to predict, how to split and prepare."""

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.errors import UserError
from lrapp.phrasing import counted, quoted
from lrapp.preparation import expected_shape
from lrapp.runs.store import SAMPLES
from lrapp.settings import (
    DataSettings,
    DialectSettings,
    SampleSource,
    Source,
    Task,
)
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.ui.parts import choices, draft, fields, reading, resources
from lrapp.ui.parts.kinds import Offer
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import Chosen

if TYPE_CHECKING:
    from lrapp.tables.reading import Table
    from lrapp.tables.text.dialects import Dialect

MOST_SHOWN_COLUMNS = 50
_DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar", " ": "Space", ":": "Colon"}
# Delimiters of aligned text; detected, never chosen.
_RUNS = {"  ": "Two or more spaces", "\t\t": "Tabs in a row"}
_ENCODINGS = ["utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "shift_jis", "gb18030", "mac_roman"]
# Settings that do not apply to spreadsheets, whose cells are separate already.
_OF_TEXTS = ("encoding", "delimiter", "quote")
# Choices that override detection; None leaves it to detection.
_OVERRULES: dict[str, dict[Any, str]] = {
    "encoding": {None: "Auto-detect"} | {encoding: encoding for encoding in _ENCODINGS},
    "delimiter": {None: "Auto-detect"} | _DELIMITERS,
    "quote": {None: "Auto-detect", '"': 'Double "', "'": "Single '", "": "None"},
    "header": {None: "Auto-detect", True: "First row holds names", False: "No header"},
    "decimal": {None: "Auto-detect", ".": "Point 1.5", ",": "Comma 1,5"},
    "thousands": {
        None: "Auto-detect",
        "": "None",
        ",": "Comma 1,000",
        ".": "Point 1.000",
        " ": "Space 1 000",
        "'": "Apostrophe 1'000",
    },
    "date_order": {None: "Auto-detect", "dmy": "Day first 31/12", "mdy": "Month first 12/31"},
    "missing_words": {None: "Auto-detect", "missing": "Missing", "values": "Categories"},
}


def card(data: DataSettings) -> Chosen:
    """Show the card of a table below the choice of the source, and return what was chosen."""
    name = f"data.{data_choice.short_id(data.source)}"
    try:
        drawer = resources.drawer(
            "How the file is read", ":material/description:", draft.key(f"{name}.dialect")
        )
        with drawer:
            data = data.model_copy(update={"dialect": _dialect(data, name, shown=bool(drawer.open))})
        plain_table = resources.table(data.model_copy(update={"kinds": {}}))
        _summary(plain_table, name)
        data = data.model_copy(update={"kinds": _kinds(data, plain_table.kinds, name)})
        table = resources.table(data)
    except reading.StillReading as still:
        reading.show(still.work)
        return Chosen(data, obstacle="the table is still being read")
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        reading.offer_again(error, draft.key("data.again"))
        return Chosen(data, obstacle="the table cannot be used yet; the Data step says why")
    for note in table.notes[len(plain_table.notes) :]:
        st.caption(plain(note, 400))
    return _target(data, table, name)


# --- which tables there are -----------------------------------------------------------------------------------


def offers() -> dict[Source, Offer]:
    """Return the tables that come with the app."""
    return {
        SampleSource(name=entry["file"]): Offer(f"Sample: {entry['title']}", about=entry["about"])
        for entry in _samples()
    }


@st.cache_data
def _samples() -> list[dict[str, str]]:
    entries: list[dict[str, str]] = json.loads((SAMPLES / "index.json").read_text("utf-8"))
    return entries


def usual_target(source: Source) -> str | None:
    """Return what a sample table is there to predict; None for an uploaded one."""
    return next((entry["target"] for entry in _samples() if SampleSource(name=entry["file"]) == source), None)


# --- how it is read ------------------------------------------------------------------------------------------


def _dialect(data: DataSettings, name: str, *, shown: bool) -> DialectSettings:
    current = data.dialect
    if not shown:
        return DialectSettings(
            **{
                field: st.session_state.get(draft.key(f"{name}.dialect.{field}"), getattr(current, field))
                for field in _OVERRULES
            }
        )
    table, found = None, None
    try:
        table = resources.table(data.model_copy(update={"kinds": {}}))
        found = table.dialect
    except UserError:
        # The card shows the error below the choices that may solve it.
        st.caption("It cannot be read this way: change the settings above, or upload another file.")
    else:
        if found is None:
            st.caption("Of a spreadsheet, only how its cells are read can be changed.")
        else:
            st.caption(_in_words(found))
    places = st.columns(2)
    asked = [field for field in _OVERRULES if table is None or found is not None or field not in _OF_TEXTS]
    values = {
        field: _overrule(places[number % 2], field, _OVERRULES[field], current, name)
        for number, field in enumerate(asked)
    }
    return current.model_copy(update=values)


def _in_words(found: "Dialect") -> str:
    delimiter = (_DELIMITERS | _RUNS).get(found.delimiter, repr(found.delimiter)).lower()
    words = [
        f"encoding {found.encoding}",
        f"delimiter {delimiter}",
        "a header" if found.header else "no header",
        f"decimal mark {found.decimal}",
    ]
    if found.thousands:
        words.append(f"thousands grouped by {found.thousands!r}")
    return plain("Detected: " + ", ".join(words) + ".", None)


def _overrule(
    place: DeltaGenerator, field: str, labels: dict[Any, str], current: DialectSettings, name: str
) -> Any:
    value = getattr(current, field)
    options = [*labels, *([] if value in labels else [value])]
    info = DialectSettings.model_fields[field]
    return place.selectbox(
        info.title or field,
        options,
        index=options.index(value),
        format_func=lambda option: labels.get(option, str(option)),
        key=draft.key(f"{name}.dialect.{field}"),
        help=info.description,
    )


def _summary(table: "Table", name: str) -> None:
    rows, columns = table.frame.shape
    counts = ((rows, "row"), (columns, "column"))
    st.markdown(", ".join(f"**{count:,}** {word}{'' if count == 1 else 's'}" for count, word in counts))
    if table.notes:
        with st.expander(f"Notes ({len(table.notes)})", icon=":material/info:"):
            for note in table.notes:
                st.markdown(f"- {plain(note, 400)}")
            if table.repairs:
                st.caption(f"{counted(table.repaired_rows, 'row')} had to be repaired:")
                st.dataframe(
                    pd.DataFrame(
                        {"line": [r.line for r in table.repairs], "what": [r.what for r in table.repairs]}
                    ),
                    hide_index=True,
                    height=200,
                )
    drawer = resources.drawer("First rows", ":material/table_rows:", draft.key(f"{name}.rows"))
    if drawer.open:
        with drawer:
            if columns > MOST_SHOWN_COLUMNS:
                st.caption(f"The first {MOST_SHOWN_COLUMNS} of {columns:,} columns.")
            st.dataframe(table.frame.iloc[:100, :MOST_SHOWN_COLUMNS], hide_index=True, height=240)


# --- what the columns are ------------------------------------------------------------------------------------


def _kinds(data: DataSettings, detected: dict[str, ColumnKind], name: str) -> dict[str, ColumnKind]:
    key = draft.key(f"{name}.kinds")
    base_key = f"{key}.base"
    if key not in st.session_state or base_key not in st.session_state:
        # The editor's initial table must not change, or it forgets what was edited.
        st.session_state[base_key] = data.kinds
    base: dict[str, ColumnKind] = st.session_state[base_key]
    start = {column: base.get(column, kind) for column, kind in detected.items()}
    columns = list(detected)
    edits: dict[int, dict[str, str]] = st.session_state.get(key, {}).get("edited_rows", {})
    chosen = start | {
        columns[row]: ColumnKind(edit["kind"]) for row, edit in edits.items() if edit.get("kind")
    }
    left_out = sum(
        kind in (ColumnKind.IDENTIFIER, ColumnKind.CONSTANT, ColumnKind.TEXT) for kind in chosen.values()
    )
    title = "Columns" + (f" ({left_out} left out)" if left_out else "")
    drawer = resources.drawer(title, ":material/view_column:", f"{key}.drawer")
    if drawer.open:
        with drawer:
            _kinds_editor(data, start, key)
    return {column: kind for column, kind in chosen.items() if kind != detected[column]}


def _kinds_editor(data: DataSettings, start: dict[str, ColumnKind], key: str) -> None:
    """Show the columns; edits are in the session, under the key."""
    st.caption("Identifiers, constants and long texts are left out. Change a kind that was detected wrongly.")
    found = resources.overview(data)
    shown = found.drop(columns=["reason"]).assign(kind=[start[name].value for name in found["name"]])
    st.data_editor(
        shown,
        key=key,
        hide_index=True,
        height=min(38 + 35 * len(shown), 420),
        disabled=["name", "missing", "distinct", "distribution", "examples"],
        column_config={
            "name": st.column_config.TextColumn("Column", width="small"),
            "kind": st.column_config.SelectboxColumn(
                "Kind",
                options=[kind.value for kind in ColumnKind],
                required=True,
                width="small",
                help="What the network is given: a number as it is, a category as one input for each value.",
            ),
            "missing": st.column_config.ProgressColumn(
                "Missing", format="%.1f %%", min_value=0, max_value=100, width="small"
            ),
            "distinct": st.column_config.NumberColumn("Distinct", width="small"),
            "distribution": st.column_config.BarChartColumn("Distribution", width=94),
            "examples": st.column_config.TextColumn("Examples"),
        },
    )


# --- what to predict -----------------------------------------------------------------------------------------

_NOT_YET = "the data cannot be used yet; the Data step says why"
_TASKS: dict[Task | None, str] = {
    None: "Detected from the target",
    "binary": "Two classes",
    "multi-class": "Several classes",
    "regression": "A number",
}


def _target(data: DataSettings, table: "Table", name: str) -> Chosen:
    from lrapp.preparation import targets

    columns = targets.target_choices(table)
    if not columns:
        st.error(
            "No column can be predicted: each is a date, an identifier, a constant or a long text. Change a kind above."
        )
        return Chosen(data, obstacle="there is no column to predict")
    start = (
        data.target if data.target in columns else usual_target(data.source) or targets.default_target(table)
    )
    left, right = st.columns(2, vertical_alignment="bottom")
    target = left.selectbox(
        "Target",
        columns,
        index=columns.index(start) if start in columns else 0,
        format_func=choices.texts(columns, str),
        key=draft.key(f"{name}.target"),
        help="The column that the model will predict from the others.",
    )
    task = right.selectbox(
        "Task",
        list(_TASKS),
        index=list(_TASKS).index(data.task),
        format_func=lambda choice: _TASKS[choice],
        key=draft.key(f"{name}.task"),
        help=DataSettings.model_fields["task"].description,
    )
    key = draft.key("data")
    drawer = resources.drawer("Missing values, scaling and split", ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        chosen = ask(
            data,
            ["validation_share", "test_share", "split_seed", "stratify"],
            key,
        )
        others = [column for column in table.kinds if column != target]
        chosen |= _split(data, others, key, f"{name}.split_column", shown=bool(drawer.open))
        chosen |= ask(
            data,
            [
                "missing_numbers",
                "missing_flags",
                "scaling",
                "clip",
                "min_category_rows",
                "max_categories",
                "class_weights",
                "target_transform",
            ],
            key,
        )
    data = data.model_copy(update=chosen | {"target": target, "task": task})
    try:
        found: Task = targets.check_data(table, data)
        data_choice.check_split(data, found)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return Chosen(data, expected_shape.training_rows(table, data), obstacle=_NOT_YET)
    if task is None:
        st.caption(f"Task: {_TASKS[found].lower()}, detected from the target.")
    if data_choice.suits_logarithm(data, found):
        title = DataSettings.model_fields["target_transform"].title
        st.caption(
            plain(
                f"{quoted([target])} is never negative and has a long tail: a logarithm may suit it (“{title}”, in the "
                "drawer with scaling).",
                None,
            )
        )
    expected = data_choice.expected(data, found)
    return Chosen(data, expected.rows, expected)


def _split(data: DataSettings, columns: list[str], key: str, name: str, *, shown: bool) -> dict[str, Any]:
    """Ask how rows are divided, by which column where that is asked for, and into how many folds."""
    if not shown:
        split = fields.kept(data, ["split", "split_column_input", "folds"], key)
        column = st.session_state.get(draft.key(name), data.split_column)
        return split | {"split_column": column if split["split"] != "random" else None}
    left, right = st.columns(2, vertical_alignment="bottom")
    split = fields.widget(data, "split", key, into=left)
    if split == "random":
        folds = fields.widget(data, "folds", key)
        _tell_folds(folds)
        return {"split": split, "split_column": None, "split_column_input": False, "folds": folds}
    info = DataSettings.model_fields["split_column"]
    column = right.selectbox(
        info.title or "",
        columns,
        index=columns.index(data.split_column) if data.split_column in columns else None,
        format_func=choices.texts(columns, str),
        placeholder="Choose a column",
        key=draft.key(name),
        help=info.description,
    )
    chosen = fields.choose(data, ["folds", "split_column_input"], key)
    _tell_folds(chosen["folds"])
    if split == "time":
        st.caption("Times alone divide the rows: “Keep class shares” and “Split seed” change nothing.")
    return {"split": split, "split_column": column} | chosen


def _tell_folds(folds: int) -> None:
    if folds > 1:
        st.caption("Every row that does not test is in one of the folds; the validation share is not used.")
