"""The columns of the table, on the stage: what each is there for, what it is, and what looks wrong with it."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from lrapp.errors import UserError
from lrapp.phrasing import counted, percent
from lrapp.preparation import column_roles
from lrapp.preparation.column_roles import Role
from lrapp.settings import DataSettings, Task
from lrapp.tables.columns.coded_gaps import as_written
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.ui.parts import draft, reading, resources
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import Chosen

if TYPE_CHECKING:
    from lrapp.tables.gap_codes import GapCode
    from lrapp.tables.leaks import Leak
    from lrapp.tables.reading import Table

MOST_SHOWN = 100
_MOST_ADVICE = 5
_MOST_NAMED = 5
# A bar of one row beside one of thousands would have no height.
_LEAST_BAR = 0.04
_EDITABLE = ("role", "kind", "gaps")


def show(chosen: Chosen) -> None:
    """Show the columns of a table; nothing while it cannot be read.

    Args:
        chosen: What the Data step found.
    """
    data = chosen.data
    try:
        table = resources.table(data.model_copy(update={"kinds": {}}))
    except (UserError, reading.StillReading):
        return  # the Data step says so
    with st.container(key="columns"):
        st.subheader("Columns", anchor=False)
        with suppress(UserError, reading.StillReading):  # as a column may be of a kind that it cannot be
            _advise(chosen)
        _editor(data, table)
        _first_rows(data, table)


# --- what looks wrong ----------------------------------------------------------------------------------------


def _advise(chosen: Chosen) -> None:
    data = chosen.data
    lines: list[tuple[str, str, Any, tuple[Any, ...]]] = []
    for code in _codes(_read(data).model_dump_json()):
        if code.column in data.left_out:
            continue
        lines.append((_of_code(code, data.target), "Make it a gap", _make_gap, (code.column, code.code)))
    if chosen.outlook is not None:
        asked = _read(data).model_copy(update={"target": data.target, "left_out": data.left_out})
        for leak in _leaks(asked.model_dump_json(), chosen.outlook.task):
            lines.append((_of_leak(leak, str(data.target)), "Leave it out", _leave_out, (leak.column,)))
    for place, (text, label, change, given) in enumerate(lines[:_MOST_ADVICE]):
        with st.container(horizontal=True, vertical_alignment="center", key=f"column-advice-{place}"):
            st.markdown(f":material/warning: {text}", width="stretch")
            st.button(label, key=draft.key(f"columns.advice.{place}"), on_click=change, args=given)
    if len(lines) > _MOST_ADVICE:
        st.caption(f"{counted(len(lines) - _MOST_ADVICE, 'more column')} like these will follow.")


def _of_code(code: "GapCode", target: str | None) -> str:
    name, written = plain(code.column), as_written(code.code)
    share = f"{percent(code.share)} of the rows" if code.share >= 0.001 else "some rows"
    what = " The target has it, too." if code.column == target else ""
    return f"**{name}** is {plain(written, None)} in {share}, far from all its other numbers: does it mean a gap?{what}"


def _of_leak(leak: "Leak", target: str) -> str:
    name, asked = plain(leak.column), plain(target)
    if leak.copy:
        return f"**{name}** is almost the same as **{asked}** in other words: will it be known beforehand?"
    told = (
        f"{100 * leak.alone:.0f} % of {asked} alone, all others together {100 * max(0.0, leak.others):.0f} %"
    )
    return f"**{name}** explains {told}: will it be known beforehand?"


def _read(data: DataSettings) -> DataSettings:
    """What of the settings decides how the table is read."""
    return DataSettings(**{name: getattr(data, name) for name in ("source", "dialect", "kinds", "gap_codes")})


@st.cache_data(max_entries=32, show_spinner=False)
def _codes(data: str) -> "tuple[GapCode, ...]":
    from lrapp.tables import gap_codes

    return gap_codes.suspects(resources.table(DataSettings.model_validate_json(data)))


@st.cache_data(max_entries=32, show_spinner="Looking for columns that give the answer away …")
def _leaks(data: str, task: Task) -> "tuple[Leak, ...]":
    from lrapp.tables import leaks

    asked = DataSettings.model_validate_json(data)
    table = resources.table(asked)
    inputs = set(table.kinds) - set(asked.left_out)
    return leaks.suspects(table, str(asked.target), classes=task != "regression", inputs=inputs)


def _make_gap(column: str, code: float) -> None:
    data = draft.get().data
    codes = tuple(sorted({*data.gap_codes.get(column, ()), code}))
    data_choice.change(column_roles.with_codes(data, column, codes))
    _renew()


def _leave_out(column: str) -> None:
    data = draft.get().data
    data_choice.change(data.model_copy(update={"left_out": (*data.left_out, column)}))
    _renew()


# --- the table -----------------------------------------------------------------------------------------------


def _version() -> str:
    return draft.key("columns.version")


def _renew() -> None:
    """Let the table forget what was typed into it; it shows the settings."""
    st.session_state[_version()] = st.session_state.get(_version(), 0) + 1


def _editor(data: DataSettings, table: "Table") -> None:
    places = _shown(table, data.target)
    if not places:
        return
    overview = resources.overview(data).iloc[places]
    columns = [table.columns[place] for place in places]
    frame = pd.DataFrame(
        {
            "name": [_one_line(column.name) for column in columns],
            **{name: [_cell(data, column, name) for column in columns] for name in _EDITABLE},
            "distribution": [_visible(bars) for bars in overview["distribution"]],
            "missing": overview["missing"].to_numpy(),
            "distinct": overview["distinct"].to_numpy(),
            "examples": [_one_line(text) for text in overview["examples"]],
        }
    )
    roles = [one.value for one in (Role.TARGET, Role.INPUT, Role.IGNORE)]
    if Role.SPLIT.value in set(frame["role"]):
        roles.append(Role.SPLIT.value)
    # Also keeps the table's own buttons, which float above it, off what can be clicked.
    st.caption(f"Role, Type and Gaps can be changed. {plain(_changed(data, table), None)}")
    if any(value != _cell(data, column, name) for column, name, value in _cells(_key(data, places), columns)):
        _renew()  # what was typed is no longer so: it must not be put into the settings once more
    key = _key(data, places)
    st.data_editor(
        frame,
        key=key,
        hide_index=True,
        # Of a long one, half a row shows that there are more.
        height=min(38 + 35 * len(frame), 440),
        disabled=[str(name) for name in frame if name not in _EDITABLE],
        on_change=_edited,
        args=(key, columns),
        alt="The columns of the table, each with its role, type, codes for gaps, distribution and examples",
        column_config={
            "name": st.column_config.TextColumn("Column", width=150, pinned=True),
            "role": st.column_config.SelectboxColumn(
                "Role",
                options=roles,
                required=True,
                width="small",
                help="The target is predicted from the inputs; what is ignored is not given to the network.",
            ),
            "kind": st.column_config.SelectboxColumn(
                "Type",
                options=[kind.value for kind in ColumnKind],
                required=True,
                width="small",
                help="A number is taken as it is, a category as one input for each value.",
            ),
            "gaps": st.column_config.TextColumn(
                "Gaps", width="small", help="Numbers that stand for a missing value, such as -1, 999."
            ),
            "distribution": st.column_config.BarChartColumn("Distribution", width=94, y_min=0),
            "missing": st.column_config.ProgressColumn(
                "Missing", format="%.1f %%", min_value=0, max_value=100, width="small"
            ),
            "distinct": st.column_config.NumberColumn("Distinct", width="small"),
            "examples": st.column_config.TextColumn("Examples"),
        },
    )
    if trouble := st.session_state.pop(draft.key("columns.trouble"), ""):
        st.error(plain(trouble, None), icon=":material/error:")


def _key(data: DataSettings, places: list[int]) -> str:
    """The key of the table of these columns, as what is typed belongs to rows."""
    shown = hash(tuple(places))
    return draft.key(
        f"columns.{data_choice.short_id(data.source)}.{shown}.{st.session_state.get(_version(), 0)}"
    )


def _cells(key: str, columns: list[Column]) -> list[tuple[Column, str, str]]:
    """What was typed: column, field, text."""
    edits: dict[int, dict[str, str | None]] = st.session_state.get(key, {}).get("edited_rows", {})
    return [(columns[row], name, value or "") for row, edit in edits.items() for name, value in edit.items()]


def _changed(data: DataSettings, table: "Table") -> str:
    """What was left out or made a gap, in a sentence or two."""
    there = table.kinds
    left_out = [name for name in data.left_out if name in there]
    codes = [
        f"{name} {', '.join(map(as_written, codes))}"
        for name, codes in data.gap_codes.items()
        if name in there
    ]
    told = []
    for title, names in (("Left out", left_out), ("Gaps", codes)):
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        if names:
            told.append(f"{title}: {', '.join(map(_one_line, names[:_MOST_NAMED]))}{more}.")
    return " ".join(told)


def _shown(table: "Table", target: str | None) -> list[int]:
    """Places of the columns that are shown, the target's first: all, or of very many those that are looked for."""
    names = [column.name for column in table.columns]
    if len(names) <= MOST_SHOWN:
        return sorted(range(len(names)), key=lambda place: names[place] != target)
    sought = st.text_input(
        "Find a column",
        key=draft.key("columns.find"),
        placeholder="part of its name",
        icon=":material/search:",
    )
    found = [place for place, name in enumerate(names) if sought.casefold() in name.casefold()]
    if len(found) > MOST_SHOWN:
        st.caption(
            f"The first {MOST_SHOWN} of {counted(len(found), 'column')}. Type part of a name to see others."
        )
    elif not found:
        st.caption(f"None of the {counted(len(names), 'column')} has this in its name.")
    return found[:MOST_SHOWN]


