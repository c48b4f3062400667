"""No page hands a name from a file to Markdown or HTML: the source of ``lrapp/ui`` is read and judged."""

import pytest
from hostile import NAMES, tokens
from source.markdown_arguments import markdown_arguments
from source.page_texts import ROOT, Pages

from lrapp.ui.parts.plain_text import plain, spoken

# Words of ours, although the reader of the source cannot tell: each has been looked at.
REVIEWED = (
    "lrapp.ui.parts.fields: label",  # titles and units of the settings' own fields
    "lrapp.ui.parts.fields: common",  # key, whether it is disabled, and the field's own description
    "lrapp.ui.run.misclassified: found.as_html()",  # escapes names: test_picture_results
    "lrapp.ui.train.images: examples.as_html(facts, look, data.pictures.only_classes)",  # test_examples
    "lrapp.ui.predict.question: partial(_label, labels)",  # labels, which are made plain in the line before
    (
        "lrapp.ui.train.stage: network.picture(*(settings.model, outlook.shape, outlook.outputs, outlook.numbers), "
        "networks=settings.networks, answer=settings.data.target or '')"  # escapes names: test_network
    ),
    "lrapp.ui.run.results: views",  # a fixed list of words, by its type
    "lrapp.ui.run.exports: list(titles)",  # titles of the formats, a constant of ``exports``
    "lrapp.ui.run.exports: [item.whom for item in titles.values()]",  # as the titles
    "lrapp.ui.run.exports: ' '.join(item.packages)",  # packages of the formats, a constant of ``exports``
)


def test_every_text_of_the_pages_is_ours_or_was_made_plain() -> None:
    files = sorted((ROOT / "lrapp/ui").glob("**/*.py"))
    pages = Pages(
        {
            ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text("utf-8")
            for path in [*files, ROOT / "app.py"]
        },
        REVIEWED,
    )
    assert [str(one) for one in pages.found()] == []
    assert sorted(set(REVIEWED) - pages.used) == [], "these are no longer there to be reviewed"


def test_what_is_markdown_is_read_from_streamlit() -> None:
    known = {name: markdown for name, (_, markdown) in markdown_arguments().items()}
    assert {"label", "help"} <= known["button"]
    assert "value" in known["metric"]  # drawn as Markdown since 1.4x
    assert "options" not in known["selectbox"]  # but these are not, and an escape would be seen
    assert {"options", "format_func"} <= known["pills"]
    assert known["progress"] == {"text"}
    assert known["TextColumn"] == {"help"}
    assert known["caption"] >= {"body"}
    assert len(known) > 50


def judged(source: str, **others: str) -> list[str]:
    start = "import streamlit as st\nfrom lrapp.ui import resources, other\n"
    start += "from lrapp.ui.parts.plain_text import plain\n"
    sources = {"lrapp.ui.page": start + source} | {
        f"lrapp.ui.{name}": start + text for name, text in others.items()
    }
    return [str(one) for one in Pages(sources).found()]


