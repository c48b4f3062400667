"""A button that starts something starts it once, and is another one for the next start."""

from streamlit.testing.v1 import AppTest


def starts() -> None:
    """A page with a button that starts something, which may fail to come to its end."""
    import streamlit as st

    from lrapp.ui.parts import start_buttons

    place = st.empty()
    pressed = place.button("Start", key=start_buttons.key("it"))
    if pressed:
        st.session_state.setdefault("tokens", []).append(start_buttons.token("it"))
    if st.session_state.get("cut off"):
        st.stop()
    if start_buttons.shown("it"):
        place.button("Start", key=start_buttons.key("it"))


def test_the_button_is_another_one_as_soon_as_what_it_started_is_shown() -> None:
    app = AppTest.from_function(starts, default_timeout=60).run()
    app.session_state["cut off"] = True
    for _ in range(3):
        app.button[0].click().run()
    assert len(set(app.session_state["tokens"])) == 1, "as long as nothing is shown"
    first = app.button[0].key
    app.session_state["cut off"] = False
    app.run()
    assert app.button[0].key != first
    for clicks in (4, 5):
        app.button[0].click().run()
        assert len(app.session_state["tokens"]) == clicks
    assert len(set(app.session_state["tokens"])) == 3
