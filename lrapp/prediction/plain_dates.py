"""The parts of dates as plain arithmetic, written once for all runtimes."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lrapp.prediction.plain_model import Arithmetic


def date_parts(seconds: Any, ops: "Arithmetic") -> list[Any]:
    """Return the numbers that ``cells.DATE_PARTS`` names, for seconds since 1970."""
    day = ops.constant(np.array([86_400.0]))
    days = ops.floor(seconds / day)
    return day_parts(days, seconds / day - days, ops)


def day_parts(days: Any, time: Any, ops: "Arithmetic") -> list[Any]:
    """Return the numbers that ``cells.DATE_PARTS`` names, for whole days since 1970 and the share of the last one.

    Days become dates as in Howard Hinnant's "chrono-compatible low-level date algorithms", whose years begin in March.
    """

    def c(value: float) -> Any:
        return ops.constant(np.array([float(value)]))

    def whole(x: Any, divisor: float) -> Any:
        # Between two whole numbers, where no rounding of the quotient reaches the next one.
        return ops.floor((x + c(0.5)) / c(divisor))

    z = days + c(719_468)
    era = whole(z, 146_097)
    day_of_era = z - era * c(146_097)
    year_of_era = whole(
        day_of_era - whole(day_of_era, 1460) + whole(day_of_era, 36_524) - whole(day_of_era, 146_096), 365
    )
    march_day = day_of_era - (year_of_era * c(365) + whole(year_of_era, 4) - whole(year_of_era, 100))
    month = whole(march_day * c(5) + c(2), 153)
    day = march_day - whole(month * c(153) + c(2), 5) + c(1)
    spring = ops.less(month, c(10))  # March to December
    year = year_of_era + era * c(400) + ops.where(spring, c(0), c(1))
    # 59 days before March, 60 in a leap year: the days since the last of February that the calendar has.
    leap = whole(year, 4) - whole(year - c(1), 4) - whole(year, 100) + whole(year - c(1), 100)
    leap = leap + whole(year, 400) - whole(year - c(1), 400)
    of_year = ops.where(spring, march_day + c(59) + leap, march_day - c(306))
    weekday = days + c(3) - whole(days + c(3), 7) * c(7)
    circles = []
    for turn in (of_year / c(366), weekday / c(7), time):
        circles += [ops.sine(turn * c(2 * np.pi)), ops.sine((turn + c(0.25)) * c(2 * np.pi))]
    return [days + time, year, day, *circles]
