"""What the cells of a column show of how they are written."""

import pytest

from lrapp.column_formats.written import Written, is_currency, look


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "22", "333"], Written(most=333)),
        (["1.5", "2"], Written(decimal=".", example="1.5", most=2)),
        (["1,5", "2", "NA", ""], Written(decimal=",", example="1,5", most=2)),
        (["3.125", "7.250"], Written(unclear=".", example="3.125", most=7.25)),
        (["3,125", "12,5"], Written(decimal=",", unclear=",", example="12,5", most=12.5)),
        (["1.234,5", "20"], Written(decimal=",", thousands=".", example="1.234,5", most=1234.5)),
        (["1 234,5"], Written(decimal=",", thousands=" ", example="1 234,5", most=1234.5)),
        (["1.234.567"], Written(decimal=",", thousands=".", example="1.234.567", most=1234567)),
        (["50 kg"], Written(unit="kg", most=50)),
        (["50000 g", "20000 g", "0"], Written(unit="g", most=50000)),
        (["12%", "7.5 %"], Written(decimal=".", example="7.5 %", unit="%", most=12)),
        (["€ 12", "13"], Written(currency="€", most=13)),
        (["12 EUR"], Written(currency="EUR", most=12)),
        (["31/12/2020", "01/02/2020"], Written(order="day", date="31/12/2020")),
        (["12/31/2020", "01/02/2020"], Written(order="month", date="12/31/2020")),
        (["01.02.20"], Written(order="unclear", date="01.02.20")),
        (["13/02/2020", "02/13/2020"], Written(order="both", date="13/02/2020")),
        (["2020-01-02"], Written()),
        (["ja", "nein"], Written()),
        ([], Written()),
    ],
)
def test_what_cells_show(cells: list[str], expected: Written) -> None:
    found = look(cells)
    assert found.words == tuple(cell for cell in cells if cell not in ("", "NA"))
    assert Written(**{**vars(found), "words": ()}) == expected


def test_many_cells_are_looked_at_all_over() -> None:
    cells = [str(number) for number in range(100_000)]
    cells[::50] = [f"{number},5" for number in range(2_000)]
    assert look(cells).decimal == ","
    assert look(cells).words == ()


def test_currencies_are_told_from_units() -> None:
    assert [is_currency(word) for word in ("€", "USD", "kr", "kg", "%", "m", "")] == [True] * 3 + [False] * 4
