"""Numbers that stand for a gap are found, and honest extremes are not."""

import numpy as np
import pandas as pd
import pytest

from lrapp.tables import gap_codes
from lrapp.tables.reading import read_csv

ROWS = 400


def found_in(**columns: np.ndarray) -> list[tuple[str, float]]:
    frame = pd.DataFrame(columns | {"word": ["a", "b"] * (ROWS // 2)})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    return [(code.column, code.code) for code in gap_codes.suspects(table)]


def values(low: float, high: float, *, whole: bool = True) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(int(low), int(high), ROWS) if whole else random.uniform(low, high, ROWS).round(2)


def with_code(numbers: np.ndarray, code: float, share: float = 0.05) -> np.ndarray:
    coded = numbers.astype(float)
    coded[: int(share * len(coded))] = code
    return coded


def test_a_frequent_number_far_from_all_others_is_a_code(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, float]] = [
        (0, 50, -1),
        (1, 900, -1),
        (-20, 40, -200),
        (0, 60, 999),
        (0, 500, 9999),
        (-30, 30, -99.9),
        (0, 3, 1e9),
        (0, 90, -9),
    ]
    for low, high, code in cases:
        with subtests.test(f"{low!r}"):
            numbers = values(low, high, whole=high > 30)
            assert found_in(x=with_code(numbers, code)) == [("x", code)]


def test_two_codes_of_one_column() -> None:
    both = with_code(with_code(values(0, 90), -999, 0.1), 999)
    assert found_in(x=both) == [("x", -999.0), ("x", 999.0)]


def test_a_rare_code_counts_where_another_column_has_it() -> None:
    rare = with_code(values(-9, 90, whole=False), -200, 0.01)
    assert found_in(x=rare, y=values(0, 40)) == []
    assert found_in(x=rare, y=with_code(values(-5, 40), -200)) == [("x", -200.0), ("y", -200.0)]


def test_honest_numbers_have_none(subtests: pytest.Subtests) -> None:
    for numbers in [
        values(0, 1_000),
        values(-50, 50),
        with_code(values(1, 50), 0, 0.4),  # zero is a number: none was bought
        np.minimum(values(0, 500), 400),  # cut off at the end of a scale
        np.resize([-1, 0, 1], ROWS),  # less, equal, more
        np.exp(3 * np.random.default_rng(1).normal(size=ROWS)),  # a long tail
        np.resize([1, 2, 3, 4, 5, 6, 7], ROWS),
        with_code(values(10, 99), 99),
        np.resize([100, 200, 500, 1000, 2000, 5000], ROWS),
    ]:
        with subtests.test(f"{numbers!r}"):
            assert found_in(x=numbers) == []
