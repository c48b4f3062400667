"""What is noticed over several parts of a table."""

import numpy as np
import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.prediction.row_predictions import Answers
from lrapp.prediction.summary import Tally
from lrapp.preparation.preprocessor import InputColumn, Preprocessor, Strange
from lrapp.tables.columns.kinds import ColumnKind

COLUMNS = (InputColumn("town", ColumnKind.CATEGORY, ("Bonn", "Rome")), InputColumn("age", ColumnKind.NUMBER))
CLASSES = Preprocessor("multi-class", "y", ("a", "b", "c"), 0.0, 1.0, COLUMNS, (), None)
NUMBERS = Preprocessor("regression", "y", (), 100.0, 10.0, COLUMNS, (), None)


def part(
    told: Preprocessor, values: list[float], bad: dict[str, str] | None = None, strange: Strange | None = None
) -> Answers:
    """Good rows with these answers, then bad ones: their culprits and reasons."""
    bad = bad or {}
    rows, good = len(values) + len(bad), len(values)
    chances = None
    if told.classes:
        chances = np.full((good, 3), 0.1)
        chances[np.arange(good), np.array(values, np.int64)] = 0.8
    return Answers(
        pd.DataFrame({"town": ["x"] * rows, "age": 1.0, "other": 2}),
        pd.DataFrame(index=range(rows)),
        np.arange(good),
        np.array(values, np.int64 if told.classes else np.float64),
        chances,
        None,
        np.array([""] * good + list(bad.values()), dtype=object),
        np.array([""] * good + list(bad), dtype=object),
        strange or {},
    )


def test_classes_are_counted_over_parts() -> None:
    tally = Tally(CLASSES)
    tally.add(part(CLASSES, [0, 2, 2], strange={"town": [("Oslo", 2), ("Pisa", 1)]}))
    tally.add(part(CLASSES, [2, 2], strange={"town": [("Oslo", 1)]}))
    assert [(bar.name, bar.rows) for bar in tally.bars()] == [("c", 4), ("a", 1), ("b", 0)]
    assert tally.confidence == pytest.approx(5 * 0.8)
    unseen = tally.unseen()[0]
    assert (unseen.column, unseen.categories, unseen.rows, unseen.examples) == (
        "town",
        2,
        4,
        ("Oslo", "Pisa"),
    )
    assert tally.notes() == (
        "1 column was not used, because the model does not need it: “other”.",
        "“town” holds 2 categories that training never saw, in 4 rows: “Oslo” and “Pisa”.",
    )


def test_numbers_become_a_histogram_in_their_own_units() -> None:
    tally = Tally(NUMBERS)
    values = np.linspace(-2, 2, 1001)
    tally.add(part(NUMBERS, values[:400].tolist()))
    tally.add(part(NUMBERS, [*values[400:].tolist(), 1e9, -1e9]))
    bars = tally.bars()
    assert sum(bar.rows for bar in bars) == 1003
    assert bars[0].low == pytest.approx(40), "what is far lies at the ends"
    assert bars[-1].high == pytest.approx(160)
    assert all(left.high == pytest.approx(right.low) for left, right in zip(bars, bars[1:], strict=False))
    middle = [bar for bar in bars if bar.low >= 85 and bar.high <= 115]
    assert all(bar.rows == pytest.approx(1001 * (bar.high - bar.low) / 40, abs=3) for bar in middle)


def test_reasons_are_counted_by_column() -> None:
    tally = Tally(CLASSES)
    tally.add(part(CLASSES, [0], {"age": "“age” must be a number and is “old”"}))
    tally.add(part(CLASSES, [0], {"age": "“age” must be a number and is “new”", "town": "“town” is odd"}))
    tally.check()
    assert tally.notes()[1:] == (
        "3 rows have no prediction: for example, “age” must be a number and is “old”.",
        "Rows without a prediction by the column that is the reason: “age”: 2, “town”: 1.",
    )


def test_no_row_at_all_is_a_sentence_about_the_first() -> None:
    tally = Tally(CLASSES)
    tally.add(part(CLASSES, [], {"town": "“town” is odd", "age": "“age” is old"}))
    with pytest.raises(UserError, match="In the first row, “town” is odd"):
        tally.check()
