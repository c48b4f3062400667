"""The vote on the dialect, against small texts whose dialect can be seen."""

import pytest

from lrapp.errors import UserError
from lrapp.tables.text.dialects import DialectOverrides, detect


def test_delimiter_and_quote_are_found(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str, str]] = [
        ("a,b\n1,2\n3,4\n", ",", '"'),
        ("a;b\n1,5;2\n2,5;4\n", ";", '"'),
        ("a\tb\n1\t2\n3\t4\n", "\t", '"'),
        ("a|b\n1|2\n3|4\n", "|", '"'),
        ("a::b\n1::2\n3::4\n", "::", '"'),
        ("1 2 x\n3 4 y\n5 6 z\n", " ", '"'),
        ("a,b\n'x, y',1\n'z',2\n'u',3\n", ",", "'"),
        ("a,b\nO'Neil,1\nD'Arcy,2\nthe 'x',3\n", ",", '"'),
        ('a,b\n5" pipe,1\n7" pipe,2\n9" pipe,3\n', ",", ""),
        ('a,b\n"x; y; z",1\n"u; v; w",2\n', ",", '"'),
        ("when\n2020-01-01 10:00:00\n2020-01-02 11:00:00\n", ",", '"'),
        ("price\n1,50\n2,75\n", ";", '"'),
        ("name       age  city\nAnna Bell  12   New York\nBob        40   Rome\n", "  ", '"'),
        ("full name  home city  age\nAnna Bell  New York   12\nBob Stone  San Jose   40\n", "  ", '"'),
        ("name         age  city\nSmith, John  12   New York\nBell, Anna   40   Rome\n", "  ", '"'),
        ("city      people     area\nParis     2 161 000  105\nNew York  126 329    7\n", "  ", '"'),
        ("1 2  3 4\n5 6  7 8\n", " ", '"'),
        ("0.5  15.30 396.90   4.98\n0.6  17.80 396.90   9.14\n", " ", '"'),
        ("Anna 12  Rome 5\nEmma 40  Oslo 7\n", " ", '"'),
        ('1.5   8   2   7   70  1\t"ford pinto"\n2.5   8   3   7   70  1\t"buick 320"\n', " ", '"'),
        ("name\t\tage\tcity\nAnna Bell\t12\tRome\nBob\t\t40\tRome\nChristopher\t33\tOslo\n", "\t\t", '"'),
        ("name\t\tage\t\tcity\nAnna\t\t12\t\tRome\nBob\t\t40\t\tOslo\n", "\t\t", '"'),
        ("name\tage\tcity\nAnna\t\tRome\nBob\t40\tOslo\nEve\t33\tOslo\n", "\t", '"'),
        ("1\t\t3\t4\n1\t2\t\t4\n5\t\t7\t8\n", "\t", '"'),
        ("a\tb\tc\n1\t\t2\n3\t\t4\n", "\t", '"'),
        ("a\tb\tc\n1\t2\t3\n4\t\t5\t\n", "\t", '"'),
        ("a\tb\t\t\n1\t2\t\t\n3\t4\t\t\n", "\t", '"'),
        ("a b ^  b ^  c\n1 ^  2 ^  3\nx y ^  4 ^  5\n", "^", '"'),
        ("a b,  c\nx y,  1\nz,  2\n", ",", '"'),
    ]
    for text, delimiter, quote in cases:
        with subtests.test(text):
            dialect = detect(text, "utf-8").dialect
            assert (dialect.delimiter, dialect.quote) == (delimiter, quote)


def test_a_sep_line_decides() -> None:
    found = detect("sep=;\r\na,x;b\r\n1,2;3\r\n", "utf-8")
    assert (found.dialect.delimiter, found.named_lines, found.width) == (";", 1, 2)


def test_backslash_before_quotes_is_seen() -> None:
    text = 'a,b\n"he said \\"yes\\", then",1\n"no",2\n'
    assert detect(text, "utf-8").dialect.escape == "\\"
    assert detect('a,b\n"C:\\dir",1\n"no",2\n', "utf-8").dialect.escape == ""


def test_an_overrule_out_of_range_is_refused(subtests: pytest.Subtests) -> None:
    for wrong in [
        {"delimiter": ""},
        {"delimiter": "\n"},
        {"quote": "x"},
        {"decimal": ";"},
        {"decimal": ".", "thousands": "."},
    ]:
        with subtests.test(f"{wrong!r}"), pytest.raises(UserError, match="must"):
            DialectOverrides(**wrong)  # type: ignore[arg-type]
