"""What a person did counts, also where a click cuts short the run of the script in which it was done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from source.ownership import visit
from streamlit.testing.v1 import AppTest

from lrapp.access import preferences
from lrapp.runs.store import Store
from lrapp.settings import CLRSettings, Source
from lrapp.ui.parts import access, draft, resources

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path))
    made = Store.default()
    monkeypatch.setattr(resources, "store", lambda: made)
    return made


def opened(script: Callable[[], None]) -> AppTest:
    return seen(AppTest.from_function(script, default_timeout=60).run())


def seen(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def shown(page: AppTest) -> str:
    return str(page.text[-1].value)


def source_page() -> None:
    """The choice of the data; or another page, or a run of the script that is cut off before that choice."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from lrapp.ui.parts import draft
    from lrapp.ui.train import data_choice, data_source

    if st.session_state.get("elsewhere"):
        return
    if st.session_state.pop("cut", False):
        st.stop()
    chosen = data_source._source(draft.get().data.source)
    data_choice.take(chosen)
    context = get_script_run_ctx()
    assert context is not None
    st.caption(str(len(context.uploaded_file_mgr.get_stats())))
    st.text(draft.get().data.source.name)


def test_a_file_is_taken_by_the_next_run_where_one_was_cut_off_while_it_was_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = opened(source_page)

    def cut(_: Source) -> None:
        monkeypatch.undo()
        st.stop()

    monkeypatch.setattr(access, "uploaded", cut)
    page.file_uploader[0].set_value(("mine.csv", b"a,b\n1,2\n", "text/csv")).run()
    seen(page.run())
    assert shown(page) == "mine.csv"
    assert page.caption[-1].value == "0", "it is on the disk, and no longer in Streamlit's memory"
    sample = next(one for one in page.selectbox[0].options if "penguins" in one)
    page.selectbox[0].select(sample).run()
    assert "penguins" in shown(seen(page.run())), "it was taken once"


def test_what_was_chosen_last_stands_after_a_look_at_another_page() -> None:
    page = opened(source_page)
    page.button[0].click()
    page.session_state["cut"] = True
    page.run()
    first = shown(seen(page.run()))
    other = next(one for one in page.selectbox[0].options if one not in first)
    page.selectbox[0].select(other).run()
    chosen = shown(page)
    assert chosen != first
    page.session_state["elsewhere"] = True
    page.run()
    page.session_state["elsewhere"] = False
    assert shown(seen(page.run())) == chosen


def split_page() -> None:
    """How the rows are split, in a drawer that is open or not, and a column's role that decides the same."""
    import streamlit as st

    from lrapp.settings import DataSettings
    from lrapp.ui.parts import draft
    from lrapp.ui.train import data, data_choice

    if "begun" not in st.session_state:
        st.session_state["begun"] = True
        by = {"split": "groups", "split_column": "town"}
        draft.put(draft.get().model_copy(update={"data": DataSettings(target="y", **by)}))
    now = draft.get()
    st.button(
        "Learn from it",
        on_click=lambda: data_choice.change(now.data.model_copy(update={"split_column_input": True})),
    )
    chosen = data._split(now.data, ["town", "x"], "t.split_column", shown=st.toggle("Open"))
    draft.put(now.model_copy(update={"data": now.data.model_copy(update=chosen)}))
    st.text(str(draft.get().data.split_column_input))


def test_a_role_that_was_chosen_before_its_field_was_seen_does_not_come_back() -> None:
    page = opened(split_page)
    page.button[0].click().run()
    assert shown(seen(page)) == "True"
    page.toggle[0].set_value(True).run()
    field = next(one for one in page.toggle if one.label != "Open")
    assert field.value
    field.set_value(False).run()
    page.toggle[0].set_value(False).run()
    for _ in range(3):
        assert shown(seen(page.run())) == "False"


def start_page() -> None:
    """Which weights a network of pictures starts from; a run may be cut off before it is in the draft."""
    import streamlit as st

    from lrapp.settings import DataSettings, PicturesSource
    from lrapp.ui.parts import draft
    from lrapp.ui.train import network, start_from

    if "begun" not in st.session_state:
        st.session_state["begun"] = True
        digits = DataSettings(source=PicturesSource(name="digits"), target="label")
        draft.put(draft.get().model_copy(update={"data": digits}))
        st.session_state[draft.key("start.drawer")] = True
    settings = draft.get()
    start, _ = start_from.show(settings, network._fill)
    if st.session_state.pop("cut", False):
        st.stop()
    now = draft.get()
    draft.put(now.model_copy(update={"model": now.model.model_copy(update={"start": start})}))
    st.text(f"{start.type} {len(now.model.layers)}")


@pytest.mark.parametrize("cut", [False, True])
def test_layers_come_back_with_fresh_weights(*, cut: bool) -> None:
    page = opened(start_page)
    first = shown(page)
    assert first != "fresh 0"
    for _ in range(2):
        page.selectbox[0].set_value("MobileNetV2")
        if cut:
            page.session_state["cut"] = True
        page.run()
        seen(page)
        if not cut:
            assert shown(page) == "pretrained 0"
        page.selectbox[0].set_value("fresh").run()
        assert shown(seen(page)) == first


