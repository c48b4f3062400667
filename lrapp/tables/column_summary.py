"""A summary of a table: a row for each column, for a person to check before training."""

import numpy as np
import pandas as pd

from lrapp.tables.reading import Table

# A summary needs no more rows than this; counting all of a large table is slow.
SAMPLE_ROWS = 5_000
BARS = 12
# Distributions of more columns cost seconds.
MOST_DISTRIBUTIONS = 1_000


def overview(table: Table) -> pd.DataFrame:
    """Return a row for each column of a table.

    Returns:
        Columns ``name``, ``kind``, ``missing`` (percent), ``distinct``, ``distribution`` (heights of up to 12 bars,
        over equal ranges of a number or over the most frequent values), ``examples`` and ``reason``.
    """
    rows = len(table.frame)
    sample = table.frame if rows <= SAMPLE_ROWS else table.frame.sample(SAMPLE_ROWS, random_state=0)
    return pd.DataFrame(
        {
            "name": [column.name for column in table.columns],
            "kind": [column.kind.value for column in table.columns],
            "missing": [100.0 * column.missing / max(1, rows) for column in table.columns],
            "distinct": [column.distinct for column in table.columns],
            "distribution": [
                bars(sample.iloc[:, position]) if position < MOST_DISTRIBUTIONS else []
                for position in range(len(table.columns))
            ],
            "examples": [", ".join(column.examples) for column in table.columns],
            "reason": [column.reason for column in table.columns],
        }
    )


def bars(column: pd.Series) -> list[int]:
    """Return the heights of a small histogram: counts over equal ranges, or of the most frequent values."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        column = column.dropna().astype("int64")
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype="float64", na_value=np.nan)
        values = values[np.isfinite(values)]
        if not len(values):
            return []
        low, high = np.quantile(values, [0.005, 0.995])  # one extreme value must not flatten all others
        if high <= low:
            return [len(values)]
        counts, _ = np.histogram(np.clip(values, low, high), bins=BARS)
        return [int(count) for count in counts]
    return [int(count) for count in column.value_counts().head(BARS)]
