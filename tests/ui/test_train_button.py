"""Train starts its run, and shows it, also where another click cuts short the drawing of the page."""

import pytest
import streamlit as st
from source.ownership import Made, new_runs
from streamlit.testing.v1 import AppTest

from lrapp.errors import UserError
from lrapp.ui.parts import access, steps


def bar_page() -> None:
    """The bar with Train; a run of the script may be cut off before it."""
    import streamlit as st

    from lrapp.settings import DataSettings, SampleSource
    from lrapp.ui.parts import draft
    from lrapp.ui.train import bar

    if st.session_state.pop("cut", False):
        st.stop()
    data = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
    place = bar.show(draft.get().model_copy(update={"data": data}), st.session_state.get("obstacle"))
    place.shown()
    st.text(st.query_params.get("run", ""))


@pytest.fixture
def page(made: Made) -> AppTest:
    return seen(AppTest.from_function(bar_page, default_timeout=60).run())


def seen(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def test_a_click_counts_where_its_drawing_was_cut_off(page: AppTest, made: Made) -> None:
    page.button[0].click()
    page.session_state["cut"] = True
    seen(page.run())
    assert new_runs(made) == 0
    for _ in range(3):
        assert seen(page.run()).text[0].value == made.store.runs()[0].id
        assert new_runs(made) == 1
    page.button[0].click().run()
    assert new_runs(made) == 2


def test_a_run_that_was_started_is_shown_where_the_drawing_was_cut_off_after_that(
    page: AppTest, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.setattr(steps, "forget", st.stop)
        page.button[0].click().run()
    assert new_runs(made) == 1
    page.text_input[0].set_value("the next one").run()
    assert seen(page).text[0].value == made.store.runs()[0].id
    assert new_runs(made) == 1, "what was typed since is for the next run"
    page.button[0].click().run()
    assert [run.settings.name for run in made.store.runs()[:2]] == ["the next one", ""]


def test_a_click_is_not_obeyed_later_where_training_could_not_start(
    page: AppTest, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.session_state["obstacle"] = "there is no table"
    page.button[0].click().run()
    page.session_state["obstacle"] = None
    seen(page.run())

    def refuse(_: object) -> None:
        raise UserError("This table is somebody else's.")

    with monkeypatch.context() as there:
        there.setattr(access, "require_table", refuse)
        page.button[0].click().run()
        assert page.exception
    seen(page.run())
    assert new_runs(made) == 0