def test_a_browser_that_comes_back_to_a_new_session_brings_no_part_of_its_old_settings() -> None:
    def keys() -> set[str]:
        page = seen(AppTest.from_file(str(APP), default_timeout=120).run())
        fields = (*page.number_input, *page.selectbox, *page.toggle)
        return {str(one.key) for one in fields if str(one.key).startswith("train")}

    first, second = keys(), keys()
    assert len(first) == len(second) > 5
    assert not first & second


def settings_page() -> None:
    """Fields of the Train page; or another page, or a run that is cut off before they are drawn."""
    import streamlit as st

    from lrapp.ui.parts import draft
    from lrapp.ui.train import learning_rate, training

    if st.session_state.get("elsewhere"):
        return
    if st.session_state.pop("cut", False):
        st.stop()
    settings = draft.get()
    # As it is with more rows each time it is drawn.
    st.session_state["rows"] = st.session_state.get("rows", 100) * 10
    trained = training.show(settings.training, settings.model, (3,), st.session_state["rows"])
    policy, _ = learning_rate.show(settings, 100)
    draft.put(draft.get().model_copy(update={"training": trained, "policy": policy}))


def field(page: AppTest, label: str) -> Any:
    return next(one for one in (*page.number_input, *page.selectbox, *page.toggle) if one.label == label)


def test_what_is_typed_is_in_the_draft_before_the_page_is_drawn() -> None:
    page = opened(settings_page)

    def typed(label: str, value: object) -> None:
        field(page, label).set_value(value)
        page.session_state["cut"] = True
        seen(page.run())
        page.session_state["elsewhere"] = True
        seen(page.run())
        page.session_state["elsewhere"] = False
        seen(page.run())
        assert field(page, label).value == value

    typed("Epochs", 77)
    typed("Patience (epochs)", 7)
    typed("Early stopping", False)
    typed("Optimizer", "sgd")
    typed("Policy", "sgdr")
    typed("max_lr", 0.123)
    typed("Policy", "clr")
    typed("max_lr", 0.0123)
    typed("Policy", "sgdr")
    assert field(page, "max_lr").value == 0.123
    assert field(page, "Epochs").value == 77


def test_each_family_of_optimizers_has_rates_of_its_own() -> None:
    page = opened(settings_page)

    def rates() -> tuple[float, float]:
        page.session_state["rows"] = 10
        seen(page.run())
        return field(page, "base_lr").value, field(page, "max_lr").value

    def turn(optimizer: str) -> None:
        seen(field(page, "Optimizer").set_value(optimizer).run())

    usual = rates()
    turn("sgd")
    assert rates() == pytest.approx([10 * rate for rate in usual]), "as steps of SGD are not scaled"
    seen(field(page, "max_lr").set_value(0.3).run())
    turn("rmsprop")
    assert rates() == usual
    turn("adamw")
    assert rates() == usual
    turn("sgd")
    assert rates()[1] == 0.3


def test_a_rate_that_is_typed_is_no_longer_what_the_test_found() -> None:
    def page() -> None:
        found = CLRSettings(origin="From a range test.")
        settings = draft.get().model_copy(update={"policy": found})
        draft.put(settings)
        key = draft.key("typed")
        for name, value, origin in (("step_size", 3.0, found.origin), ("max_lr", 0.2, "")):
            st.session_state[key] = value
            draft.write(CLRSettings, name, key)
            assert getattr(draft.get().policy, name) == value
            assert draft.get().policy.origin == origin
        st.session_state[key] = -1.0
        draft.write(CLRSettings, "max_lr", key)
        policy = draft.get().policy
        assert isinstance(policy, CLRSettings)
        assert policy.max_lr == 0.2, "what cannot be is left for the page to say"
        assert draft.other_policies()[("clr", "adaptive")] == policy
        assert draft.get().model_copy(update={"policy": found}) == settings
        draft.replace(settings)
        st.session_state[key] = 0.3
        draft.write(CLRSettings, "max_lr", key)
        assert draft.get() == settings, "a field of the settings before changes nothing"

    assert visit(page) is None


def test_a_browser_that_missed_the_first_run_shows_what_the_server_holds() -> None:
    preferences.write(Store.default().home, "", "expert settings", on=True)
    page = AppTest.from_file(str(APP), default_timeout=120).run()
    page.run()
    assert not page.exception
    switches = {one.label: one for one in page.toggle}
    assert switches["Expert settings"].value
    for switch in page.toggle:
        on = switch.proto.value if switch.proto.set_value else switch.proto.default
        assert on == switch.value, switch.label
    assert {"Table", "Preset", "Policy"} <= {one.label for one in page.selectbox}
    for one in page.selectbox:
        chosen = one.proto.raw_value if one.proto.set_value else one.options[one.proto.default]
        assert one.index is not None
        assert chosen == one.options[one.index], one.label
    for field in page.number_input:
        typed = field.proto.value if field.proto.set_value else field.proto.default
        assert typed == field.value, field.label


def test_the_choice_of_a_visitor_stands_after_the_first_run_was_missed() -> None:
    preferences.write(Store.default().home, "", "expert settings", on=True)
    page = AppTest.from_file(str(APP), default_timeout=120).run()
    switch = next(one for one in page.toggle if one.label == "Expert settings")
    switch.set_value(False).run()
    page.run()
    switch = next(one for one in page.toggle if one.label == "Expert settings")
    assert not switch.value
    assert not preferences.read(Store.default().home, "", "expert settings")