def _cell(data: DataSettings, column: Column, name: str) -> str:
    """What an editable cell says."""
    kind = data.kinds.get(column.name, column.kind)
    if name == "kind":
        return kind.value
    if name == "role":
        return column_roles.role(column.name, kind, data).value
    return ", ".join(map(as_written, data.gap_codes.get(column.name, ())))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _visible(bars: list[int]) -> list[float]:
    """Heights of bars, none of them too low to be seen."""
    heights = np.asarray(bars, float)
    return np.where(heights > 0, np.maximum(heights, _LEAST_BAR * heights.max(initial=0)), 0).tolist()


def _edited(key: str, columns: list[Column]) -> None:
    """Put what was edited into the settings; the table starts anew where it then says something else."""
    data = draft.get().data
    cells = _cells(key, columns)
    for column, name, value in cells:
        if value == _cell(data, column, name):
            continue
        try:
            data = _with(data, column, name, value)
        except UserError as error:
            st.session_state[draft.key("columns.trouble")] = str(error)
    data_choice.change(data)
    if any(value != _cell(data, column, name) for column, name, value in cells):
        _renew()


def _with(data: DataSettings, column: Column, name: str, value: str) -> DataSettings:
    if name == "role":
        return column_roles.with_role(data, column, Role(value))
    if name == "kind":
        return column_roles.with_kind(data, column, ColumnKind(value))
    return column_roles.with_codes(data, column.name, column_roles.codes_of(value))


def _first_rows(data: DataSettings, table: "Table") -> None:
    drawer = resources.drawer(
        "First rows",
        ":material/table_rows:",
        draft.key(f"columns.{data_choice.short_id(data.source)}.rows"),
    )
    if drawer.open:
        with drawer:
            count = table.frame.shape[1]
            if count > MOST_SHOWN:
                st.caption(f"The first {MOST_SHOWN} of {counted(count, 'column')}.")
            st.dataframe(
                table.frame.iloc[:100, :MOST_SHOWN],
                hide_index=True,
                height=240,
                alt="The first rows of the table",
            )
