"""What widgets start with is said in every run of the script, as a click may cut short the one that said it first."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from lrapp.access import preferences
from lrapp.runs.store import Store

APP = Path(__file__).resolve().parents[2] / "app.py"


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
