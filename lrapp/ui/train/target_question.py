"""The one question after an upload, on the stage: what should be predicted?"""

import streamlit as st

from lrapp.settings import DataSettings
from lrapp.ui.parts import choices, draft, resources
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import NO_TARGET, Chosen

_OTHER = "target-question.other"


def needed(chosen: Chosen) -> bool:
    """Return whether nothing else stands between the data and a run but this question.

    Args:
        chosen: What the Data step found.
    """
    return chosen.obstacle == NO_TARGET


def show(chosen: Chosen) -> None:
    """Ask it: the likeliest answers are buttons, any other column is in a list.

    Args:
        chosen: What the Data step found.
    """
    from lrapp.preparation import targets

    columns = targets.target_choices(resources.table(chosen.data))
    with st.container(border=True, key="target-question"):
        st.subheader("What should be predicted?", anchor=False)
        likely = _likely(_of(chosen.data).model_dump_json())
        for place, (column, reason) in enumerate(likely):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    plain(column),
                    key=draft.key(f"answer.{place}"),
                    icon=":material/target:",
                    type="primary" if not place else "secondary",
                    on_click=data_choice.answer,
                    args=(column,),
                )
                st.caption(plain(reason, None))
        key = draft.key(f"{_OTHER}.{data_choice.short_id(chosen.data.source)}")
        st.selectbox(
            "Another column",
            columns,
            index=None,
            format_func=choices.texts(columns, str),
            placeholder="Choose another column",
            label_visibility="collapsed",
            key=key,
            on_change=_take,
            args=(key,),
        )


def _take(key: str) -> None:
    if (column := st.session_state.get(key)) is not None:
        data_choice.answer(column)


def _of(data: DataSettings) -> DataSettings:
    """What of the settings decides how the table is read."""
    return DataSettings(**{name: getattr(data, name) for name in ("source", "dialect", "kinds", "gap_codes")})


@st.cache_data(max_entries=32, show_spinner=False)
def _likely(data: str) -> list[tuple[str, str]]:
    from lrapp.preparation.likely_targets import likely_targets

    return likely_targets(resources.table(DataSettings.model_validate_json(data)))
