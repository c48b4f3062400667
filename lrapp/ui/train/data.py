"""The Data step for a table: what the columns are, what to predict, how to split and prepare."""

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.errors import UserError
from lrapp.phrasing import counted, quoted
from lrapp.preparation import expected_shape
from lrapp.progress import Stopped
from lrapp.runs.store import SAMPLES
from lrapp.settings import (
    DataSettings,
    DialectSettings,
    SampleSource,
    Source,
    Task,
)
from lrapp.ui.parts import access, choices, draft, expert, fields, reading, resources
from lrapp.ui.parts.kinds import Offer
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import Chosen

if TYPE_CHECKING:
    from lrapp.tables.reading import Table
    from lrapp.tables.text.dialects import Dialect

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


def show(data: DataSettings) -> Chosen:
    """Show the step for a table below the choice of the source, and return what was chosen."""
    name = f"data.{data_choice.short_id(data.source)}"
    try:
        data = _reading(data, name)
        plain_table = resources.table(_as_detected(data))
        if len(plain_table.sheets) > 1:
            data = _sheet(data, plain_table.sheets, name)
            plain_table = resources.table(_as_detected(data))
        _summary(plain_table)
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


def _as_detected(data: DataSettings) -> DataSettings:
    return data.model_copy(update={"kinds": {}})


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


def _reading(data: DataSettings, name: str) -> DataSettings:
    """Let experts, and whoever has a file that cannot be read otherwise, say how it is read."""
    if not expert.on() and _usual(data.dialect) and _can_be_read(data):
        return data
    drawer = resources.drawer("How the file is read", ":material/description:", draft.key(f"{name}.dialect"))
    with drawer:
        return data.model_copy(update={"dialect": _dialect(data, name, shown=bool(drawer.open))})


def _usual(dialect: DialectSettings) -> bool:
    return dialect == DialectSettings(sheet=dialect.sheet)


def _sheet(data: DataSettings, sheets: tuple[str, ...], name: str) -> DataSettings:
    """Ask which sheet holds the table; what was chosen for the columns of another one is forgotten."""
    info = DialectSettings.model_fields["sheet"]
    options = ["", *sheets]
    current = data.dialect.sheet or ""
    chosen = st.selectbox(
        info.title or "",
        options,
        index=options.index(current) if current in options else 0,
        format_func=choices.texts(options, lambda sheet: sheet or "The first with a value"),
        key=draft.key(f"{name}.sheet"),
        help=info.description,
    )
    if (chosen or None) == data.dialect.sheet:
        return data
    dialect = data.dialect.model_copy(update={"sheet": chosen or None})
    anew: dict[str, Any] = {"kinds": {}, "left_out": (), "gap_codes": {}, "target": None, "task": None}
    data_choice.renew_fields()
    return data.model_copy(update={"dialect": dialect, **anew})


def _can_be_read(data: DataSettings) -> bool:
    if not access.may_use(data.source):
        return True  # the page says so
    try:
        resources.table(_as_detected(data))
    except (reading.StillReading, Stopped):
        return True
    except UserError:
        return False
    return True


def _dialect(data: DataSettings, name: str, *, shown: bool) -> DialectSettings:
    current = data.dialect
    if not shown:
        return current.model_copy(
            update={
                field: st.session_state.get(draft.key(f"{name}.dialect.{field}"), getattr(current, field))
                for field in _OVERRULES
            }
        )
    table, found = None, None
    try:
        table = resources.table(_as_detected(data))
        found = table.dialect
    except UserError:
        # The step shows the error below the choices that may solve it.
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
        f"decimal {'points' if found.decimal == '.' else 'commas'}",
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


def _summary(table: "Table") -> None:
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


# --- what to predict -----------------------------------------------------------------------------------------

_USUAL = ["missing_numbers", "scaling", "class_weights", "target_transform"]
_FOR_EXPERTS = ["split_seed", "stratify", "missing_flags", "clip", "min_category_rows", "max_categories"]
_NOT_YET = "the data cannot be used yet; the Data step says why"
_TASKS: dict[Any, str] = {
    data_choice.DETECTED: "Detected from the target",
    "binary": "Two classes",
    "multi-class": "Several classes",
    "regression": "A number",
}


def _target(data: DataSettings, table: "Table", name: str) -> Chosen:
    from lrapp.preparation import targets

    columns = targets.target_choices(table)
    if not columns:
        st.error(
            "No column can be predicted: each is a date, an identifier, a constant or a long text. "
            "Change a type in the table of columns."
        )
        return Chosen(data, obstacle="there is no column to predict")
    # There is nothing to ask where a single column can be predicted.
    usual = columns[0] if len(columns) == 1 else usual_target(data.source)
    start = data.target if data.target in columns else usual
    key = data_choice.field_key(data.source, "target")
    if st.session_state.get(key) not in (None, *columns):
        data_choice.renew_fields()  # the file is read otherwise now, and has other columns
        key = data_choice.field_key(data.source, "target")
    target = st.selectbox(
        "Target",
        columns,
        index=columns.index(start) if start in columns else None,
        format_func=choices.texts(columns, str),
        placeholder="What should be predicted?",
        key=key,
        help="The column that the model will predict from the others.",
    )
    if target is None:
        return Chosen(data.model_copy(update={"target": None}), obstacle=data_choice.NO_TARGET)
    chosen_task = data.task or data_choice.DETECTED
    if expert.on() or data.task is not None:
        chosen_task = st.selectbox(
            "Task",
            list(_TASKS),
            index=list(_TASKS).index(chosen_task),
            format_func=lambda choice: _TASKS[choice],
            key=data_choice.field_key(data.source, "task"),
            help=DataSettings.model_fields["task"].description,
        )
    task = None if chosen_task == data_choice.DETECTED else chosen_task
    key = draft.key("data")
    drawer = resources.drawer("Gaps, scaling and split", ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        chosen = ask(data, ["validation_share", "test_share"], key)
        others = [column for column in table.kinds if column != target]
        chosen |= _split(data, others, f"{name}.split_column", shown=bool(drawer.open))
        names = _USUAL if not expert.on() else [*_FOR_EXPERTS[:2], *_USUAL, *_FOR_EXPERTS[2:]]
        chosen |= ask(data, names, key)
    expert.tell(data, _FOR_EXPERTS)
    left_out = tuple(column for column in data.left_out if column != target)
    data = data.model_copy(update=chosen | {"target": target, "task": task, "left_out": left_out})
    try:
        found: Task = targets.check_data(table, data)
        data_choice.check_split(data, found)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return Chosen(data, expected_shape.training_rows(table, data), obstacle=_NOT_YET)
    if task is None:
        st.caption(f"Task: {_TASKS[found].lower()}.")
    if data_choice.suits_logarithm(data, found):
        title = DataSettings.model_fields["target_transform"].title
        st.caption(
            plain(
                f"{quoted([target])} is never negative and has a long tail: a logarithm may suit it (“{title}”, under "
                "“Gaps, scaling and split”).",
                None,
            )
        )
    expected = data_choice.expected(data, found)
    return Chosen(data, expected.rows, expected)


def _split(data: DataSettings, columns: list[str], name: str, *, shown: bool) -> dict[str, Any]:
    """Ask how rows are divided, by which column where that is asked for, and into how many folds."""
    key = data_choice.field_key(data.source, "split")
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
