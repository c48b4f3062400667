"""Points in time as programs and people of many languages write them, against what they mean."""

import pyarrow as pa
import pytest

from lrapp.tables.columns.dates import MIXED, date_shape, parse_dates
from lrapp.tables.columns.distinct_values import with_own_digits, words_of

DAY = "2019-02-08"
MORNING = "2019-02-08 05:13:17"


def read(cells: list[str], *, by_hand: bool = False) -> list[str] | None:
    words = with_own_digits(words_of(pa.chunked_array([cells])))
    shape = date_shape(words.texts, by_hand=by_hand)
    dates = parse_dates(words, shape, day_first_hint=False) if shape else None
    return dates.values.astype("str").tolist() if dates else None


def test_a_point_in_time_is_read() -> None:
    cases: list[tuple[str, str]] = [
        ("20190208T051317Z", MORNING),
        ("20190208T0513", "2019-02-08 05:13:00"),
        ("20190208 051317", MORNING),
        ("20190208051317", MORNING),
        ("20190208_051317.250", "2019-02-08 05:13:17.250"),
        ("Fri Feb 08 05:13:17 2019", MORNING),
        ("Fri Feb  8 05:13:17 2019", MORNING),
        ("Fri Feb  8 05:13:17 UTC 2019", MORNING),
        ("Fri Feb 08 05:13:17 CET 2019", "2019-02-08 04:13:17"),
        ("Fri Feb 08 2019 05:13:17 GMT+0100 (Central European Standard Time)", "2019-02-08 04:13:17"),
        ("Fri, 08 Feb 2019 05:13:17 GMT", MORNING),
        ("Fri, 8 Feb 2019 05:13:17 -0800 (PST)", "2019-02-08 13:13:17"),
        ("08/Feb/2019:05:13:17 +0100", "2019-02-08 04:13:17"),
        ("2/8/2019, 5:13:17 AM", MORNING),
        ("2/8/2019, 5:13:17\u202fPM", "2019-02-08 17:13:17"),
        ("8.2.2019, 05:13:17", MORNING),
        ("8. 2. 2019", DAY),
        ("08.02.2019 05:13 Uhr", "2019-02-08 05:13:00"),
        ("2/8/2019 12:00 AM", DAY),
        ("2/8/2019 12:30 p.m.", "2019-02-08 12:30:00"),
        ("08FEB2019", DAY),
        ("08FEB2019:05:13:17", MORNING),
        ("08feb19", DAY),
        ("8-Feb-2019", DAY),
        ("2019-Feb-08", DAY),
        ("2019 February 8", DAY),
        ("Feb 8, 2019, 5:13 AM", "2019-02-08 05:13:00"),
        ("Friday, February 8, 2019 at 5:13:17 AM", MORNING),
        ("the 8th of February 2019", DAY),
        ("2019-02-08 05:13:17.123 +01:00", "2019-02-08 04:13:17.123"),
        ("2019-02-08 05:13:17,123", "2019-02-08 05:13:17.123"),
        ("2019-02-08T05:13:17.123456789Z", "2019-02-08 05:13:17.123456"),
        ("2019-02-08T24:00:00", "2019-02-09"),
        ("2019. 02. 08.", DAY),
        ("2019-02-08Z", DAY),
        ("2019-02-08+02:00", DAY),
        ("2019-W06-5", DAY),
        ("2019W065", DAY),
        ("February 2019", "2019-02-01"),
        ("févr. 2019", "2019-02-01"),
        ("02/2019", "2019-02-01"),
        ("2019年2月", "2019-02-01"),
        ("8. Februar 2019", DAY),
        ("Freitag, 8. Februar 2019, 05:13:17 Uhr", MORNING),
        ("8. Mrz. 2019", "2019-03-08"),
        ("8. Jänner 2019", "2019-01-08"),
        ("8 févr. 2019", DAY),
        ("févr. 8, 2019", DAY),
        ("ven. 8 février 2019 à 05:13", "2019-02-08 05:13:00"),
        ("1er août 2019", "2019-08-01"),
        ("8 de febrero de 2019", DAY),
        ("viernes, 8 de febrero de 2019", DAY),
        ("8/2/2019, 5:13:17 p. m.", "2019-08-02 17:13:17"),
        ("8 febbraio 2019", DAY),
        ("8 de fevereiro de 2019", DAY),
        ("8 mrt 2019", "2019-03-08"),
        ("8 maj 2019", "2019-05-08"),
        ("8 lutego 2019", DAY),
        ("8. února 2019", DAY),
        ("8. február 2019", DAY),
        ("2019. február 8.", DAY),
        ("8 Şubat 2019", DAY),
        ("8 februarie 2019", DAY),
        ("8. veljače 2019", DAY),
        ("8. februar 2019", DAY),
        ("8 февраля 2019 г.", DAY),
        ("8 лютого 2019", DAY),
        ("8 февруари 2019", DAY),
        ("8 Φεβρουαρίου 2019", DAY),
        ("8. helmikuuta 2019", DAY),
        ("8 Desember 2019", "2019-12-08"),
        ("8 tháng 2, 2019", DAY),
        ("ngày 8 tháng 2 năm 2019", DAY),
        ("2019年2月8日", DAY),
        ("2019年2月8日 5時13分17秒", MORNING),
        ("2019年2月8日 上午5:13:17", MORNING),
        ("2019年2月8日 下午5:13", "2019-02-08 17:13:00"),
        ("2019년 2월 8일", DAY),
        ("8 فبراير 2019", DAY),
        ("٢٠١٩-٠٢-٠٨", DAY),
        ("8 फ़रवरी 2019", DAY),
        ("05:13", "1970-01-01 05:13:00"),
        ("5:13:17 PM", "1970-01-01 17:13:17"),
        ("5:13:17.5", "1970-01-01 05:13:17.500"),
        ("5 p.m.", "1970-01-01 17:00:00"),
        ("오후 5:13", "1970-01-01 17:13:00"),
        ("12:05 am", "1970-01-01 00:05:00"),
    ]  # fmt: skip
    for cell, moment in cases:
        assert read([cell]) == [moment], (cell, moment)


