"""Units: what is certain is converted exactly, all else is not."""

from fractions import Fraction

import pytest

from lrapp.formats import units


@pytest.mark.parametrize(
    ("written", "wanted", "times"),
    [
        ("g", "kg", Fraction(1, 1000)),
        ("kg", "g", 1000),
        ("KG", "kg", 1),
        ("mg", "g", Fraction(1, 1000)),
        ("t", "kg", 1000),
        ("lb", "kg", Fraction("0.45359237")),
        ("cm", "m", Fraction(1, 100)),
        ("mm", "km", Fraction(1, 10**6)),
        ("in", "cm", Fraction("2.54")),
        ("ml", "l", Fraction(1, 1000)),
        ("L", "l", 1),
        ("min", "h", Fraction(1, 60)),
        ("ms", "s", Fraction(1, 1000)),
        ("km/h", "m/s", Fraction(5, 18)),
        ("cm2", "m²", Fraction(1, 10**4)),
        ("MW", "mW", 10**9),
        ("μs", "us", 1),
        ("MB", "kB", 1000),
        ("MiB", "KiB", 1024),
        ("%", "‰", 10),
        ("furlong", "furlong", 1),
    ],
)
def test_what_is_certain_is_exact(written: str, wanted: str, times: Fraction | int) -> None:
    assert units.factor(written, wanted) == times
    assert units.factor(wanted, written) == 1 / Fraction(times)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("g", "m"),
        ("kg", ""),
        ("", "kg"),
        ("°C", "°F"),
        ("stone", "kg"),
        ("%", "kg"),
        ("mb", "MB"),
        ("€", "$"),
    ],
)
def test_what_is_not_certain_is_not_converted(written: str, wanted: str) -> None:
    assert units.factor(written, wanted) is None


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("body_mass_g", "g"),
        ("length (cm)", "cm"),
        ("speed [km/h]", "km/h"),
        ("weight", ""),
        ("g", ""),
        ("market_share", ""),
        ("first name", ""),
    ],
)
def test_a_name_may_end_in_its_unit(name: str, unit: str) -> None:
    assert units.unit_in_name(name) == unit


def test_a_sign_and_a_code_are_one_currency() -> None:
    assert units.same_currency("€", "EUR")
    assert not units.same_currency("€", "$")
