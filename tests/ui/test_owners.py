"""Whose is what: things without an owner, several at once, other tabs, browsers without cookies."""

import pytest
from source.ownership import MAKER, OTHER, Made, attempt, ended, visit

from lrapp.errors import UserError
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, identity


def test_what_was_made_before_is_nobodys_and_can_be_looked_at(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ended(made.store.create(made.settings))

    def maker() -> None:
        refused = attempt(monkeypatch, MAKER, lambda: actions.delete([old]), {"run": old.id})
        assert "nobody's" in str(refused)
        assert attempt(monkeypatch, MAKER, lambda: access.may("look", old), {"run": old.id})
        assert not attempt(monkeypatch, MAKER, lambda: access.may("look", old))

    visit(maker)


def test_several_runs_are_deleted_all_or_none(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ended(made.store.create(made.sample, OTHER))
    refused = visit(lambda: attempt(monkeypatch, MAKER, lambda: actions.delete([made.run, theirs])))
    assert "another browser" in str(refused)
    assert made.run.folder.exists()
    assert theirs.folder.exists()


def test_a_second_tab_of_the_same_browser_may_do_what_the_first_may(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended(made.store.create(made.sample, f"{MAKER} of another tab"))
    assert visit(lambda: attempt(monkeypatch, MAKER, lambda: actions.delete([run]))) is None
    assert not run.folder.exists()


def test_where_no_cookie_is_kept_the_tab_owns_what_it_made(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_tab() -> Run:
        run = actions.start(made.sample)
        actions.stop(run)
        assert not identity.lasts()
        return run

    run = visit(lambda: attempt(monkeypatch, "", one_tab))
    assert run.owner.startswith("tab-")
    assert isinstance(visit(lambda: attempt(monkeypatch, "", lambda: actions.stop(run))), UserError)
