"""Texts brought into one form."""

from lrapp.tables.text.delimited_text import prepare_text


def test_delimiters_of_several_characters_become_one() -> None:
    assert prepare_text(b"a::b\n", "::", '"').data == b"a\x1fb\n"
    assert prepare_text(b"a   b\n  1 2\n", " ", '"').data == b"a\x1fb\n1\x1f2\n"
    assert prepare_text(b" a b   c\td \n", "  ", '"').data == b"a b\x1fc\x1fd\n"
    assert prepare_text(b'"a  b"  c\n', "  ", '"').data == b'"a  b"\x1fc\n'
    assert prepare_text(b'a b\t\tc\t"d\t\te"\n', "\t\t", '"').data == b'a b\x1fc\x1f"d\t\te"\n'
    assert prepare_text(b'a, "x, y"\n', ",", '"').data == b'a,"x, y"\n'
    assert prepare_text(b'a, "",, ",x"\n', ",", '"').data == b'a,"",,",x"\n'


def test_a_delimiter_and_a_space_that_end_a_quoted_cell_stay() -> None:
    cases: list[bytes] = [b'"a, ",b\n', b'b,"a, "\n', b'"a, "",x",b\n', b'"",", "\n']
    for line in cases:
        assert prepare_text(line, ",", '"').data == line, line
