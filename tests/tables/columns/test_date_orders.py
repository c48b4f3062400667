"""The order of day and month, told by all dates of a column, by the order of rows, or by a person."""

import random
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from lrapp.tables.columns.date_orders import day_month_order
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.dialects import DialectOverrides


def read(cells: list[str], **told: str) -> Table:
    text = "\n".join(["when,y", *(f'"{cell}",{place}.5' for place, cell in enumerate(cells))])
    return read_csv(text.encode(), "t.csv", dialect=DialectOverrides(**told))  # type: ignore[arg-type]


def monthly(form: str, years: int = 3, day: int = 1) -> list[str]:
    return [date(2010 + n // 12, n % 12 + 1, day).strftime(form) for n in range(12 * years)]


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%m-%d-%Y", "%d/%m/%Y %H:%M"])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("repeated", [1, 600])
def test_months_with_one_day_each_are_months(form: str, shuffled: bool, repeated: int) -> None:
    cells = monthly(form) * repeated
    if shuffled:
        random.Random(1).shuffle(cells)
    found = read(cells).frame["when"]
    assert set(found.dt.day) == {1}
    assert found.dt.to_period("M").nunique() == 36


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%m.%d.%Y"])
@pytest.mark.parametrize("descending", [False, True])
def test_rows_in_the_order_of_time_tell(form: str, descending: bool) -> None:
    # Nothing above 12 stands in them, and both numbers vary.
    days = [date(2015, 1, 1) + timedelta(days=n) for n in range(0, 2000, 3)]
    days = [day for day in days if day.day <= 12]
    table = read([day.strftime(form) for day in (days[::-1] if descending else days)])
    assert sorted(table.frame["when"].dt.date) == days
    assert "which puts the rows in the order of time" in " ".join(table.notes)


def test_where_nothing_tells_the_usual_is_taken_and_said() -> None:
    table = read(["03/04/2020", "07/02/2020", "05/09/2020", "02/08/2020"])
    assert table.frame["when"].dt.month.tolist() == [3, 7, 5, 2]
    assert "Column 'when': every date could be read both ways and month before day was taken." in table.notes


@pytest.mark.parametrize(("order", "months"), [("dmy", [4, 2, 9]), ("mdy", [3, 7, 5])])
def test_a_person_may_choose(order: str, months: list[int]) -> None:
    cells = ["03/04/2020", "07/02/2020", "05/09/2020"]
    table = read(cells, date_order=order)
    assert table.frame["when"].dt.month.tolist() == months
    assert table.notes == ()
    assert (table.columns[0].format.date_order, table.columns[0].format.date_order_seen) == (order, False)
    again = (
        read(cells, date_order=order)
        .with_kinds({"when": ColumnKind.TEXT})
        .with_kinds({"when": ColumnKind.DATE})
    )
    assert again.frame["when"].dt.month.tolist() == months


def test_the_chosen_order_goes_where_dates_fit_it() -> None:
    table = read(["13/04/2020", "07/02/2020", "05/09/2020"], date_order="mdy")
    assert table.frame["when"].dt.month.tolist() == [4, 2, 9]
    said = "day before month was taken, not the chosen order, which its dates do not fit"
    assert table.notes == (f"Column 'when': {said}.",)
    both = read(["13/04/2020", "07/22/2020", "05/09/2020"], date_order="mdy")
    assert both.frame["when"].dt.month.tolist() == [4, 7, 5]


def test_dates_with_a_day_above_twelve_are_never_doubted() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        days, months, years = rng.integers(1, 29, 50), rng.integers(1, 13, 50), rng.integers(1990, 2030, 50)
        days[0] = 20
        for first, second, day_first in ((days, months, True), (months, days, False)):
            order = day_month_order(first, second, years, usual=not day_first)
            assert (order.day_first, order.seen, order.note) == (day_first, True, ""), seed


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(Exception, match="The order of dates must be dmy or mdy"):
        DialectOverrides(date_order="ydm")


def test_times_of_day_alone_vary_in_their_time_only() -> None:
    table = read([f"{n % 24:02d}:{n % 60:02d}" for n in range(200)])
    found = table.frame["when"]
    assert table.kinds["when"] is ColumnKind.DATE
    assert set(found.dt.normalize()) == {pd.Timestamp(1970, 1, 1)}
    assert found.dt.hour.tolist() == [n % 24 for n in range(200)]
    assert table.columns[0].examples == ("00:00:00", "01:01:00", "02:02:00")
    assert table.notes == ("Column 'when': times of day were read as times of 1 January 1970.",)


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        ([str(1_549_602_797 + n) for n in range(30)], "2019-02-08 05:13:17"),
        ([*(str(1_549_602_797 + n) for n in range(30)), ""], "2019-02-08 05:13:17"),
        ([f"{1_549_602_797 + n}.5" for n in range(30)], "2019-02-08 05:13:17.5"),
        ([str(1_549_602_797_000 + n) for n in range(30)], "2019-02-08 05:13:17"),
        ([*(str(1_549_602_797_000 + n) for n in range(30)), ""], "2019-02-08 05:13:17"),
        ([str(43_504 + n) for n in range(30)], "2019-02-08"),
        ([f"{43_504 + n}.5" for n in range(30)], "2019-02-08 12:00"),
        ([*(str(43_504 + n) for n in range(30)), ""], "2019-02-08"),
        ([str(1990 + n) for n in range(30)], "1990-01-01"),
        ([*(str(1990 + n) for n in range(30)), ""], "1990-01-01"),
        ([f"Q{n % 4 + 1} {2000 + n}" for n in range(30)], "2000-01-01"),
        ([f"2019-W{n + 6:02d}" for n in range(30)], "2019-02-04"),
    ],
)
def test_numbers_weeks_and_quarters_are_dates_where_a_person_says_so(cells: list[str], first: str) -> None:
    table = read(cells)
    assert table.kinds["when"] is not ColumnKind.DATE
    chosen = table.with_kinds({"when": ColumnKind.DATE})
    assert chosen.frame["when"].iloc[0] == pd.Timestamp(first)
    assert chosen.frame["when"].isna().sum() == cells.count("")
    format_ = next(column.format for column in chosen.columns if column.name == "when")
    text = "\n".join(["when,y", *(f"{cell},1.5" for cell in cells)])
    again = read_csv(text.encode(), "t", formats={"when": format_})
    assert again.frame["when"].equals(chosen.frame["when"])
    assert again.columns[0].misfits == 0
