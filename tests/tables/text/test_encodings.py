"""Encodings, with and without a mark."""

import codecs

import pytest

from lrapp.errors import UserError
from lrapp.tables.text.encodings import decode

TEXT = "städte,größe\nKöln,1\nMünchen,2\nZürich,3\n"


def test_the_encoding_is_found(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, str]] = [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-16"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-32"), "utf-32-le"),
        (TEXT.encode("cp1252"), "cp1252"),
    ]
    for data, encoding in cases:
        with subtests.test(f"{data!r}"):
            decoded = decode(data)
            assert (decoded.data.decode(), decoded.encoding) == (TEXT, encoding)


def test_other_alphabets_are_told_from_western_ones(subtests: pytest.Subtests) -> None:
    for encoding in ["cp1251", "shift_jis", "gb18030"]:
        with subtests.test(encoding):
            text = {
                "cp1251": "имя,город\nИван,Москва\nПётр,Казань\nАнна,Новгород\n",
                "shift_jis": "名前,値段\n東京,ひらがな\n大阪,カタカナ\n京都,漢字\n",
                "gb18030": "姓名,城市\n王伟,北京\n李娜,上海\n张敏,广州\n",
            }[encoding]
            assert decode(text.encode(encoding)).data.decode() == text


RUSSIAN = ["Москва", "Казань", "Тверь", "Новгород", "Санкт-Петербург", "Ростов-на-Дону"]
CITIES = {
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "cp866": RUSSIAN,
    "cp1253": ["Αθήνα", "Πάτρα", "Θεσσαλονίκη"],
    "cp1250": ["Łódź", "Białystok", "Gdańsk"],
    "mac_roman": ["Orléans", "Nîmes", "Besançon"],
    "cp850": ["Orléans", "Nîmes", "Besançon"],
    "cp1252": ["Orléans", "3 m³ – l’été", "Besançon"],
    "big5": ["臺北", "高雄", "臺中市"],
    "cp949": ["서울", "부산", "대구시"],
}


def test_words_among_numbers_tell_the_encoding_and_it_is_said(subtests: pytest.Subtests) -> None:
    for encoding in CITIES:
        with subtests.test(encoding):
            text = "city,v\n" + "".join(
                f"{CITIES[encoding][place % len(CITIES[encoding])]}{place % 5},{place % 7}.5\n"
                for place in range(60)
            )
            decoded = decode(text.encode(encoding))
            assert (decoded.data.decode(), decoded.encoding) == (text, encoding)
            assert decoded.guess == (
                f"The file is not in UTF-8; it was read as {encoding}. If letters look wrong, choose another encoding, "
                "or save the file in UTF-8."
            )
            assert not decoded.notes


def test_a_few_foreign_bytes_in_utf8_are_counted() -> None:
    decoded = decode("é,ü,ö,ä,à\n".encode() + b"\xe9\n")
    assert decoded.data.decode() == "é,ü,ö,ä,à\né\n"
    assert decoded.notes == ("1 byte that did not fit UTF-8 was read as cp1252.",)


def test_half_a_letter_at_the_end_makes_no_other_encoding(subtests: pytest.Subtests) -> None:
    for half in [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x90"]:
        with subtests.test(f"{half!r}"):
            decoded = decode("é,ü\n".encode() + half)
            assert (decoded.data.decode(), decoded.encoding) == ("é,ü\n", "utf-8")
            assert decoded.notes == (
                "The file ends amid a letter, which was left out: it may have been cut off.",
            )
            assert decode(b"a,b\n1,\xe9").encoding == "cp1252"


def test_nul_bytes_are_removed_and_counted() -> None:
    decoded = decode(b"a,b\n1\x00,2\n3,4\n5,6\n7,8\n9,10\n")
    assert decoded.data == b"a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n"
    assert decoded.notes == ("1 NUL byte was removed from the text.",)


def test_an_overrule_that_does_not_fit_is_refused(subtests: pytest.Subtests) -> None:
    for encoding in ["nothing", "base64", "ascii", "utf-8"]:
        with subtests.test(encoding), pytest.raises(UserError, match=r"encoding"):
            decode(b"a,\xe4\n", encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("end", ["3", "😀"])
def test_half_a_letter_at_the_end_is_left_out_and_said(encoding: str, marked: bool, end: str) -> None:
    if encoding.startswith("utf-32") and not marked:
        return  # never told without a mark
    whole, letter = TEXT.encode(encoding), end.encode(encoding)
    mark = "\ufeff".encode(encoding) if marked else b""
    for cut in range(1, len(letter)):
        decoded = decode(mark + whole + letter[:cut])
        assert (decoded.data.decode(), decoded.encoding) == (TEXT, encoding)
        assert "The file ends amid a letter, which was left out: it may have been cut off." in decoded.notes
    assert decode(mark + whole + letter).data.decode() == TEXT + end
