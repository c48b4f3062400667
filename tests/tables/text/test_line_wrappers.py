"""Marks around rows and cells, in texts small enough to see."""

from lrapp.tables.text.line_wrappers import without_wrappings


def test_rows_that_are_quoted_as_a_whole_are_unwrapped() -> None:
    bare = without_wrappings(b'"a,b"\r\n"1,""x, y"""\r\n"2,z"\r\n')
    assert bare.data == b'a,b\r\n1,"x, y"\r\n2,z\r\n'
    assert bare.notes == ("Every row was quoted as a whole; these quotes were taken off.",)


def test_formulas_are_read_as_their_text() -> None:
    bare = without_wrappings(b'="01",a\n="02";="x"\n')
    assert bare.data == b'"01",a\n"02";"x"\n'
    assert len(bare.notes) == 1


def test_other_texts_stay_as_they_are() -> None:
    cases: list[bytes] = [
        b'"text"\n"hello, world"\n"good, bad"\n',
        b'"a","b"\n"1","2"\n',
        b'"a, b"\n"c, d\n',
        b'a,b\n1,x="2"\n',
        b'"a"\n"b"\n',
        b"",
    ]
    for data in cases:
        assert without_wrappings(data).data is data, data
