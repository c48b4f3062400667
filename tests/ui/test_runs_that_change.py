"""A run that was renamed or deleted in another tab is shown as it is now."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lrapp.runs import notes
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource
from lrapp.ui.parts import resources


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    store = Store(tmp_path / "home")
    monkeypatch.setattr(resources, "store", lambda: store)
    data = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
    return store.create(RunSettings(data=data, name="first name"))


def live(run_id: str) -> None:
    """A page that watches a run, which is deleted before the second look at it."""
    import streamlit as st

    from lrapp.runs.store import Run
    from lrapp.ui.parts import resources
    from lrapp.ui.run import page

    store = resources.store()
    if "seen" in st.session_state:
        page.show(run_id)
        return
    st.session_state["seen"] = True
    watched: Run = store.get(run_id)
    store.delete(watched)
    page._live(watched, begun=False, asked=False, stop_here=False)


def test_a_run_that_was_deleted_while_it_was_watched_is_not_called_damaged(run: Run) -> None:
    run.set_status(state="running")
    page = AppTest.from_function(live, args=(run.id,), default_timeout=60).run()
    assert not page.exception
    assert "damaged" not in page.warning[0].value
    assert "deleted" in page.warning[0].value


def titles() -> None:
    import streamlit as st

    from lrapp.ui.train import start_from

    st.text(", ".join(start_from._runs("table").values()))


def test_a_run_to_start_from_has_the_name_that_it_has_now(run: Run) -> None:
    run.model_path.touch()
    page = AppTest.from_function(titles, default_timeout=60).run()
    assert page.text[0].value == "first name"
    notes.change(run, name="second name")
    assert page.run().text[0].value == "second name"