@pytest.mark.parametrize(
    "source",
    [
        "def f(name):\n    st.caption(name)",
        "def f(name):\n    st.caption(f'Column {name}')",
        "def f(name):\n    st.caption('Column ' + name)",
        "def f(name):\n    st.caption('Column %s' % name)",
        "def f(name):\n    st.caption('Column {}'.format(name))",
        "def f(names):\n    st.caption(', '.join(names))",
        "def f(names):\n    st.caption(', '.join(name.strip() for name in names))",
        "def f(name):\n    st.caption('a'.replace('a', name))",
        "def f(name):\n    st.caption(name if name else plain(name))",
        "def f(name):\n    text = plain(name)\n    text += name\n    st.caption(text)",
        "def f(name):\n    label = name[:40]\n    left, right = st.columns(2)\n    left.number_input(label)",
        "def f(name):\n    st.button('Go', help=name)",
        "def f(error):\n    st.error(str(error), icon=':material/error:')",
        "def f(error):\n    say = st.error\n    say(error)",
        "def f(bad, text):\n    (st.error if bad else st.caption)(text)",
        "def f(name):\n    st.metric('Value', name)",
        "def f(name):\n    st.progress(0.0, name)",
        "def f(names):\n    st.pills('Which', range(3), format_func=names.__getitem__)",
        "def f(names):\n    st.radio('Which', names)",
        "def f(names):\n    st.tabs(names)",
        "def f(name):\n    st.toast(name)",
        "def f(name):\n    with st.expander(name):\n        pass",
        "def f(name):\n    with st.popover(name):\n        pass",
        "def f(name):\n    with st.spinner(name):\n        pass",
        "def f(name):\n    resources.drawer(name, '', 'key')",
        "def f(name):\n    st.image(b'', caption=name)",
        "def f(name):\n    st.file_uploader(f'{name!r}')",
        "def f(name):\n    st.column_config.NumberColumn('x', help=name)",
        "def f(frame):\n    st.table(frame)",
        "def f(frame):\n    st.write(frame)",
        "def f(options):\n    st.button(**options)",
        "def f(text):\n    st.html(f'<b>{text}</b>')",
        "def f(text):\n    st.html(plain(text))",  # an escape of Markdown is none of HTML
        "def f(text):\n    st.markdown(plain(text), unsafe_allow_html=True)",
        "def f(name):\n    _g(plain(name))\n    _g(name)\n\ndef _g(label):\n    st.caption(label)",
        "def f(name):\n    st.caption(_g(name))\n\ndef _g(name):\n    return f'Column {name}'",
        "def f(rows):\n    for count, name in ((rows, 'row'), (1, rows.name)):\n        st.caption(name)",
        "def f(run):\n    if name := run.name:\n        st.caption(name)",
        "NAMES = {}\n\ndef f(run):\n    st.caption(run.NAMES)",
    ],
)
def test_a_name_that_was_not_made_plain_is_found(source: str) -> None:
    assert len(judged(source)) >= 1


def test_what_another_page_hands_over_is_followed() -> None:
    shown = "def show(title):\n    st.subheader(title)"
    assert judged("def f(name):\n    other.show(plain(name))", other=shown) == []
    assert len(judged("def f(name):\n    other.show(name)", other=shown)) == 1
    assert len(judged("def f(name):\n    pass", other=shown)) == 1  # nobody says what it is given
    made = "def text(name):\n    return f'Run {name}'"
    assert len(judged("def f(name):\n    st.caption(other.text(name))", other=made)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def f(name):\n    st.caption(f'Column {plain(name)}')",
        "def f(name):\n    st.caption(f'Column {resources.plain(name, None)}')",
        "def f(n, day):\n    st.caption(f'{n:,} rows, {n / 3:.1%}, {day:%d %b}, {len(str(n))}')",
        "WORDS = {'a': 'An a', 'b': 'A b'}\n\ndef f(k):\n    st.selectbox(WORDS[k], k, help=WORDS.get(k, ''))",
        "def f(names):\n    st.selectbox('Column', names, format_func=lambda name: name)",  # not Markdown there
        "def f(name):\n    _g(plain(name))\n\ndef _g(label):\n    st.columns(2)[0].caption(label)",
        "def f(rows):\n    for count, word in ((rows, 'row'), (1, 'column')):\n        st.caption(f'{count:,} {word}')",
        "def f(names):\n    st.caption(', '.join(plain(name) for name in names))",
        "def f(rows):\n    text = 'one' if rows == 1 else 'several'\n    text += f' {rows:,}'\n    st.info(text)",
        "import html\n\ndef f(name):\n    st.html(f'<b>{html.escape(name)}</b>')",
        "import logging\n\nlog = logging.getLogger()\n\ndef f(name):\n    log.error(name)",
        "def f(settings):\n    i = type(settings).model_fields['x']\n    st.toggle(i.title or 'x', help=i.description)",
    ],
)
def test_what_is_plain_is_let_through(source: str) -> None:
    assert judged(source) == []


def test_no_markup_is_left_of_a_plain_name() -> None:
    for name in NAMES:
        for shown in (f"Rows of {plain(name, None)}", f"**{plain(name)}**", f"{spoken(name)}: exact value"):
            kinds = {token.type for token in tokens(shown)} - {"strong_open", "strong_close"}
            assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}, (
                name,
                kinds,
            )
    assert spoken("bill_length_mm") == "bill_length_mm"
    assert spoken("_a_ *b* [c](d) 1.5") == "a b c d 1 5"
