"""What the rail says of settings: that an advice changed them, that they have moved on, that some are hidden."""

from pathlib import Path

import pytest
import streamlit as st
from source.ownership import visit

from lrapp.settings import RunSettings, TrainingSettings, starting_values
from lrapp.settings.base import checked
from lrapp.ui.parts import draft, expert, session, steps
from lrapp.ui.train import training


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path))


def longer(settings: RunSettings) -> RunSettings:
    return settings.model_copy(update={"training": checked(settings.training, epochs=123)})


def test_an_advice_is_taken_and_undone() -> None:
    def page() -> None:
        before = draft.get()
        steps.take(longer(before), "Training")
        steps.take(longer(before), "Training")
        assert draft.get().training.epochs == 123
        assert session.state().step == "Training"
        advice = session.state().advice
        assert advice is not None
        assert advice.before == before, "taken twice, it leads back to where it was taken first"
        assert "→ Adam · 123 epochs" in advice.text
        smaller = checked(draft.get().model, layers=())
        draft.put(draft.get().model_copy(update={"model": smaller}))
        steps.undo()
        assert draft.get() == before.model_copy(update={"model": smaller}), "what came later stays"
        assert session.state().advice is None
        steps.take(longer(before), "Training")
        draft.replace(before)
        assert session.state().advice is None, "settings from elsewhere have no way back to others"

    assert visit(page) is None


def test_the_page_knows_in_which_step_the_settings_have_moved_on() -> None:
    def page() -> None:
        ran = draft.get()
        assert draft.changed_since(ran) == ()
        assert draft.changed_since(ran.model_copy(update={"name": "its name says nothing"})) == ()
        draft.put(longer(ran))
        assert draft.changed_since(ran) == ("Training",)
        fixed = ran.model_copy(update={"policy": checked(ran.policy, max_lr=0.5)})
        assert draft.changed_since(fixed) == ("Training", "Learning rate")
        # A range test is there to change the policy.
        assert draft.changed_since(fixed.model_copy(update={"mode": "range test"})) == ("Training",)

    assert visit(page) is None


def test_expert_settings_that_differ_are_named_while_they_are_hidden() -> None:
    assert expert.differs(TrainingSettings(), ["seed", "precision", "xla"]) == {}
    rare = TrainingSettings(seed=7, precision="mixed_bfloat16")
    told = expert.differs(rare, ["seed", "precision", "xla"])
    assert list(told.values()) == ["7", "mixed_bfloat16"]

    def page() -> None:
        assert not expert.on()
        expert.begin()
        expert.tell(rare, ["seed"])
        expert.tell(rare, ["precision"], TrainingSettings(precision="mixed_bfloat16"))
        expert.switch()
        assert list(session.state().expert_in_use.values()) == ["7"], "the other is usual here"
        expert.begin()
        assert session.state().expert_in_use == {}

    assert visit(page) is None


def test_lengths_and_batch_follow_from_the_rows_until_somebody_chooses() -> None:
    def page() -> None:
        def suited(rows: int) -> TrainingSettings:
            found = training._for_rows(draft.get().training, rows, "key")
            draft.put(draft.get().model_copy(update={"training": found}))
            return found

        def field() -> str:
            return f"key.{draft.proposal()}.batch_size"

        def wanted(rows: int) -> TrainingSettings:
            return starting_values.settings(rows).training

        for rows in (300, 30_000, 30_000, 200_000, 300):
            assert suited(rows) == wanted(rows)
            st.session_state[field()] = wanted(rows).batch_size  # as a widget keeps it
        assert suited(30_000) == wanted(30_000)
        st.session_state[field()] = 64
        own = checked(draft.get().training, batch_size=64)
        assert suited(30_000) == starting_values.for_rows(own, 30_000)
        for rows in (200_000, 300):
            assert suited(rows) == starting_values.for_rows(own, rows), "the batch stays, epochs follow"
        draft.put(longer(draft.get()))
        assert suited(30_000).epochs == 123
        assert suited(300).epochs == 123

    assert visit(page) is None
