"""The browser's Back leads to the page as it was, and what was on a page is there again after a look at another."""

from pathlib import Path

import pytest
from source.ownership import ended, ended_study
from streamlit.testing.v1 import AppTest

from lrapp.runs.store import Store
from lrapp.settings import DataSettings, RunSettings, SampleSource
from lrapp.ui.parts import resources

BASE = RunSettings(data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path))
    made = Store.default()
    monkeypatch.setattr(resources, "store", lambda: made)
    return made


def script(here: str) -> None:
    """A page as the frame around all pages shows it, and the sign that it was drawn to its end."""
    import streamlit as st

    from lrapp.ui.compare import page as compare
    from lrapp.ui.parts import session
    from lrapp.ui.train import page as train

    now = st.session_state.get("here", here)
    if session.state().page != now:
        session.state().page = ""
    if now == "train":
        train._back_to_the_run()
        session.state().shown_run = st.query_params.get("run", "")
    elif now == "compare":
        compare._study_of_address()
    session.state().page = now


def address(page: AppTest) -> dict[str, str]:
    page.run()
    assert not page.exception
    return {name: value if isinstance(value, str) else value[0] for name, value in page.query_params.items()}


@pytest.mark.parametrize(("here", "name"), [("train", "run"), ("compare", "study")])
def test_back_leaves_what_another_page_does_not(store: Store, here: str, name: str) -> None:
    wanted = ended(store.create(BASE)).id if here == "train" else ended_study(store, BASE).id
    page = AppTest.from_function(script, args=(here,), default_timeout=120)
    page.query_params[name] = wanted
    assert address(page) == {name: wanted}
    page.session_state["here"] = "runs"
    page.query_params.clear()
    assert address(page) == {}
    page.session_state["here"] = here
    assert address(page) == {name: wanted}
    page.query_params.clear()
    for _ in range(2):
        assert address(page) == {}
    page.session_state["here"] = "runs"
    assert address(page) == {}
    page.session_state["here"] = here
    assert address(page) == {}
