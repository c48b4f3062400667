"""Units that numbers are written with, and conversions between them, where they are certain."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

_PREFIXES = {
    "n": Fraction(1, 10**9), "µ": Fraction(1, 10**6), "m": Fraction(1, 1000), "c": Fraction(1, 100),
    "d": Fraction(1, 10), "": Fraction(1), "h": Fraction(100), "k": Fraction(1000), "M": Fraction(10**6),
    "G": Fraction(10**9), "T": Fraction(10**12),
}  # fmt: skip
# Each base unit with its usual prefixes.
_BASES = {
    "g": "nµmk", "m": "nµmcdk", "l": "µmcdh", "s": "nµm", "W": "mkMGT", "Wh": "mkMGT", "V": "µmk", "A": "nµmk",
    "Hz": "mkMGT", "J": "mkMG", "Pa": "hkM", "N": "mk", "B": "kMGT", "mol": "nµm",
}  # fmt: skip
_MINUTE = Fraction(60)
_LITRE = Fraction(1)
# (quantity, size in its base unit)
_OTHERS: dict[str, tuple[str, Fraction]] = {
    "t": ("g", Fraction(10**6)),
    "lb": ("g", Fraction(45359237, 100000)),
    "lbs": ("g", Fraction(45359237, 100000)),
    "oz": ("g", Fraction(45359237, 1600000)),
    "in": ("m", Fraction(254, 10000)),
    "ft": ("m", Fraction(3048, 10000)),
    "yd": ("m", Fraction(9144, 10000)),
    "mi": ("m", Fraction(1609344, 1000)),
    "min": ("s", _MINUTE),
    "h": ("s", 60 * _MINUTE),
    "hr": ("s", 60 * _MINUTE),
    "hrs": ("s", 60 * _MINUTE),
    "d": ("s", 1440 * _MINUTE),
    "day": ("s", 1440 * _MINUTE),
    "days": ("s", 1440 * _MINUTE),
    "sec": ("s", Fraction(1)),
    "m/s": ("m/s", Fraction(1)),
    "km/h": ("m/s", Fraction(1000, 3600)),
    "kmh": ("m/s", Fraction(1000, 3600)),
    "mph": ("m/s", Fraction(1609344, 3600000)),
    "mm²": ("m²", Fraction(1, 10**6)),
    "cm²": ("m²", Fraction(1, 10**4)),
    "m²": ("m²", Fraction(1)),
    "ha": ("m²", Fraction(10**4)),
    "km²": ("m²", Fraction(10**6)),
    "cm³": ("l", Fraction(1, 1000)),
    "m³": ("l", 1000 * _LITRE),
    "bar": ("Pa", Fraction(10**5)),
    "mbar": ("Pa", Fraction(100)),
    "KiB": ("B", Fraction(1024)),
    "MiB": ("B", Fraction(1024**2)),
    "GiB": ("B", Fraction(1024**3)),
    "of 1": ("share", Fraction(1)),
    "%": ("share", Fraction(1, 100)),
    "‰": ("share", Fraction(1, 1000)),
}
# What a number is multiplied by, and what is then added, to be in kelvin.
_CELSIUS = Fraction(1), Fraction("273.15")
_FAHRENHEIT = Fraction(5, 9), Fraction("459.67") * 5 / 9
_KELVIN = Fraction(1), Fraction(0)
_DEGREES: dict[str, tuple[Fraction, Fraction]] = {
    **dict.fromkeys(("°C", "℃", "degC"), _CELSIUS),
    **dict.fromkeys(("°F", "℉", "degF"), _FAHRENHEIT),
}
# Letters that can mean anything, such as thousands or a vitamin; degrees only beside another unit of temperature.
_LETTERS = {"C": _CELSIUS, "F": _FAHRENHEIT, "K": _KELVIN}
# Names of temperature differences, which convert without an offset.
_DIFFERENCE = re.compile(
    r"(?<![a-z])(delta|diff|difference|change|rise|drop|increase|decrease|gradient|range|spread|sd|std|stdev|error|"
    r"uncertainty|tolerance|anomaly)(?![a-z])|[Δ∆]",
    re.IGNORECASE,
)
_CASELESS = frozenset(
    ("g", "kg", "mg", "m", "km", "cm", "mm", "l", "ml", "cl", "dl", "lb", "lbs", "oz", "ft", "min")
)
_CURRENCIES = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₪": "ILS",
    "₺": "TRY",
    "US$": "USD",
}
_OF_NAME = re.compile(r"(?:.*[\s_])?[(\[]?(?P<unit>[A-Za-zµ°℃℉²³/%‰]{1,6})[)\]]?")


@cache
def _known() -> dict[str, tuple[str, Fraction]]:
    units = dict(_OTHERS)
    for base, prefixes in _BASES.items():
        for prefix in ("", *prefixes):
            units[prefix + base] = (base, _PREFIXES[prefix])
    units |= {name.replace("l", "L"): unit for name, unit in units.items() if unit[0] == "l"}
    units |= {name.replace("µ", "u"): unit for name, unit in units.items() if name.startswith("µ")}
    units |= {
        name.replace("²", "2").replace("³", "3"): units[name] for name in list(units) if name[-1] in "²³"
    }
    return units


def _find(unit: str) -> tuple[str, Fraction] | None:
    found = _known().get(unit.replace("μ", "µ"))
    if found is None and unit.casefold() in _CASELESS:
        return _known()[unit.casefold()]
    return found


@dataclass(frozen=True)
class Conversion:
    """A conversion between units: a factor, then an offset."""

    times: Fraction = Fraction(1)
    plus: Fraction = Fraction(0)


def conversion(written: str, wanted: str, name: str = "") -> Conversion | None:
    """Return how a number in one unit becomes one in another; None where that is not certain.

    Args:
        written, wanted: Units as they stand behind numbers, such as ``"g"`` and ``"kg"``.
        name: Of the column. It shows whether temperatures are differences, which convert otherwise and are not certain.
    """
    if written == wanted:
        return Conversion()
    here, there = _degrees(written), _degrees(wanted)
    if here is not None and there is not None:
        found = Conversion(here[0] / there[0], (here[1] - there[1]) / there[0])
        return None if found != Conversion() and _DIFFERENCE.search(name) else found
    one, other = _find(written), _find(wanted)
    if one is None or other is None or one[0] != other[0]:
        return None
    return Conversion(one[1] / other[1])


def _degrees(unit: str) -> tuple[Fraction, Fraction] | None:
    return _DEGREES.get(unit) or _LETTERS.get(unit)


def unit_in_name(name: str) -> str:
    """Return the unit that ends a column's name, such as ``weight_kg`` or ``length (cm)``; ``""`` where none does."""
    match = _OF_NAME.fullmatch(name.strip())
    if match is None or match["unit"] == name.strip():
        return ""
    return match["unit"] if _find(match["unit"]) is not None or match["unit"] in _DEGREES else ""


def same_currency(one: str, other: str) -> bool:
    """Return whether two signs or codes are of one currency."""
    return _CURRENCIES.get(one, one).rstrip(".") == _CURRENCIES.get(other, other).rstrip(".")
