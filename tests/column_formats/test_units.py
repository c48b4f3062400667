"""Units: what is certain is converted exactly, all else is not."""

from fractions import Fraction

import pytest

from lrapp.column_formats import units
from lrapp.column_formats.units import Conversion


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
    assert units.conversion(written, wanted) == Conversion(Fraction(times))
    assert units.conversion(wanted, written) == Conversion(1 / Fraction(times))


@pytest.mark.parametrize(
    ("written", "number", "wanted", "other"),
    [
        ("°C", 100, "°F", 212),
        ("°C", -40, "°F", -40),
        ("°C", 0, "K", "273.15"),
        ("°F", "98.6", "°C", 37),
        ("K", 0, "°F", "-459.67"),
        ("℃", 25, "degF", 77),
        ("C", 20, "F", 68),
        ("C", 20, "°C", 20),
    ],
)
def test_temperatures_are_converted_with_their_zero_points(
    written: str, number: int | str, wanted: str, other: int | str
) -> None:
    there, back = units.conversion(written, wanted), units.conversion(wanted, written)
    assert there is not None
    assert back is not None
    assert Fraction(number) * there.times + there.plus == Fraction(other)
    assert Fraction(other) * back.times + back.plus == Fraction(number)


@pytest.mark.parametrize(
    "name", ["delta_T", "temperature difference", "ΔT", "T range", "daily change (°C)", "std_T"]
)
def test_differences_of_temperatures_are_no_temperatures(name: str) -> None:
    assert units.conversion("°F", "°C", name) is None
    assert units.conversion("°C", "°C", name) == Conversion()
    assert units.conversion("C", "°C", name) == Conversion()
    assert units.conversion("g", "kg", name) is not None


def test_what_only_sounds_like_a_difference_is_a_temperature() -> None:
    cases: list[str] = ["temperature", "T_orange", "arranged", "exchanger temperature"]
    for name in cases:
        assert units.conversion("°F", "°C", name) is not None, name


def test_what_is_not_certain_is_not_converted() -> None:
    cases: list[tuple[str, str]] = [
        ("g", "m"),
        ("kg", ""),
        ("", "kg"),
        ("°C", "J"),
        ("°C", ""),
        ("K", "kg"),
        ("K", "kV"),
        ("stone", "kg"),
        ("%", "kg"),
        ("mb", "MB"),
        ("€", "$"),
    ]
    for written, wanted in cases:
        assert units.conversion(written, wanted) is None, (written, wanted)


def test_a_name_may_end_in_its_unit() -> None:
    cases: list[tuple[str, str]] = [
        ("body_mass_g", "g"),
        ("length (cm)", "cm"),
        ("speed [km/h]", "km/h"),
        ("outside °F", "°F"),
        ("T (degC)", "degC"),
        ("vitamin C", ""),
        ("class K", ""),
        ("weight", ""),
        ("g", ""),
        ("market_share", ""),
        ("first name", ""),
    ]
    for name, unit in cases:
        assert units.unit_in_name(name) == unit, (name, unit)


def test_a_sign_and_a_code_are_one_currency() -> None:
    assert units.same_currency("€", "EUR")
    assert not units.same_currency("€", "$")
