"""Whoever chooses an entry of a list gets that one, also where several are called the same."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lrapp.ui.parts import choices

ROOT = Path(__file__).parents[2]
# Widgets that know an entry by its text.
BY_TEXT = {
    *("selectbox", "multiselect", "radio", "pills", "segmented_control", "select_slider"),
    "SelectboxColumn",
}
# Lists of words of ours, which are all different; each has been looked at.
OURS = {
    *(("compare.page", name) for name in ("what", "kind", "chosen")),
    *(("compare.search_form", name) for name in ("into.selectbox", "among", "chosen")),
    ("parts.fields", "place.selectbox"),
    ("predict.question", "chosen"),  # answers to a question, which the question itself tells apart
    *(("run.exports", "chosen"), ("run.range_test", "chosen"), ("run.results", "chosen")),
    ("runs.comparison", "st.segmented_control"),
    *(("train.data", name) for name in ("place.selectbox", "chosen_task")),
    ("train.columns", "st.column_config.SelectboxColumn"),
    *(("train.learning_rate", "kind"), ("train.start_from", "choice")),
    *(("train.network", name) for name in ("st.column_config.SelectboxColumn", "st.selectbox")),
}


def lists(text: str) -> dict[str, bool]:
    """The lists of a module, by the variable that takes what is chosen; whether their entries are told apart."""
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    made = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("choices.texts(")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BY_TEXT:
            shown = next((one.value for one in node.keywords if one.arg == "format_func"), None)
            apart = shown is not None and (
                ast.unparse(shown).startswith("choices.texts(") or ast.unparse(shown) in made
            )
            match parents[node]:
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    found[name] = apart
                case _:
                    found[ast.unparse(node.func)] = apart
    return found


def test_the_reading_of_the_source_sees_lists() -> None:
    assert lists("a = st.selectbox('x', b, format_func=lambda o: o)") == {"a": False}
    assert lists("return [c for c in d.radio('x', b)]") == {"d.radio": False}
    assert lists("a = st.pills('x', b, format_func=choices.texts(b, str))") == {"a": True}
    assert lists("s = choices.texts(b, str)\na: int = st.multiselect('x', b, format_func=s)") == {"a": True}


def test_every_list_of_names_tells_equal_ones_apart() -> None:
    found = {
        (".".join(path.relative_to(ROOT / "lrapp/ui").with_suffix("").parts), name): apart
        for path in sorted((ROOT / "lrapp/ui").rglob("*.py"))
        for name, apart in lists(path.read_text("utf-8")).items()
    }
    assert {place for place, apart in found.items() if not apart} == OURS
    assert len(found) >= len(OURS) + 7


def test_entries_are_lines_that_differ() -> None:
    options = ["a", "b", "c", "d", "e"]
    names = dict(zip(options, ["x", "x", "y\ny", " ", "x" * 300], strict=True))
    shown = choices.texts(options, names.__getitem__, lambda one: f"made {one}")
    assert [shown(one) for one in options[:4]] == ["x (made a)", "x (made b)", "y y", "(blank)"]
    assert len(shown("e")) == choices.MOST_LETTERS
    assert choices.texts(["a"], str)("gone") == "gone"


def page() -> None:
    """Two lists of things that are called the same."""
    import streamlit as st

    from lrapp.ui.parts import choices

    names = ["same", "same", "other", "same", "same (2)"]
    places = range(len(names))
    shown = choices.texts(places, names.__getitem__)
    st.text(st.selectbox("one", places, format_func=shown))
    st.text(st.multiselect("some", places, format_func=shown))
    st.text(st.radio("either", places, format_func=shown))


@pytest.mark.parametrize("place", range(5))
def test_the_entry_that_was_clicked_is_the_one_that_is_taken(place: int) -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    app.selectbox[0].set_value(place)
    app.multiselect[0].set_value([place])
    app.radio[0].set_value(place)
    app.run()
    assert [one.value for one in app.text] == [str(place), str([place]), str(place)]
