"""However often a button is clicked, it starts one run or one study, for whoever may start it."""

from collections.abc import Callable

import pytest
from source.ownership import MAKER, OTHER, SEARCH, Made, attempt, new_runs, plan, visit

from lrapp.errors import UserError
from lrapp.experiments.study_files import Study
from lrapp.runs.store import Run
from lrapp.ui.parts import actions, start_buttons


def test_all_clicks_on_one_button_start_one_run(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def clicks() -> None:
        token = start_buttons.token("train")
        first = actions.start(made.settings, token)
        assert {actions.start(made.settings, start_buttons.token("train")).id for _ in range(3)} == {first.id}
        assert new_runs(made) == 1
        named = actions.start(
            made.settings.model_copy(update={"name": "other"}), start_buttons.token("train")
        )
        assert named.id != first.id, "other settings are another start"
        assert start_buttons.shown("train")
        assert not start_buttons.shown("train"), "nothing was started since"
        again = actions.start(made.settings, start_buttons.token("train"))
        assert again.id not in (first.id, named.id), "at once, as the button is another one"

    assert visit(lambda: attempt(monkeypatch, MAKER, clicks)) is None


def test_all_clicks_on_one_button_start_one_comparison(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def clicks() -> None:
        deeds: tuple[Callable[[str], Study], ...] = (
            lambda token: actions.compare(plan(made.sample), token=token),
            lambda token: actions.search(SEARCH, made.sample, token=token),
        )
        for name, deed in enumerate(deeds):
            first, second = (deed(start_buttons.token(f"{name}")) for _ in range(2))
            assert first.id == second.id
            start_buttons.shown(f"{name}")
            assert deed(start_buttons.token(f"{name}")).id != first.id

    assert visit(lambda: attempt(monkeypatch, MAKER, clicks)) is None


def test_who_may_not_start_gets_no_run_of_whoever_may(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    def both() -> None:
        assert isinstance(attempt(monkeypatch, MAKER, lambda: actions.start(made.settings, "t")), Run)
        assert isinstance(attempt(monkeypatch, OTHER, lambda: actions.start(made.settings, "t")), UserError)

    visit(both)
