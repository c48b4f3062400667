"""The step and the plan of the learning rate: what they say of settings that came by link or by hand."""

from typing import Any

from streamlit.testing.v1 import AppTest

from lrapp.settings import FixedSettings, LayerSettings, ModelSettings, RangeTestSettings, RunSettings
from lrapp.settings.base import checked
from lrapp.settings.groups import GroupSettings
from lrapp.ui.run import range_test


def step(settings: RunSettings, **changes: Any) -> AppTest:
    """The step of some settings, for a table with three inputs."""

    def page(text: str) -> None:
        import streamlit as st

        from lrapp.settings import RunSettings
        from lrapp.ui.parts import draft
        from lrapp.ui.train import learning_rate, stage

        if "begun" not in st.session_state:
            draft.replace(RunSettings.from_json(text))
            st.session_state["begun"] = True
        policy, obstacle = learning_rate.show(draft.get(), 100)
        draft.put(draft.get().model_copy(update={"policy": policy}))
        if obstacle is None:
            stage.plan(draft.get(), 100, (3,))
        st.text(f"{policy.cycle_momentum} {obstacle}")

    made = AppTest.from_function(page, args=(checked(settings, **changes).to_json(),), default_timeout=60)
    made.run()
    assert not made.exception
    return made


def said(page: AppTest) -> str:
    return " ".join(one.value for one in [*page.caption, *page.error, *page.info]).replace("\\", "")


def test_a_fixed_rate_that_came_with_cyclical_momentum_can_be_trained_again() -> None:
    page = step(RunSettings(policy=FixedSettings(cycle_momentum=True)))
    assert page.text[0].value == "True momentum cannot move against the rate"
    assert "switch cyclical momentum off" in said(page)
    page.toggle[0].set_value(False).run()
    assert page.text[0].value == "False None"
    page.run()
    assert not page.toggle, "a fixed rate needs no switch"
    assert page.text[0].value == "False None"


def test_what_learns_is_said_of_groups_that_the_network_has() -> None:
    groups = GroupSettings(early=0.5, frozen_epochs=1, early_frozen_epochs=1)
    settings = RunSettings(policy=FixedSettings())
    one_layer = step(
        settings,
        model=ModelSettings(layers=(LayerSettings(),)),
        training=checked(settings.training, groups=groups),
    )
    assert "What learns: head alone in epochs 1 to 2; all layers in epochs 3 to 50." in said(one_layer)
    two = step(settings, training=checked(settings.training, groups=groups))
    assert "head and middle in epoch 2" in said(two)


def test_a_test_that_cannot_be_read_is_said_before_it_is_the_first_phase_of_a_run() -> None:
    test = RangeTestSettings(rise="linear", epochs=10)
    settings = RunSettings(policy=FixedSettings(source="found"), range_test=test)
    page = step(settings)
    assert page.text[0].value == "False None"
    assert "A range test of 3 x 10 epochs comes first" in said(page)
    short = step(settings, range_test=checked(test, epochs=1))
    assert short.text[0].value == "False the range test cannot be read"
    assert "at least 2 epochs and 40 steps: give it 10 epochs or more" in said(short)


def test_how_long_a_test_takes_is_said_by_its_kind() -> None:
    assert range_test.length(RangeTestSettings()) == "Takes a second or two for a small network."
    linear = RangeTestSettings(rise="linear", epochs=8, seeds=3)
    assert range_test.length(linear) == "Takes about as long as training for 24 epochs."


def test_a_policy_from_a_run_is_taken_where_another_was_chosen_in_the_list() -> None:
    def page() -> None:
        import streamlit as st

        from lrapp.settings import CLRSettings
        from lrapp.ui.parts import draft
        from lrapp.ui.train import learning_rate

        found = CLRSettings(max_lr=0.123)
        if st.button("Use the rates"):
            draft.take_policy(found)
            st.rerun()
        policy, _ = learning_rate.show(draft.get(), None)
        draft.put(draft.get().model_copy(update={"policy": policy}))
        st.text(str(draft.get().policy == found))

    made = AppTest.from_function(page, default_timeout=60).run()
    made.selectbox[0].set_value("sgdr").run()
    made.button[0].click().run()
    assert not made.exception
    assert made.selectbox[0].value == "clr"
    assert made.text[0].value == "True"
