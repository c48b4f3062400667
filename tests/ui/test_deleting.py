"""What was deleted can be taken back, also where a click cuts short the run of the script that deleted it."""

import pytest
import streamlit as st
from source.ownership import MAKER, Made
from streamlit.testing.v1 import AppTest

from lrapp.runs.store import Run
from lrapp.ui.parts import actions, identity, session


def page(run_ids: list[str]) -> None:
    import streamlit as st

    from lrapp.experiments import run_table
    from lrapp.ui.parts import resources
    from lrapp.ui.runs import page

    page._undo()
    if "begun" not in st.session_state:
        page._delete([run_table.row(resources.store().get(run_id)) for run_id in run_ids])


@pytest.fixture(autouse=True)
def maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_of_cookies", lambda: (MAKER,))


def test_a_run_comes_back_after_a_deletion_that_was_cut_off(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = AppTest.from_function(page, args=([made.run.id],), default_timeout=60).run()
    with monkeypatch.context() as there:
        delete = actions.delete

        def cut(runs: list[Run]) -> None:
            delete(runs)
            there.setattr(session, "state", st.stop)

        there.setattr(actions, "delete", cut)
        shown.button[0].click().run()
    assert not made.run.folder.exists()
    shown.session_state["begun"] = True
    shown.run()
    assert not shown.exception
    assert [one.label for one in shown.button] == ["Undo"]
    shown.button[0].click().run()
    assert not shown.exception
    assert made.run.folder.exists()
    assert not shown.button