def test_what_could_be_a_number_or_a_name_is_a_date_where_a_person_says_so(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str]] = [
        ("1549602797", MORNING),
        ("1549602797.5", "2019-02-08 05:13:17.500"),
        ("1549602797000", MORNING),
        ("1549602797000000000", MORNING),
        ("43504", DAY),
        ("43504.5", "2019-02-08 12:00:00"),
        ("2019", "2019-01-01"),
        ("2019-W06", "2019-02-04"),
        ("2019Q1", "2019-01-01"),
        ("Q4 2019", "2019-10-01"),
        ("Feb-19", "2019-02-01"),
    ]
    for cell, moment in cases:
        with subtests.test(cell):
            assert read([cell]) is None
            assert read([cell], by_hand=True) == [moment]


def test_other_things_are_no_dates() -> None:
    cases: list[str] = [
        "75:30",
        "4:3",
        "1:2:3:4",
        "8 kg 2019",
        "Room 8 Maya 2019",
        "2019-13-45x",
        "8 XYZ 2019",
        "12345678",
        "2019-02-08 05:13 XYZ",
        "may",
        "5",
        "+49 30 123456",
        "1.2.3",
        "192.168.0.1",
        "10-20-30-40",
    ]
    for cell in cases:
        assert date_shape([cell]) is None, cell


def test_each_cell_may_have_a_shape_of_its_own_where_a_person_says_so() -> None:
    cells = ["2019-02-08", "8 Feb 2019", "Feb 9, 2019", "20190210T000000"]
    assert date_shape(cells) is None
    assert date_shape(cells, by_hand=True) == MIXED
    assert read(cells, by_hand=True) == [DAY, DAY, "2019-02-09", "2019-02-10"]


def test_a_word_before_the_day_is_a_weekday_only_where_there_are_seven_at_most() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    assert date_shape([f"{word} 8 May 2019" for word in words]) is None
    assert date_shape([f"{word} 8 May 2019" for word in words[:7]]) == "day_month"


def test_a_name_of_two_months_goes_by_the_language_of_its_column() -> None:
    assert read(["8 listopada 2019", "9 grudnia 2019"]) == ["2019-11-08", "2019-12-09"]
    assert read(["8. listopada 2019", "9. rujna 2019"]) == ["2019-10-08", "2019-09-09"]
